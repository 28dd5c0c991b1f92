"""Weight files of every format, written here by hand and by the real frameworks, and damaged.

The numbers are the bits of consecutive integers: every one of VGG16's 138 million is different,
so that equality of arrays proves where each number went.
"""

import json
import os
import pickle
import struct
import tracemalloc
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
from safetensors.numpy import save_file

from datasette_revimg.errors import WeightsError
from datasette_revimg.models.vgg16.architecture import CAFFE, TORCH
from datasette_revimg.models.weights import origins, readers
from datasette_revimg.models.weights.tensors import BLOCK_BYTES
from kit.weight_files import (
    KERNELS,
    TIMM,
    TORCHVISION,
    Named,
    renamed,
    swapped,
    write_caffe,
    write_keras_numbered,
    write_keras_official,
    write_large_onnx,
    write_onnx,
    write_safetensors,
    write_torch_legacy,
    write_torch_zip,
)

h5py = pytest.importorskip("h5py", reason="h5py reads Keras' files")
onnx = pytest.importorskip("onnx", reason="onnx writes the model zoo's files")


@pytest.fixture(scope="module")
def canonical():
    """The 32 arrays as Keras lays them out, in a single piece of memory."""
    shapes = {}
    for layer, kernel in KERNELS.items():
        shapes[f"{layer}/kernel"], shapes[f"{layer}/bias"] = kernel, kernel[-1:]
    total = sum(int(np.prod(shape)) for shape in shapes.values())
    # The bits of 2⁻⁹ and of what follows: float32 numbers between 0.002 and 170.
    numbers = (np.arange(total, dtype=np.uint32) + np.uint32(0x3B000000)).view(np.float32)
    arrays, start = {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        arrays[name] = numbers[start : start + size].reshape(shape)
        start += size
    return arrays


@pytest.fixture(scope="module")
def outputs_first(canonical):
    """The same as the other frameworks lay them out: (out, in, 3, 3), fc1 over C, H, W."""
    return {name: swapped(name, array) for name, array in canonical.items()}


@pytest.fixture
def folder(tmp_path):
    """A folder whose half gigabytes don't stay."""
    yield tmp_path
    for file in tmp_path.iterdir():
        file.unlink()


def only_convolutions(arrays):
    return {name: array for name, array in arrays.items() if name.startswith("block")}


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


# Whole files of every format.


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


# Without the top, which is a tenth of the size.

LITTLE = {
    "keras-h5": lambda file, theirs, ours: write_keras_official(file, ours),
    "keras-numbered": lambda file, theirs, ours: write_keras_numbered(file, ours),
    "npz": lambda file, theirs, ours: np.savez(file.open("wb"), **ours),
    "safetensors": lambda file, theirs, ours: write_safetensors(file, torch_names(theirs)),
    "torch-zip": lambda file, theirs, ours: write_torch_zip(file, torch_names(theirs)),
    "torch-legacy": lambda file, theirs, ours: write_torch_legacy(file, torch_names(theirs)),
    "onnx": lambda file, theirs, ours: write_onnx(file, theirs),
    "caffe": lambda file, theirs, ours: write_caffe(file, theirs),
    "caffe-new": lambda file, theirs, ours: write_caffe(file, theirs, old=False),
}


def torch_names(arrays):
    return renamed(arrays, TORCHVISION)


def write_little(kind, file, arrays):
    theirs = {name: swapped(name, array) for name, array in arrays.items()}
    LITTLE[kind](file, theirs, arrays)
    return file


@pytest.fixture(scope="module")
def convolutions(canonical):
    return only_convolutions(canonical)


@pytest.mark.parametrize("kind", LITTLE)
def test_without_the_top(kind, convolutions, folder):
    file = write_little(kind, folder / "x", convolutions)
    weights = readers.open_weights(file)
    assert weights.names() == list(convolutions)
    read = readers.read_convolutions(file)
    assert all(np.array_equal(read[name], array) for name, array in convolutions.items())


def test_keras_with_numbers_in_other_files(convolutions, folder):
    """HDF5 would read any file of the machine, and the file's hash doesn't cover it."""
    arrays = dict(convolutions)
    bias = arrays.pop("block1_conv1/bias")
    (folder / "elsewhere").write_bytes(bias.tobytes())
    layout = h5py.VirtualLayout((64,), np.float32)
    layout[:] = h5py.VirtualSource(folder / "virtual", "bias", (64,))
    for kind in ("external", "virtual"):
        write_keras_official(folder / "x", arrays)
        with h5py.File(folder / "x", "a") as archive:
            name = "block1_conv1/bias"
            if kind == "virtual":
                archive.create_virtual_dataset(name, layout)
            else:
                place = [(str(folder / "elsewhere"), 0, bias.nbytes)]
                archive.create_dataset(name, (64,), np.float32, external=place)
        with pytest.raises(WeightsError, match="numbers of block1_conv1/bias are in another file"):
            readers.open_weights(folder / "x")


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


# Damaged files.


@pytest.mark.parametrize("kind", LITTLE)
def test_truncated(kind, convolutions, folder):
    file = write_little(kind, folder / "x", convolutions)
    size = file.stat().st_size
    for length in (size - 1, size // 2, size // 3, 3000, 500, 100, 17, 9, 3, 1, 0):
        os.truncate(file, length)
        with pytest.raises(WeightsError, match=r"x: ."):
            readers.read_convolutions(file)


@pytest.mark.parametrize("kind", [kind for kind in LITTLE if kind != "keras-numbered"])
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"block3_conv2/bias": None, "block3_conv2/kernel": None},
            r"block3_conv2/kernel is missing|its graph has 12 Conv nodes, VGG16's has 13",
        ),
        (
            {"block2_conv1/kernel": np.ones((3, 3, 64, 64), np.float32)},
            r"block2_conv1/kernel.* has the shape .*64.* VGG16's is",
        ),
        (
            {"block2_conv1/bias": np.full(128, np.nan, np.float32)},
            r"block2_conv1/bias holds numbers that are not finite",
        ),
        (
            {"block5_conv3/kernel": np.full((3, 3, 512, 512), -np.inf, np.float32)},
            r"block5_conv3/kernel holds numbers that are not finite",
        ),
    ],
    ids=["missing", "shape", "nan", "infinite"],
)
def test_damaged(kind, change, sentence, convolutions, folder):
    arrays = {**convolutions, **change}
    arrays = {name: array for name, array in arrays.items() if array is not None}
    file = write_little(kind, folder / "x", arrays)
    with pytest.raises(WeightsError, match=sentence) as caught:
        readers.read_convolutions(file)
    assert str(caught.value).startswith(f"{file}: ")


def test_a_number_too_large_for_float32(convolutions, folder):
    arrays = {**convolutions, "block1_conv1/bias": np.full(64, 1e300)}
    with pytest.raises(WeightsError, match="block1_conv1/bias holds numbers that are not finite"):
        readers.read_convolutions(write_little("npz", folder / "x", arrays))


def test_integers_are_no_weights(convolutions, folder):
    arrays = {**convolutions, "block1_conv1/bias": np.ones(64, np.int32)}
    for kind in ("npz", "keras-h5"):
        with pytest.raises(WeightsError, match="block1_conv1/bias holds int32"):
            readers.read_convolutions(write_little(kind, folder / "x", arrays))


def test_vgg19_is_refused(convolutions, folder):
    """It has all of VGG16's tensors, in VGG16's shapes, and one convolution more per block."""
    extra = {"block3_conv4/kernel": np.ones((3, 3, 256, 256), np.float32)}
    with pytest.raises(WeightsError, match="block3_conv4/kernel is not one of VGG16's tensors"):
        readers.read_convolutions(write_little("keras-h5", folder / "x", convolutions | extra))


def test_batch_normalisation_is_refused(convolutions, folder):
    theirs = {name: swapped(name, array) for name, array in convolutions.items()}
    mean = {"features.1.running_mean": np.ones(64, np.float32)}
    write_safetensors(folder / "x", torch_names(theirs) | mean)
    with pytest.raises(WeightsError, match="batch normalisation"):
        readers.open_weights(folder / "x")
    write_onnx(folder / "y", theirs, extra_nodes=["BatchNormalization"])
    with pytest.raises(WeightsError, match="batch normalisation"):
        readers.open_weights(folder / "y")


def test_another_graph_is_refused(convolutions, folder):
    theirs = {name: swapped(name, array) for name, array in convolutions.items()}
    write_onnx(folder / "x", theirs, extra_nodes=["Transpose"])
    with pytest.raises(WeightsError, match="a node Transpose, VGG16's has none"):
        readers.open_weights(folder / "x")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nothing of the kind",
        b"\nCaffe begins with this byte",
        b"\x08\x07ONNX with these",
        b"\x80\x02K\x01.",
        b"\x89HDF\r\n\x1a\n",
        b"PK\x03\x04",
        b"\x00" * 1000,
        b"\xff" * 1000,
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 7) + b'{"x": 1',
        struct.pack("<Q", 11) + b'{"x": [12]}',
        b"<!DOCTYPE html><title>404</title>",
    ],
)
def test_other_files(content, tmp_path):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(WeightsError, match=r"x: ."):
        readers.open_weights(tmp_path / "x")


def test_a_zip_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "x", "w") as archive:
        archive.writestr("holiday.txt", "sun")
    with pytest.raises(WeightsError, match="no file of weights"):
        readers.open_weights(tmp_path / "x")


def test_no_file_and_a_folder(tmp_path):
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(WeightsError, match=str(path)):
            readers.open_weights(path)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"dtype": "BF16", "shape": [128]}, "features.0.bias holds BF16"),
        ({"dtype": "F4096"}, "damaged .*unknown variant `F4096`"),
        ({"dtype": "BF16"}, "damaged .*invalid shape, data type, or offset"),
        ({"data_offsets": [0, 2**60]}, "damaged .*invalid shape, data type, or offset"),
        ({"data_offsets": [-4, 252]}, "damaged .*invalid value: integer `-4`"),
        ({"data_offsets": [4, 260]}, "damaged .*invalid offset for tensor `features.0.bias`"),
        ({"data_offsets": [2**60, 2**60 + 256]}, "damaged .*offset for tensor `features.0.bias`"),
        ({"shape": [2**40, 2**40]}, "damaged .*overflow"),
        ({"shape": [-1, -64]}, "damaged .*invalid value: integer `-1`"),
        ({"shape": "64"}, "damaged .*expected a sequence"),
    ],
)
def test_safetensors_with_a_wrong_header(entry, sentence, tmp_path):
    right = {"dtype": "F32", "shape": [64], "data_offsets": [0, 256]}
    header = json.dumps({"features.0.bias": right | entry}).encode()
    (tmp_path / "x").write_bytes(struct.pack("<Q", len(header)) + header + bytes(256))
    with pytest.raises(WeightsError, match=rf"x: (the \.safetensors file is )?{sentence}"):
        readers.open_weights(tmp_path / "x")


def test_safetensors_with_an_endless_header(tmp_path):
    (tmp_path / "x").write_bytes(struct.pack("<Q", 2**21) + b"{" + bytes(2**21 - 1))
    with pytest.raises(WeightsError, match="its header claims 2097152 bytes, VGG16's has a few"):
        readers.open_weights(tmp_path / "x")


# Pickles that want more than tensors.


class Attack:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def evil_state(mark):
    return OrderedDict({"features.0.weight": Attack(mark)})


@pytest.mark.parametrize("write", [write_torch_zip, write_torch_legacy])
def test_a_pickle_is_not_executed(write, tmp_path):
    mark = tmp_path / "executed"
    pickle.loads(pickle.dumps(Attack(mark)))
    assert mark.exists(), "the attack itself works"
    mark.unlink()
    write(tmp_path / "x", {}, evil_state(mark))
    with pytest.raises(WeightsError, match=r"its pickle asks for (posix|nt)\.system"):
        readers.open_weights(tmp_path / "x")
    assert not mark.exists()


def test_the_first_pickle_is_not_executed_either(tmp_path):
    mark = tmp_path / "executed"
    (tmp_path / "x").write_bytes(pickle.dumps(Attack(mark), 2))
    with pytest.raises(WeightsError, match=r"its pickle asks for (posix|nt)\.system"):
        readers.open_weights(tmp_path / "x")
    assert not mark.exists()


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (Named("builtins.eval", "1"), "asks for builtins.eval"),
        (Named("torch._utils._rebuild_tensor_v3"), r"asks for torch\._utils\._rebuild_tensor_v3"),
        (Named("torchvision.models.vgg.VGG", 1), r"torch\.save\(network\.state_dict\(\)"),
        (Named("torch._utils.os.system", "true"), "asks for"),
        ({"features.0.weight": Named("torch.BFloat16Storage")}, "BFloat16Storage"),
        ({"state_dict": {}}, "state_dict in its pickle is no tensor"),
        ([1, 2], "holds no tensors by name"),
        ({1: 2}, "a tensor in its pickle has no name"),
        (("persistent", "module", "x"), "no storage of numbers"),
    ],
)
@pytest.mark.parametrize("write", [write_torch_zip, write_torch_legacy])
def test_pickles_with_other_things(write, state, sentence, tmp_path):
    write(tmp_path / "x", {}, state)
    with pytest.raises(WeightsError, match=sentence):
        readers.open_weights(tmp_path / "x")


def test_a_pickle_that_would_fill_the_memory(tmp_path):
    """Its 400 millionth memory of an object would make Python's unpickler take 5 GB."""
    (tmp_path / "x").write_bytes(b"\x80\x02}r\x84\xd7\x17\x18.")
    with pytest.raises(WeightsError, match="its pickle wants too much memory"):
        readers.open_weights(tmp_path / "x")


def tensor_state(offset=0, shape=(64,), strides=(1,), count=64):
    storage = ("persistent", "storage", Named("torch.FloatStorage"), "0", "cpu", count)
    rebuilt = Named("torch._utils._rebuild_tensor_v2", storage, offset, shape, strides)
    return OrderedDict({"features.0.bias": rebuilt})


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (tensor_state(offset=1), "reaches beyond its storage"),
        (tensor_state(offset=-1), "reaches beyond its storage"),
        (tensor_state(shape=(2**40,)), "impossible shape"),
        (tensor_state(shape=(2, 32), strides=(1, 2)), "not contiguous"),
        (tensor_state(shape="64"), "described wrongly"),
        (tensor_state(count=65), "not as long as its pickle says"),
    ],
)
def test_tensors_that_reach_beyond_the_file(state, sentence, tmp_path):
    write_torch_zip(tmp_path / "x", {"features.0.bias": np.ones(64, np.float32)}, state)
    with pytest.raises(WeightsError, match=sentence):
        readers.open_weights(tmp_path / "x")


def test_every_damaged_pickle_is_a_sentence(convolutions, folder):
    """Bytes changed at random in the pickle: refused or read, never a crash."""
    theirs = {name: swapped(name, array) for name, array in convolutions.items()}
    write_torch_legacy(folder / "x", torch_names(theirs))
    whole = (folder / "x").read_bytes()[:4000]
    rng = np.random.default_rng(3)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(damaged), 3):
            damaged[place] = rng.integers(0, 256)
        (folder / "y").write_bytes(damaged)
        with pytest.raises(WeightsError):
            readers.open_weights(folder / "y")


# Known files.


def test_origins_are_told_by_hash():
    for origin in origins.ORIGINS:
        found = origins.Fingerprint(origin.sha256 or "another", origin.md5 or "another")
        assert origins.recognise(found) is origin
    assert origins.recognise(origins.Fingerprint("another", "another")) is None


def test_origins_say_how_pictures_are_prepared():
    kinds = {origin.name: origin.preprocessing for origin in origins.ORIGINS}
    assert {name for name, kind in kinds.items() if kind == CAFFE} == {
        "Keras applications",
        "Keras applications, without the top",
        "Oxford, Caffe",
    }
    assert [kind for kind in kinds.values() if kind != CAFFE] == [TORCH] * 4
    mean, deviation = np.array(TORCH.mean) / 255, np.array(TORCH.std) / 255
    assert np.allclose(mean, (0.485, 0.456, 0.406))
    assert np.allclose(deviation, (0.229, 0.224, 0.225))


def test_the_hash_is_the_files(convolutions, folder, monkeypatch):
    file = write_little("npz", folder / "x", convolutions)
    found = origins.fingerprint(file)
    known = origins.Origin("mine", TORCH, "none", "me", "here", md5=found.md5)
    monkeypatch.setattr(origins, "ORIGINS", (known,))
    weights = readers.open_weights(file)
    assert weights.sha256 == found.sha256
    assert weights.origin == known


# The real frameworks.


def test_torch_itself(outputs_first, canonical, folder):
    torch = pytest.importorskip("torch", reason="torch writes its own files")
    tensors = renamed(outputs_first, TORCHVISION)
    torch.save({name: torch.from_numpy(array) for name, array in tensors.items()}, folder / "x")
    check(folder / "x", canonical, "torchvision")


def test_torch_parameters_and_precisions(convolutions, folder):
    torch = pytest.importorskip("torch", reason="torch writes its own files")
    theirs = torch_names({name: swapped(name, array) for name, array in convolutions.items()})
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
    save_file(torch_names(theirs), folder / "x")
    check(folder / "x", convolutions, "safetensors")
