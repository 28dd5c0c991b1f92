"""The rows that an evaluation ranks, and what a network makes of their pictures and their edits."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import RevimgError
from ..keys import Key
from ..models.network import Network
from ..pictures.decoding import decode
from ..pictures.edits import EDITS, edited_arrays
from ..pictures.opening import ImageError

# A row's key → the bytes of its picture, None when it is gone.
Read = Callable[[Key], bytes | None]


@dataclass(frozen=True, eq=False)
class Described:
    """A sample of rows, as one network describes it.

    ``vectors`` are the unit vectors of the rows, float32 (N, D), in the order of ``keys``, and
    ``hashes`` say which of them have the same file. ``edits`` are those of the edits of the first E
    of them, float32 (E, edits, D), in the order of ``pictures.edits.EDITS``, none where edits
    weren't asked for. ``seconds`` is how long the network took for ``pictures`` of them.
    """

    keys: list[Key]
    hashes: list[bytes]
    vectors: np.ndarray
    edits: np.ndarray
    pictures: int
    seconds: float


def describe(
    network: Network,
    keys: Sequence[Key],
    read: Read,
    edited: int,
    on_done: Callable[[int], None] = lambda done: None,
) -> Described:
    """Embed the pictures of these rows, and the edits of the first ``edited`` that have any.

    Rows whose picture is gone or can't be read are left out. ``on_done`` is called with the number
    of rows that are done. Raises RevimgError when none is left.
    """
    kept: list[Key] = []
    hashes: list[bytes] = []
    vectors: list[np.ndarray] = []
    edits: list[np.ndarray] = []
    seconds, pictures = 0.0, 0

    def embed(arrays: Sequence[np.ndarray]) -> np.ndarray:
        nonlocal seconds, pictures
        started = time.perf_counter()
        found = [network.embed(array[np.newaxis])[0] for array in arrays]
        seconds += time.perf_counter() - started
        pictures += len(arrays)
        return np.array(found, np.float32)

    for number, key in enumerate(keys):
        data = read(key)
        try:
            array = None if data is None else decode(data, network.size).array
            some = edited_arrays(data, network.size, number) if data and len(edits) < edited else []
        except ImageError:
            array = None
        if data is not None and array is not None:
            kept.append(key)
            hashes.append(hashlib.sha256(data).digest())
            vectors.append(embed([array])[0])
            if some:
                edits.append(embed(some))
        on_done(number + 1)
    if not kept:
        raise RevimgError("none of the pictures can be read: are their files still there?")
    return Described(
        keys=kept,
        hashes=hashes,
        vectors=np.array(vectors, np.float32),
        edits=np.array(edits, np.float32).reshape(len(edits), len(EDITS), -1),
        pictures=pictures,
        seconds=seconds,
    )
