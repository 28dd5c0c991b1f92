"""Weight files that are damaged, or no weights of VGG16: each is refused in a sentence."""

import json
import os
import struct
import zipfile

import h5py
import numpy as np
import pytest

from datasette_revimg.errors import WeightsError
from datasette_revimg.models.weights import readers
from kit.protobuf_files import write_onnx
from kit.vgg16_arrays import swapped, torchvision_names
from kit.weight_files import LITTLE, write_keras_official, write_little, write_safetensors


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
    write_safetensors(folder / "x", torchvision_names(theirs) | mean)
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
    with pytest.raises(WeightsError, match="isn't a file of weights"):
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
