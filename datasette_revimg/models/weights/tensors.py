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

# A damaged file may claim any; VGG16's is 25088.
LONGEST_SIDE = 2**31


@dataclass(frozen=True)
class Span:
    """A run of bytes in a file."""

    path: Path
    offset: int
    size: int


Blocks = Callable[[], Iterator[np.ndarray]]


@dataclass(frozen=True)
class Stored:
    """A tensor in a file; ``blocks()`` yields consecutive parts of it along the first axis."""

    name: str  # as the file calls it
    shape: tuple[int, ...]
    dtype: np.dtype
    blocks: Blocks


def rows_per_block(shape: tuple[int, ...], itemsize: int) -> int:
    """Return how many entries along the first axis of ``shape`` make a block: at least one."""
    return max(1, BLOCK_BYTES // max(1, prod(shape[1:]) * itemsize))


def checked_shape(name: str, shape: Collection[object]) -> tuple[int, ...]:
    """Return ``shape`` if a tensor in a file can have it, WeightsError if not."""
    sides = tuple(side for side in shape if isinstance(side, int) and 0 < side < LONGEST_SIDE)
    if len(sides) != len(shape):
        raise WeightsError(f"{name} has an impossible shape")
    return sides


def in_file(span: Span, name: str, dtype: np.dtype, shape: tuple[int, ...]) -> Stored:
    """Describe the tensor whose numbers are the bytes of ``span``, in C order.

    Raises WeightsError when they can't be its numbers, or the file ends before them.
    """
    needed = prod(shape) * dtype.itemsize
    if span.size != needed:
        raise WeightsError(
            f"{name} has {span.size} bytes, its shape {shape} as {dtype} needs {needed}"
        )
    if span.offset + span.size > span.path.stat().st_size:
        raise WeightsError(f"the file is truncated: it ends before {name} does")

    def blocks() -> Iterator[np.ndarray]:
        step = rows_per_block(shape, dtype.itemsize)
        with span.path.open("rb") as file:
            file.seek(span.offset)
            for start in range(0, shape[0], step):
                rows = min(step, shape[0] - start)
                block = np.fromfile(file, dtype, rows * prod(shape[1:]))
                if block.size != rows * prod(shape[1:]):
                    raise WeightsError(f"the file is truncated: it ends before {name} does")
                yield block.reshape(rows, *shape[1:])

    return Stored(name, shape, dtype, blocks)
