"""An ``.npz`` whose arrays bear the canonical names and shapes."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from ....errors import WeightsError
from ..names import SHAPES, WeightTensors, canonical
from ..tensors import Stored, rows_per_block
from . import zips

SUFFIX = ".npy"
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read(path: Path, members: Collection[str]) -> WeightTensors:
    """The arrays of the zip's ``members``; their headers are read, their numbers are not."""
    found = [_stored(path, member) for member in members if member.endswith(SUFFIX)]
    return WeightTensors("npz", False, canonical(found, {name: name for name in SHAPES}))


def _stored(path: Path, member: str) -> Stored:
    name = member.removesuffix(SUFFIX)
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            shape, _, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
    except (*zips.ERRORS, KeyError) as error:
        raise WeightsError(f"{name} is damaged or truncated") from error

    def blocks() -> Iterator[np.ndarray]:
        try:
            with np.load(path, allow_pickle=False) as archive:
                array = archive[member]
        except zips.ERRORS as error:
            raise WeightsError(f"{name} is damaged or truncated") from error
        step = rows_per_block(shape, dtype.itemsize)
        for start in range(0, len(array), step):
            yield array[start : start + step]

    return Stored(name, shape, dtype, blocks)
