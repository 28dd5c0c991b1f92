"""A tensor that lies in a file: its shape is known, its numbers are fetched block by block."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from ...errors import WeightsError

# fc1 is 411 MB: a block at a time, its permutation needs no second copy of it.
BLOCK_BYTES = 16 * 2**20

# Of what a damaged file claims; VGG16's is 25088.
LONGEST_SIDE = 2**31

Blocks = Callable[[], Iterator[np.ndarray]]


@dataclass(frozen=True)
class Stored:
    """A tensor in a file; ``blocks()`` yields consecutive parts of it along the first axis."""

    name: str  # as the file calls it
    shape: tuple[int, ...]
    dtype: np.dtype
    blocks: Blocks


def rows_per_block(shape: tuple[int, ...], itemsize: int) -> int:
    """How many entries along the first axis of ``shape`` make a block: at least one."""
    return max(1, BLOCK_BYTES // max(1, prod(shape[1:]) * itemsize))


def checked_shape(name: str, shape: Collection[object]) -> tuple[int, ...]:
    """``shape`` when it is made of positive whole numbers that a tensor in a file can have."""
    sides = tuple(side for side in shape if isinstance(side, int) and 0 < side < LONGEST_SIDE)
    if len(sides) != len(shape):
        raise WeightsError(f"{name} has an impossible shape")
    return sides


def in_file(
    path: Path, name: str, dtype: np.dtype, shape: tuple[int, ...], offset: int, size: int
) -> Stored:
    """The tensor whose ``size`` bytes lie in the file from ``offset`` on, in C order.

    Raises WeightsError when they can't be its numbers, or the file ends before them.
    """
    if prod(shape) * dtype.itemsize != size:
        raise WeightsError(
            f"{name} has {size} bytes, its shape {shape} as {dtype} needs "
            f"{prod(shape) * dtype.itemsize}"
        )
    if offset + size > path.stat().st_size:
        raise WeightsError(f"the file is truncated: it ends before {name} does")

    def blocks() -> Iterator[np.ndarray]:
        step = rows_per_block(shape, dtype.itemsize)
        with path.open("rb") as file:
            file.seek(offset)
            for start in range(0, shape[0], step):
                rows = min(step, shape[0] - start)
                block = np.fromfile(file, dtype, rows * prod(shape[1:]))
                if block.size != rows * prod(shape[1:]):
                    raise WeightsError(f"the file is truncated: it ends before {name} does")
                yield block.reshape(rows, *shape[1:])

    return Stored(name, shape, dtype, blocks)
