"""An ``.npz`` whose arrays bear the canonical names and shapes."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from ....errors import WeightsError
from .. import zips
from ..names import SHAPES, WeightTensors, by_canonical_name
from ..tensors import Stored, rows_per_block

SUFFIX = ".npy"
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read(path: Path, members: Collection[str]) -> WeightTensors:
    """Find the arrays of the zip's ``members``; only their headers are read."""
    stored = [_stored(path, member) for member in members if member.endswith(SUFFIX)]
    tensors = by_canonical_name(stored, {name: name for name in SHAPES})
    return WeightTensors("npz", False, tensors)


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
