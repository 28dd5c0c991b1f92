"""The network behind the pages: kept loaded, one picture at a time, never on the event loop.

Inference takes long and wants every core, so it has a thread of its own for each Datasette, and
a short queue before it: who comes when that is full is told to come back, at once, rather than
left waiting.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from ...embedding import choice
from ...errors import ModelMissingError, OtherModelError, RevimgError
from ...models import catalogue
from ...models.catalogue import Model
from ...models.pixels import Pixels
from ...pictures import decoding
from ...pictures.decoding import ImageError, Picture
from ...pictures.region import Crop
from ...store.registry import EmbeddedTable
from .. import settings
from ..problems import Problem, problem_of
from ..settings import Settings

if TYPE_CHECKING:
    from datasette.app import Datasette

    from ...models.network import Network

# Pictures that wait or are being worked on: some seconds of work on a small machine.
QUEUE = 8
RETRY_SECONDS = 2

# One file serves most installations; a second or third model belongs to another table.
_KEPT_NETWORKS = 4

Result = TypeVar("Result")


@dataclass(frozen=True)
class Encoded:
    """What the network makes of one picture: its unit vector, float32 (D,), and where they are
    wanted the last convolution block's maps, float32 (512, 7, 7)."""

    vector: np.ndarray
    features: np.ndarray | None = None


class Queue:
    """Some threads, one for inference, and a bounded queue before them."""

    def __init__(
        self,
        name: str = "revimg-inference",
        threads: int = 1,
        size: int = QUEUE,
        purpose: str = "being searched for",
    ) -> None:
        self._executor = ThreadPoolExecutor(threads, name)
        self._size, self._purpose = size, purpose
        self._lock = threading.Lock()
        self._waiting = 0

    def check_room(self) -> None:
        """Problem 503 when one more would be too many."""
        if self._waiting >= self._size:
            raise Problem(
                503,
                f"too many pictures are {self._purpose} at the moment, try again in some seconds",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )

    async def run(self, work: Callable[[], Result]) -> Result:
        """The result of ``work``, done in the thread. Problem 503 when the queue is full."""
        with self._lock:
            self.check_room()
            self._waiting += 1
        try:
            future = self._executor.submit(work)
        except RuntimeError as error:
            self._done(None)
            raise Problem(503, "the server is being shut down") from error
        # Also when whoever asked is gone by then, and what was waiting is taken back.
        future.add_done_callback(self._done)
        return await asyncio.wrap_future(future)

    def _done(self, _: Future[Result] | None) -> None:
        with self._lock:
            self._waiting -= 1

    def close(self) -> None:
        """Drop what waits, and wait for what is being worked on."""
        self._executor.shutdown(wait=True, cancel_futures=True)


# By the Datasette object: one may be shut down while another goes on. The thread of one that is
# forgotten, or of an interpreter that ends, is ended by concurrent.futures.
_queues: WeakKeyDictionary[Datasette, Queue] = WeakKeyDictionary()

_loading = threading.Lock()


def queue(datasette: Datasette) -> Queue:
    """The queue of this Datasette."""
    if datasette not in _queues:
        _queues[datasette] = Queue()
    return _queues[datasette]


async def shutdown(datasette: Datasette) -> None:
    """End the thread of this Datasette."""
    if datasette in _queues:
        await asyncio.to_thread(_queues[datasette].close)


async def decode(
    datasette: Datasette,
    database: str,
    embedded: EmbeddedTable,
    data: bytes,
    crop: Crop | None = None,
) -> Picture:
    """Decode a picture as the model of ``entry``, a table of ``database``, takes it.

    Raises Problem: 400 when it can't be used, 413 when it is too large, 503 when the queue is
    full or the model isn't here, 409 when it isn't the one that made the table's vectors.
    """
    chosen = settings.for_table(datasette, database, embedded.table_name)
    return await queue(datasette).run(lambda: _decode(data, _network(embedded, chosen), crop))


async def encode(
    datasette: Datasette,
    database: str,
    embedded: EmbeddedTable,
    picture: np.ndarray,
    *,
    features: bool = False,
) -> Encoded:
    """What the model of ``entry`` makes of a picture, uint8 (height, width, 3) RGB as ``decode``
    returns it. Raises Problem as ``decode``, and 501 for ``features`` the model doesn't have."""
    chosen = settings.for_table(datasette, database, embedded.table_name)
    return await queue(datasette).run(
        lambda: _encode(picture, embedded, _network(embedded, chosen), features)
    )


async def decode_and_encode(
    datasette: Datasette,
    database: str,
    embedded: EmbeddedTable,
    data: bytes,
    *,
    crop: Crop | None = None,
    features: bool = False,
) -> tuple[Picture, Encoded]:
    """``decode`` and ``encode`` in one go, which takes one place in the queue."""
    chosen = settings.for_table(datasette, database, embedded.table_name)

    def work() -> tuple[Picture, Encoded]:
        network = _network(embedded, chosen)
        picture = _decode(data, network, crop)
        return picture, _encode(picture.array, embedded, network, features)

    return await queue(datasette).run(work)


def _decode(data: bytes, network: Network, crop: Crop | None) -> Picture:
    try:
        return decoding.decode(data, network.size, crop)
    except decoding.TooLargeError as error:
        raise Problem(413, f"the picture is {error}") from error
    except ImageError as error:
        raise Problem(400, f"the picture can’t be used: {error}") from error


def without_features(model: str) -> Problem:
    """What to say when the maps of a model are wanted that has none."""
    sentence = f"{model} can’t tell which parts of pictures match: only VGG16’s networks can"
    return Problem(501, sentence)


def _encode(
    picture: np.ndarray, embedded: EmbeddedTable, network: Network, features: bool
) -> Encoded:
    if features and not network.has_features:
        raise without_features(embedded.model)
    encoded = network.encode(picture[np.newaxis], features=features)
    maps = encoded.features
    return Encoded(encoded.vectors[0], None if maps is None else maps[0])


def _network(embedded: EmbeddedTable, chosen: Settings) -> Network:
    """The network that made the table's vectors. Problem 503 without it, 409 for any other."""
    folder = catalogue.models_dir(chosen.models_dir)
    try:
        model = _model(embedded, folder)
        assert model.file is not None
        with _loading:
            network = _loaded(model.file, model.sha256, chosen.device, chosen.threads, model.pixels)
        return network.with_output(model.output)
    except Problem:
        raise
    except RevimgError as error:
        # Written for the terminal of whoever runs the server; the server's folders are nobody
        # else's business.
        raise Problem(503, str(error).replace(f"{folder}{os.sep}", "")) from error


def _model(embedded: EmbeddedTable, folder: Path) -> Model:
    try:
        return choice.recorded_model(embedded, folder)
    except ModelMissingError as error:
        raise _missing_model(embedded) from error
    except OtherModelError as error:
        raise problem_of(error) from error


def _missing_model(embedded: EmbeddedTable) -> Problem:
    """Return the problem, in words for a visitor who may not have access to the server."""
    built_in = embedded.model in catalogue.all_models()
    where = (
        "not installed on this server"
        if built_in
        else "not on this server: put its .onnx file and the .json beside it into the folder of "
        "models"
    )
    return Problem(
        503,
        f"{embedded.table_name} was embedded with {embedded.model}, which is {where}",
        f"datasette revimg install {embedded.model}" if built_in else "",
    )


@lru_cache(maxsize=_KEPT_NETWORKS)
def _loaded(
    file: Path, sha256: str | None, device: str, threads: int, pixels: Pixels | None
) -> Network:
    # Only here: who never searches by image needs none of ONNX Runtime.
    from ...models.network import Network

    return Network(file, device, threads, pixels=pixels)
