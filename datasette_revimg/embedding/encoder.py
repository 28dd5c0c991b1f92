"""Embed one picture to search a table with."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np

from ..errors import UnusablePictureError
from ..models.network import Network
from ..pictures.decoding import Picture, decode
from ..pictures.files import read_file
from ..pictures.identity import Identity, of_file
from ..pictures.looks import Ways
from ..pictures.opening import ImageError
from ..store.registry import EmbeddedTable
from .choice import load_network, table_model
from .looking import Looked, look


class Encoder:
    """The network that made an embedded table's vectors, loaded when a picture first needs it."""

    def __init__(
        self,
        conn: sqlite3.Connection,
        embedded: EmbeddedTable,
        model_name: str | None = None,
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        """Prepare for a table of the database ``conn``.

        ``model_name``, if given, must name the table's own model; OtherModelError when it names
        another one.
        """
        self._conn, self._embedded = conn, embedded
        self._model = None
        if model_name:
            # It must fit, whether a picture needs it or not.
            self._model = table_model(conn, embedded, model_name)
        self._device, self._threads = device, threads
        self._network: Network | None = None

    def encode_file(self, file: Path) -> tuple[np.ndarray, Identity]:
        """Return the unit vector, float32 (D,), of the picture in a file, and its identity.

        Raises UnusablePictureError when it isn't a picture that can be used, and RevimgError when
        the model can't be.
        """
        network = self._loaded()
        try:
            content = read_file(file)
            picture = decode(content, network.size)
        except ImageError as error:
            raise UnusablePictureError(f"{file}: {error}") from error
        vector = np.asarray(network.embed(picture.array[np.newaxis])[0])
        return vector, of_file(content, picture.thumbnail)

    def look_at_file(self, file: Path, ways: Ways) -> Looked:
        """Return the vectors of the picture in a file, seen in these ways; see ``look_at``."""
        try:
            data = read_file(file)
        except ImageError as error:
            raise UnusablePictureError(f"{file}: {error}") from error
        return self.look_at(str(file), data, ways)

    def look_at(self, name: str, data: bytes, ways: Ways) -> Looked:
        """Return the vectors of a picture's bytes, seen in these ways (see ``looking``).

        ``name`` is what errors call the picture. Raises UnusablePictureError when it can't be used,
        and RevimgError when the model can't be, or not in these ways.
        """
        network = self._loaded()

        def scaled(scale: int) -> Picture:
            return decode(data, network.size, scale=scale)

        try:
            return look(network, self._embedded.model, scaled, ways)
        except ImageError as error:
            raise UnusablePictureError(f"{name}: {error}") from error

    def _loaded(self) -> Network:
        if self._network is None:
            model = self._model or table_model(self._conn, self._embedded)
            self._network = load_network(model, self._device, self._threads)
        return self._network
