"""``.safetensors``, by the library of that name: only its header is read at first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from ....errors import WeightsError
from ..names import WeightTensors
from ..tensors import Stored, rows_per_block
from ..torch_names import torch_tensors

PREFIX = 8
# VGG16's header has about 4 kB. The library allows 100 MB, and unfolds them in memory.
HEADER_LIMIT = 2**20
# I64 is for the batch counters of batch normalisation, so that it is named as the reason.
_TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I64": "<i8"}


def looks_like(head: bytes) -> bool:
    """Check whether a file that begins with ``head`` is a .safetensors."""
    return head[PREFIX : PREFIX + 1] == b"{" and _header_length(head) > 1


def read(path: Path) -> WeightTensors:
    """Find the tensors, under torchvision's or timm's names."""
    with path.open("rb") as file:
        length = _header_length(file.read(PREFIX))
    if length > HEADER_LIMIT:
        raise WeightsError(f"its header claims {length} bytes, VGG16's has a few thousand")
    with _opened(path) as archive:
        names = archive.keys()
        return torch_tensors("safetensors", [_stored(path, archive, name) for name in names])


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, "numpy") as archive:
            yield archive
    except SafetensorError as error:
        reason = str(error).removeprefix("Error while deserializing header: ")
        raise WeightsError(f"the .safetensors file is damaged or truncated ({reason})") from error


def _header_length(head: bytes) -> int:
    return int.from_bytes(head[:PREFIX], "little")


def _stored(path: Path, archive: Any, name: str) -> Stored:
    tensor = archive.get_slice(name)
    kind, shape = tensor.get_dtype(), tuple(tensor.get_shape())
    if kind not in _TYPES:
        raise WeightsError(f"{name} holds {kind}; only F16, F32 and F64 are read")
    dtype = np.dtype(_TYPES[kind])

    def blocks() -> Iterator[np.ndarray]:
        step = rows_per_block(shape, dtype.itemsize)
        with _opened(path) as archive:
            rows = archive.get_slice(name)
            for start in range(0, shape[0], step):
                yield rows[start : min(start + step, shape[0])]

    return Stored(name, shape, dtype, blocks)
