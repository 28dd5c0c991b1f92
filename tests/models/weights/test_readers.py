"""Weight files of every format, written by hand and by the real frameworks.

Every one of VGG16's 138 million numbers is different, so that equality of arrays proves where each
number went.
"""

import os
import tracemalloc

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

from datasette_revimg.errors import WeightsError
from datasette_revimg.models.weights import readers
from datasette_revimg.models.weights.tensors import BLOCK_BYTES
from kit.protobuf_files import write_caffe, write_large_onnx
from kit.torch_files import write_torch_legacy, write_torch_zip
from kit.vgg16_arrays import KERNELS, TIMM, TORCHVISION, renamed, swapped, torchvision_names
from kit.weight_files import LITTLE, write_keras_official, write_little, write_safetensors


def check(file, expected, layout):
    """The file has exactly these arrays, number by number."""
    weights = readers.open_weights(file)
    assert weights.layout == layout
    assert weights.origin is None
    assert weights.names() == list(expected)
    for name, array in expected.items():
        read = loaded_sparingly(weights, name)
        assert read.dtype == np.float32
        assert read.flags.c_contiguous
        assert np.array_equal(read, array), name
    return weights


def loaded_sparingly(weights, name):
    """The array, whose permutation must not take as much memory again."""
    tracemalloc.start()
    array = weights.array(name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    copies = 2 if weights.layout == "npz" else 1
    assert peak < copies * array.nbytes + 4 * BLOCK_BYTES
    return array


def test_npz(canonical, folder):
    np.savez(folder / "x", **canonical)
    weights = check(folder / "x.npz", canonical, "npz")
    with pytest.raises(WeightsError, match=r"x\.npz: fc3/kernel is missing"):
        weights.array("fc3/kernel")


def test_keras_official(canonical, folder):
    write_keras_official(folder / "x", canonical)
    check(folder / "x", canonical, "keras-h5")


@pytest.fixture(scope="module")
def keras():
    for backend in ("torch", "jax", "tensorflow"):
        if "KERAS_BACKEND" in os.environ:
            break
        try:
            __import__(backend)
            os.environ["KERAS_BACKEND"] = backend
        except ImportError:
            continue
    return pytest.importorskip("keras", reason="Keras writes its own files", exc_type=Exception)


def test_keras_itself(keras, canonical, folder):
    network = keras.applications.VGG16(weights=None)
    network.set_weights(list(canonical.values()))
    network.save_weights(folder / "x.weights.h5")
    check(folder / "x.weights.h5", canonical, "keras-h5")
    for name, layout in (("x.h5", "keras-h5"), ("x.keras", "keras-zip")):
        network.save(folder / name)
        check(folder / name, canonical, layout)
    del network
    keras.utils.clear_session()


def test_keras_without_the_top_and_with_an_optimizer(keras, convolutions, folder):
    network = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    network.set_weights(list(convolutions.values()))
    network.compile(optimizer="adam", loss="mse")
    network.optimizer.build(network.trainable_variables)
    for name in ("x.h5", "x.keras"):
        network.save(folder / name)
        read = readers.read_convolutions(folder / name)
        assert all(np.array_equal(read[key], array) for key, array in convolutions.items())


def test_safetensors(outputs_first, canonical, folder):
    write_safetensors(folder / "x", renamed(outputs_first, TORCHVISION))
    weights = check(folder / "x", canonical, "safetensors")
    # Once more element by element, by the definitions of the two flattens.
    kernel = weights.array("fc1/kernel")
    rng = np.random.default_rng(7)
    for channel, y, x, output in rng.integers(0, (512, 7, 7, 4096), (200, 4)):
        theirs = outputs_first["fc1/kernel"][output, channel * 49 + y * 7 + x]
        assert kernel[(y * 7 + x) * 512 + channel, output] == theirs


def test_timm(outputs_first, canonical, folder):
    shapes = {"fc1/kernel": (4096, 512, 7, 7), "fc2/kernel": (4096, 4096, 1, 1)}
    arrays = {
        name: array.reshape(shapes.get(name, array.shape)) for name, array in outputs_first.items()
    }
    write_safetensors(folder / "x", renamed(arrays, TIMM))
    check(folder / "x", canonical, "timm")


def test_torch_zip(outputs_first, canonical, folder):
    write_torch_zip(folder / "x", renamed(outputs_first, TORCHVISION))
    check(folder / "x", canonical, "torchvision")


def test_torch_legacy(outputs_first, canonical, folder):
    write_torch_legacy(folder / "x", renamed(outputs_first, TORCHVISION))
    check(folder / "x", canonical, "torchvision")


def test_onnx(outputs_first, canonical, folder):
    write_large_onnx(folder / "x", outputs_first)
    check(folder / "x", canonical, "onnx-zoo")


def test_caffe(outputs_first, canonical, folder):
    write_caffe(folder / "x", outputs_first)
    check(folder / "x", canonical, "caffe")


@pytest.mark.parametrize("kind", LITTLE)
def test_without_the_top(kind, convolutions, folder):
    file = write_little(kind, folder / "x", convolutions)
    weights = readers.open_weights(file)
    assert weights.names() == list(convolutions)
    read = readers.read_convolutions(file)
    assert all(np.array_equal(read[name], array) for name, array in convolutions.items())


def test_compressed_npz(convolutions, folder):
    arrays = {
        name: np.full_like(array, number)
        for number, (name, array) in enumerate(convolutions.items())
    }
    np.savez_compressed(folder / "x", **arrays)
    check(folder / "x.npz", arrays, "npz")


def test_the_last_layer_may_be_missing_alone(convolutions, canonical, folder):
    # A shape of its own would be a copy: a broadcast zero has VGG16's shapes for nothing.
    arrays = dict(convolutions)
    for layer in ("fc1", "fc2"):
        arrays[f"{layer}/bias"] = canonical[f"{layer}/bias"]
    with h5py.File(folder / "x", "w") as archive:
        for name, array in arrays.items():
            archive[name] = array
        for layer in ("fc1", "fc2"):
            archive.create_dataset(f"{layer}/kernel", KERNELS[layer], np.float32)
    assert readers.open_weights(folder / "x").names()[-1] == "fc2/bias"


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
@pytest.mark.parametrize("kind", ["keras-h5", "npz", "safetensors", "onnx"])
def test_other_precisions(kind, dtype, convolutions, folder):
    arrays = {name: array.astype(dtype) for name, array in convolutions.items()}
    read = readers.read_convolutions(write_little(kind, folder / "x", arrays))
    for name, array in arrays.items():
        assert read[name].dtype == np.float32
        assert np.array_equal(read[name], array.astype(np.float32))


def test_torch_itself(outputs_first, canonical, folder):
    torch = pytest.importorskip("torch", reason="torch writes its own files")
    tensors = renamed(outputs_first, TORCHVISION)
    torch.save({name: torch.from_numpy(array) for name, array in tensors.items()}, folder / "x")
    check(folder / "x", canonical, "torchvision")


def test_torch_parameters_and_precisions(convolutions, folder):
    torch = pytest.importorskip("torch", reason="torch writes its own files")
    theirs = torchvision_names({name: swapped(name, array) for name, array in convolutions.items()})
    for dtype in (torch.float16, torch.float64):
        state = {
            name: torch.nn.Parameter(torch.from_numpy(array).to(dtype))
            for name, array in theirs.items()
        }
        for zipped in (True, False):
            torch.save(state, folder / "x", _use_new_zipfile_serialization=zipped)
            read = readers.read_convolutions(folder / "x")
            for name, array in convolutions.items():
                precision = np.float16 if dtype == torch.float16 else np.float32
                assert np.array_equal(read[name], array.astype(precision).astype(np.float32))


def test_safetensors_itself(convolutions, folder):
    theirs = {name: swapped(name, array) for name, array in convolutions.items()}
    save_file(torchvision_names(theirs), folder / "x")
    check(folder / "x", convolutions, "safetensors")
