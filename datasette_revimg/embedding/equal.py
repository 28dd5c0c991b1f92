"""Rows whose pictures have the same bytes: these are decoded once and seen by the network once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from ..models.labels import Label
from ..pictures.decoding import Picture
from ..store.equal_pictures import Find, StoredPicture


@dataclass
class Shared:
    """A picture that any number of rows have, with its ``vector`` and ``labels`` once it has any.

    ``vector`` is its unit vector float32 (D,).
    """

    picture: Picture | StoredPicture
    vector: np.ndarray | None = None
    labels: tuple[Label, ...] = ()


def find_nothing(content_hash: bytes) -> StoredPicture | None:
    """Find nothing: no picture was stored before."""
    return None


class EqualPictures:
    """The pictures of the rows that are being worked on, and through ``find`` the stored ones.

    Threads may share it. It holds a picture from the first ``obtain`` until ``forget``, whose
    turn it is when the picture is stored, so that ``find`` finds it.
    """

    def __init__(self, find: Find = find_nothing) -> None:
        self._find = find
        self._lock = threading.Lock()
        self._pictures: dict[bytes, Future[Shared]] = {}

    def obtain(self, content_hash: bytes, decode: Callable[[], Picture]) -> tuple[Shared, bool]:
        """Return the picture with this SHA-256, and whether another row has or had it.

        If none had, it is decoded. A thread that comes second waits for the first, and gets the
        same error if that couldn't decode it.
        """
        with self._lock:
            known = content_hash in self._pictures
            picture = self._pictures.setdefault(content_hash, Future())
        if not known:
            try:
                stored = self._find(content_hash)
                known = stored is not None
                picture.set_result(_of_stored(stored) if stored else Shared(decode()))
            except BaseException as error:
                picture.set_exception(error)
        return picture.result(), known

    def forget(self, content_hashes: Iterable[bytes]) -> None:
        """Let go of pictures that are stored, or that couldn't be decoded."""
        with self._lock:
            for content_hash in content_hashes:
                self._pictures.pop(content_hash, None)


def _of_stored(stored: StoredPicture) -> Shared:
    return Shared(stored, stored.vector, tuple(stored.labels))
