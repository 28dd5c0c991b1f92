"""``.pth``, as ``torch.save`` writes it: before 1.6 pickles and then numbers, since then a zip.

torchvision's published file is of the older kind.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path

import numpy as np

from ....errors import WeightsError
from .. import zips
from ..names import WeightTensors
from ..tensors import Span, Stored, checked_shape, in_file
from ..torch_names import torch_tensors
from ..unpickling import Storage, Tensor, TensorUnpickler

PICKLE = "/data.pkl"
# VGG16's has 4 kB.
PICKLE_LIMIT = 2**20

LEGACY_SIGNATURE = b"\x80"
_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_COUNT_BYTES = 8


def read_zip(path: Path, members: Mapping[str, zipfile.ZipInfo]) -> WeightTensors:
    """Find the tensors of a zip that has a member ``…/data.pkl``."""
    pickled = next(name for name in members if name.endswith(PICKLE))
    root = pickled.removesuffix(PICKLE)
    part = zips.span(path, members[pickled])
    if part.size > PICKLE_LIMIT:
        raise WeightsError(f"{pickled} has {part.size} bytes, VGG16's has a few thousand")
    with zips.SpanFile(part) as file:
        if f"{root}/byteorder" in members:
            _check_byte_order(zips.span(path, members[f"{root}/byteorder"]))
        unpickler = TensorUnpickler(io.BufferedReader(file))
        tensors = unpickler.tensors()
    spans = {}
    for storage in unpickler.storages.values():
        member = members.get(f"{root}/data/{storage.key}")
        if member is None:
            raise WeightsError(f"{root}/data/{storage.key} is missing in the zip file")
        spans[storage] = zips.span(path, member)
        if spans[storage].size != _size(storage):
            raise _wrong_length(storage)
    return _contents(tensors, spans)


def _check_byte_order(part: Span) -> None:
    with zips.SpanFile(part) as file:
        if file.read(part.size) != b"little":
            raise WeightsError("its numbers are not little-endian")


def read_legacy(path: Path) -> WeightTensors:
    """Find the tensors of a file of five pickles and then the storages' numbers."""
    with path.open("rb") as file:
        if TensorUnpickler(file).read() != _MAGIC:
            raise WeightsError("it is a pickle, but not one that torch.save wrote")
        if TensorUnpickler(file).read() != _PROTOCOL:
            raise WeightsError("it was written by an unknown version of torch.save")
        system = TensorUnpickler(file).read()
        if not isinstance(system, dict) or dict.get(system, "little_endian") is not True:
            raise WeightsError("its numbers are not little-endian")
        unpickler = TensorUnpickler(file)
        tensors = unpickler.tensors()
        keys = TensorUnpickler(file).read()
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise WeightsError("it has no list of its storages")
        if sorted(keys) != sorted(unpickler.storages):
            raise WeightsError("its list of storages does not fit its tensors")
        spans = _legacy_spans(path, file, [unpickler.storages[key] for key in keys])
    return _contents(tensors, spans)


def _legacy_spans(
    path: Path, file: io.BufferedReader, storages: Iterable[Storage]
) -> dict[Storage, Span]:
    spans = {}
    for storage in storages:
        count = file.read(_COUNT_BYTES)
        if len(count) != _COUNT_BYTES:
            raise WeightsError("the file is truncated: it ends before its last tensor does")
        if int.from_bytes(count, "little", signed=True) != storage.length:
            raise _wrong_length(storage)
        spans[storage] = Span(path, file.tell(), _size(storage))
        file.seek(_size(storage), io.SEEK_CUR)
    return spans


def _wrong_length(storage: Storage) -> WeightsError:
    return WeightsError(f"the storage {storage.key} is not as long as its pickle says")


def _size(storage: Storage) -> int:
    return storage.length * np.dtype(storage.dtype).itemsize


def _contents(tensors: Mapping[str, Tensor], spans: Mapping[Storage, Span]) -> WeightTensors:
    stored = [_stored(name, tensor, spans) for name, tensor in tensors.items()]
    return torch_tensors("torchvision", stored)


def _stored(name: str, tensor: Tensor, spans: Mapping[Storage, Span]) -> Stored:
    match tensor:
        case Tensor(Storage() as storage, int(offset), tuple(shape), tuple(strides)):
            pass
        case _:
            raise WeightsError(f"{name} is described wrongly in the pickle")
    shape = checked_shape(name, shape)
    if strides != tuple(prod(shape[axis + 1 :]) for axis in range(len(shape))):
        raise WeightsError(f"{name} is not contiguous; save it with .contiguous()")
    dtype = np.dtype(storage.dtype)
    if offset < 0 or offset + prod(shape) > storage.length:
        raise WeightsError(f"{name} reaches beyond its storage")
    part = spans[storage]
    start, size = part.offset + offset * dtype.itemsize, prod(shape) * dtype.itemsize
    return in_file(Span(part.path, start, size), name, dtype, shape)
