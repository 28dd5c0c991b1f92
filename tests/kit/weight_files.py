"""Files of VGG16's weights in every format, written by hand, byte by byte where need be."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
import onnx

from datasette_revimg.models.vgg16.architecture import conv_shapes

Weights = dict[str, np.ndarray]

CONVOLUTIONS = list(conv_shapes())
LAYERS = [*CONVOLUTIONS, "fc1", "fc2", "predictions"]
KERNELS = {
    **conv_shapes(),
    "fc1": (25088, 4096),
    "fc2": (4096, 4096),
    "predictions": (4096, 1000),
}
FEATURES = [f"features.{place}" for place in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)]
TORCHVISION = [*FEATURES, "classifier.0", "classifier.3", "classifier.6"]
TIMM = [*FEATURES, "pre_logits.fc1", "pre_logits.fc2", "head.fc"]
CAFFE_NAMES = [
    *("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3"),
    *("conv4_1", "conv4_2", "conv4_3", "conv5_1", "conv5_2", "conv5_3", "fc6", "fc7", "fc8"),
]


def numbered(kernels: Mapping[str, tuple[int, ...]]) -> Weights:
    """Return arrays in which every number is another one, as Keras lays them out.

    The numbers are the bits of consecutive integers from those of 2⁻⁹ on: float32 numbers between
    0.002 and 170, the same for the same layer. They lie in a single piece of memory.
    """
    shapes = {}
    for layer, kernel in kernels.items():
        shapes[f"{layer}/kernel"], shapes[f"{layer}/bias"] = kernel, kernel[-1:]
    total = sum(int(np.prod(shape)) for shape in shapes.values())
    numbers = (np.arange(total, dtype=np.uint32) + np.uint32(0x3B000000)).view(np.float32)
    arrays, start = {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        arrays[name] = numbers[start : start + size].reshape(shape)
        start += size
    return arrays


def swapped(name: str, array: np.ndarray) -> np.ndarray:
    """Return an array as the other frameworks lay it out: outputs first, fc1 over C, H, W."""
    if name == "fc1/kernel":
        by_place = array.reshape(7, 7, 512, 4096)
        return np.ascontiguousarray(by_place.transpose(3, 2, 0, 1)).reshape(4096, 25088)
    if array.ndim == 4:
        return np.ascontiguousarray(array.transpose(3, 2, 0, 1))
    return np.ascontiguousarray(array.T)


def renamed(
    arrays: Weights, layers: Sequence[str], kernel: str = ".weight", bias: str = ".bias"
) -> Weights:
    """Return the tensors under other names; ``layers`` are the layers' from first to last."""
    theirs = dict(zip(LAYERS, layers, strict=True))
    suffixes = {"kernel": kernel, "bias": bias}
    return {
        theirs[layer] + suffixes[role]: array
        for name, array in arrays.items()
        for layer, role in [name.split("/")]
    }


def write_keras_official(file: Path, arrays: Weights) -> None:
    """Write the file that Keras publishes."""
    with h5py.File(file, "w") as archive:
        for name, array in arrays.items():
            layer, role = name.split("/")
            archive[f"{layer}/{layer}_{'W' if role == 'kernel' else 'b'}_1:0"] = array
        archive.create_group("block1_pool")
        archive.create_group("flatten")


def write_keras_numbered(file: Path, arrays: Weights) -> None:
    """Write as the first versions of Keras 3 did: layers have a class and a number only."""
    with h5py.File(file, "w") as archive:
        for name, array in arrays.items():
            layer, role = name.split("/")
            kind = "conv2d" if layer.startswith("block") else "dense"
            number = LAYERS.index(layer) - (13 if kind == "dense" else 0)
            group = f"layers/{kind}_{number}" if number else f"layers/{kind}"
            archive[f"{group}/vars/{int(role == 'bias')}"] = array
        archive["optimizer/vars/0"] = np.zeros(3)


def write_npz(file: Path, arrays: Weights) -> None:
    """Write an .npz archive under any name: numpy would add its own suffix."""
    named: dict[str, Any] = dict(arrays)
    with file.open("wb") as archive:
        np.savez(archive, **named)


def write_safetensors(file: Path, tensors: Weights) -> None:
    """Write a .safetensors file."""
    header: dict[str, Any]
    header, position = {"__metadata__": {"format": "pt"}}, 0
    for name, array in tensors.items():
        span = [position, position + array.nbytes]
        kind = {2: "F16", 4: "F32", 8: "F64"}[array.itemsize]
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": span}
        position += array.nbytes
    data = json.dumps(header).encode()
    with file.open("wb") as output:
        output.write(struct.pack("<Q", len(data)) + data)
        for array in tensors.values():
            output.write(array.data)


class Named:
    """A global that a pickle asks for by name, and the arguments that it is called with."""

    def __init__(self, name: str, *arguments: object) -> None:
        self.name, self.arguments = name, arguments


class TorchPickler(pickle._Pickler):
    """Writes torch's pickles without torch."""

    def persistent_id(self, thing: Any) -> Any:
        """Return the reference of a storage; None for anything else."""
        return thing[1:] if isinstance(thing, tuple) and thing[:1] == ("persistent",) else None

    def save(self, thing: Any, save_persistent_id: bool = True) -> None:
        """Write a thing; a ``Named`` one as a global, called if it has arguments."""
        if not isinstance(thing, Named):
            super().save(thing, save_persistent_id)  # type: ignore[misc]
            return
        module, name = thing.name.rsplit(".", 1)
        self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())  # type: ignore[attr-defined]
        if thing.arguments:
            super().save(thing.arguments)  # type: ignore[misc]
            self.write(pickle.REDUCE)  # type: ignore[attr-defined]


def pickled(thing: object, file: IO[bytes]) -> None:
    """Write a pickle as torch does."""
    TorchPickler(file, protocol=2).dump(thing)


def torch_state(
    tensors: Weights, *more: object, rebuild: str = "_rebuild_tensor_v2"
) -> OrderedDict[str, Named]:
    """Return what ``state_dict()`` is to a pickle; ``more`` ends the storages' references."""
    state: OrderedDict[str, Named] = OrderedDict()
    for key, (name, array) in enumerate(tensors.items()):
        kind = {2: "torch.HalfStorage", 4: "torch.FloatStorage"}[array.itemsize]
        storage = ("persistent", "storage", Named(kind), str(key), "cuda:0", array.size, *more)
        strides = tuple(stride // array.itemsize for stride in array.strides)
        arguments: tuple[object, ...] = (storage, 0, array.shape, strides)
        if rebuild == "_rebuild_tensor_v2":
            arguments += (False, OrderedDict())
        state[name] = Named(f"torch._utils.{rebuild}", *arguments)
    return state


def write_torch_zip(file: Path, tensors: Weights, state: object = None) -> None:
    """Write as torch does since version 1.6: a zip."""
    with zipfile.ZipFile(file, "w") as archive:
        with archive.open("vgg16/data.pkl", "w") as member:
            pickled(state or torch_state(tensors), member)
        archive.writestr("vgg16/byteorder", "little")
        for key, array in enumerate(tensors.values()):
            with archive.open(f"vgg16/data/{key}", "w") as member:
                member.write(array.data)
        archive.writestr("vgg16/version", "3\n")


def write_torch_legacy(file: Path, tensors: Weights, state: object = None) -> None:
    """Write as torch did before version 1.6: pickles, then the numbers."""
    with file.open("wb") as output:
        heads: list[object] = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
        for thing in heads:
            pickled(thing, output)
        pickled(state or torch_state(tensors, None, rebuild="_rebuild_tensor"), output)
        pickled([str(key) for key in range(len(tensors))], output)
        for array in tensors.values():
            output.write(struct.pack("<q", array.size))
            output.write(array.data)


def zoo_graph(names: Collection[str], extra_nodes: Iterable[str] = ()) -> onnx.GraphProto:
    """Return the model zoo's graph of the layers with tensors in ``names``, without numbers."""
    nodes, tensor = [], "data"
    for place, layer in enumerate(LAYERS):
        names_here = [name for name in names if name.startswith(f"vgg0_{layer}_")]
        if not names_here:
            continue
        if layer.startswith("block"):
            nodes.append(onnx.helper.make_node("Conv", [tensor, *names_here], [f"x{place}"]))
        else:
            nodes.append(onnx.helper.make_node("Flatten", [tensor], [f"f{place}"]))
            inputs = [f"f{place}", *names_here]
            nodes.append(onnx.helper.make_node("Gemm", inputs, [f"x{place}"], transB=1))
        nodes.append(onnx.helper.make_node("Relu", [f"x{place}"], [f"r{place}"]))
        tensor = f"r{place}"
    for op in extra_nodes:
        nodes.append(onnx.helper.make_node(op, [tensor], [f"{tensor}.{op}"]))
    data = onnx.helper.make_tensor_value_info("data", 1, [1, 3, 224, 224])
    output = onnx.helper.make_tensor_value_info(tensor, 1, None)
    return onnx.helper.make_graph(nodes, "vgg16", [data], [output])


def zoo_names(arrays: Weights) -> Weights:
    """Name tensors as in the zoo, in another order: that of the initializers means nothing."""
    tensors = renamed(arrays, [f"vgg0_{layer}" for layer in LAYERS], "_weight", "_bias")
    return dict(reversed(tensors.items()))


def write_onnx(file: Path, arrays: Weights, **options: Any) -> None:
    """Write a model as in the ONNX model zoo."""
    tensors = zoo_names(arrays)
    graph = zoo_graph(sorted(tensors, reverse=True), **options)
    graph.initializer.extend(
        onnx.numpy_helper.from_array(array, name) for name, array in tensors.items()
    )
    file.write_bytes(onnx.helper.make_model(graph).SerializeToString())


def write_large_onnx(file: Path, arrays: Weights) -> None:
    """Write the zoo's model straight into the file: onnx would hold three copies of the numbers."""
    tensors = zoo_names(arrays)
    graph = zoo_graph(sorted(tensors, reverse=True)).SerializeToString()
    heads = []
    for name, array in tensors.items():
        head = onnx.TensorProto(dims=array.shape, data_type=1, name=name).SerializeToString()
        head += length_delimited(9, array.nbytes)
        heads.append(length_delimited(5, len(head) + array.nbytes) + head)
    size = len(graph) + sum(map(len, heads)) + sum(array.nbytes for array in tensors.values())
    with file.open("wb") as output:
        output.write(onnx.ModelProto(ir_version=3).SerializeToString())
        output.write(length_delimited(7, size) + graph)
        for head, array in zip(heads, tensors.values(), strict=True):
            output.write(head)
            output.write(array.data)


def varint(number: int) -> bytes:
    """Encode a number as protobuf does, seven bits a byte."""
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def length_delimited(number: int, size: int) -> bytes:
    """Encode the head of a protobuf field that is followed by ``size`` bytes."""
    return varint(number << 3 | 2) + varint(size)


def message(number: int, data: bytes) -> bytes:
    """Encode a protobuf field that holds bytes."""
    return length_delimited(number, len(data)) + data


def write_caffe(file: Path, arrays: Weights, old: bool = True) -> None:
    """Write V1LayerParameter with four sides to every blob, or LayerParameter with shapes."""
    layers, blobs_field, name_field = (2, 6, 4) if old else (100, 7, 1)
    named = dict(zip(LAYERS, CAFFE_NAMES, strict=True))
    with file.open("wb") as output:
        output.write(message(1, b"VGG_ILSVRC_16_layers"))
        output.write(message(layers, message(name_field, b"relu1_1")))
        for layer in dict.fromkeys(name.split("/")[0] for name in arrays):
            blobs = [arrays[f"{layer}/{role}"] for role in ("kernel", "bias")]
            heads = [blob_sides(blob, old) + length_delimited(5, blob.nbytes) for blob in blobs]
            opened = [
                length_delimited(blobs_field, len(head) + blob.nbytes) + head
                for head, blob in zip(heads, blobs, strict=True)
            ]
            name = message(name_field, named[layer].encode())
            size = len(name) + sum(map(len, opened)) + sum(blob.nbytes for blob in blobs)
            output.write(length_delimited(layers, size) + name)
            for head, blob in zip(opened, blobs, strict=True):
                output.write(head)
                output.write(blob.data)


def blob_sides(blob: np.ndarray, old: bool) -> bytes:
    """Encode the shape of a blob."""
    if old:
        sides = (*[1] * (4 - blob.ndim), *blob.shape)
        return b"".join(varint(field << 3) + varint(side) for field, side in enumerate(sides, 1))
    return message(7, message(1, b"".join(map(varint, blob.shape))))


def torchvision_names(arrays: Weights) -> Weights:
    """Name arrays as torchvision does."""
    return renamed(arrays, TORCHVISION)


# Writers of files that have only the convolutions, by format: the outputs-first arrays, and ours.
# Without the top, which is a tenth of the size.

LITTLE: dict[str, Callable[[Path, Weights, Weights], None]] = {
    "keras-h5": lambda file, theirs, ours: write_keras_official(file, ours),
    "keras-numbered": lambda file, theirs, ours: write_keras_numbered(file, ours),
    "npz": lambda file, theirs, ours: write_npz(file, ours),
    "safetensors": lambda file, theirs, ours: write_safetensors(file, torchvision_names(theirs)),
    "torch-zip": lambda file, theirs, ours: write_torch_zip(file, torchvision_names(theirs)),
    "torch-legacy": lambda file, theirs, ours: write_torch_legacy(file, torchvision_names(theirs)),
    "onnx": lambda file, theirs, ours: write_onnx(file, theirs),
    "caffe": lambda file, theirs, ours: write_caffe(file, theirs),
    "caffe-new": lambda file, theirs, ours: write_caffe(file, theirs, old=False),
}


def write_little(kind: str, file: Path, arrays: Weights) -> Path:
    """Write arrays as this format has them, and return the file."""
    theirs = {name: swapped(name, array) for name, array in arrays.items()}
    LITTLE[kind](file, theirs, arrays)
    return file
