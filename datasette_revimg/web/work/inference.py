"""The network behind the pages: kept loaded, one picture at a time, never on the event loop.

Inference takes long and wants every core, so each Datasette has one thread for it, behind a short
queue. Loaded networks are shared by all Datasettes of a process: they are large, and never change.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...embedding import choice
from ...embedding.looking import Looked, look
from ...errors import ModelMissingError, OtherModelError, RevimgError
from ...models import catalogue
from ...models.pixels import Pixels
from ...pictures import opening
from ...pictures.decoding import Picture
from ...pictures.isolated import IsolatedDecoder
from ...pictures.looks import AS_A_WHOLE, Ways
from ...pictures.opening import ImageError
from ...pictures.region import Crop
from ...store import whitening as stored_whitening
from ...store.registry import EmbeddedTable
from ...vectors.whitening import Whitening, base_name, is_whitened
from .. import settings
from ..compat import Datasette
from ..problems import ModelUnavailableError, NoFeaturesError, TooLargeError
from ..settings import Settings
from .state import state_of

if TYPE_CHECKING:
    from ...models.network import Network

# One file serves most installations; a second or third model belongs to another table.
_KEPT_NETWORKS = 4

_loading = threading.Lock()


async def features_job(
    datasette: Datasette, database: str, embedded: EmbeddedTable, data: bytes
) -> Callable[[], tuple[np.ndarray, ...]]:
    """Return the work of getting the network's maps of a row's picture, to be done in a queue.

    The maps are those of ``network.Batch``, without the axis N.

    ``embedded`` is a table of ``database``; the network is that of its vectors. Raises
    ModelUnavailableError when what these are whitened with is damaged. The work raises
    RevimgError when the picture can't be used, TooLargeError, ModelUnavailableError,
    OtherModelError when the model isn't the one that made the vectors, and NoFeaturesError when it
    has no maps.
    """
    chosen = settings.for_table(datasette, database, embedded.table_name)
    whitening = await _whitening(datasette, database, embedded)
    decoder, max_bytes = _decoder(datasette, stored=True)

    def work() -> tuple[np.ndarray, ...]:
        network = table_network(embedded, chosen, whitening)
        if not network.has_features:
            raise without_features(embedded.model)
        picture = _decode(decoder, data, network, None, max_bytes)
        encoded = network.encode(picture.array[np.newaxis], features=True)
        return tuple(each[0] for each in encoded.features or ())

    return work


async def embed_picture(
    datasette: Datasette,
    database: str,
    embedded: EmbeddedTable,
    data: bytes,
    *,
    ways: Ways = AS_A_WHOLE,
    crop: Crop | None = None,
    stored: bool = False,
) -> Looked:
    """Decode a picture and run the network on it, seen in some ways, in one place of the queue.

    The ways are those of ``pictures.looks``. A picture that is ``stored``, in a row of the table,
    may take more memory than one that is sent. Raises BusyError when the queue is full, RevimgError
    when the picture can't be used, or not be seen in these ways, TooLargeError,
    ModelUnavailableError, and OtherModelError when the model isn't the one that made the vectors.
    """
    chosen = settings.for_table(datasette, database, embedded.table_name)
    whitening = await _whitening(datasette, database, embedded)
    decoder, max_bytes = _decoder(datasette, stored)

    def work() -> Looked:
        network = table_network(embedded, chosen, whitening)

        def decode(scale: int) -> Picture:
            return _decode(decoder, data, network, crop, max_bytes, scale)

        return look(network, embedded.model, decode, ways, crop)

    return await state_of(datasette).inference.run(work)


def _decoder(datasette: Datasette, stored: bool) -> tuple[IsolatedDecoder, int]:
    """Return the process that decodes a picture, and the most bytes of memory for it."""
    state = state_of(datasette)
    if stored:
        return state.row_decoder, opening.MAX_BYTES
    return state.upload_decoder, opening.MAX_UPLOAD_MEMORY


def _decode(
    decoder: IsolatedDecoder,
    data: bytes,
    network: Network,
    crop: Crop | None,
    max_bytes: int,
    scale: int = 1,
) -> Picture:
    try:
        return decoder.decode(data, network.size, crop, max_bytes, scale)
    except opening.TooLargeError as error:
        raise TooLargeError(f"the picture is {error}") from None
    except ImageError as error:
        raise RevimgError(f"the picture can’t be used: {error}") from None


def without_features(model: str) -> NoFeaturesError:
    """Return the error for a model of which no maps explain the vectors."""
    if catalogue.is_built_in_whitened(model):
        return NoFeaturesError(
            f"{model} can’t show which parts of the pictures match: the vectors of "
            f"{base_name(model)} are whitened once more for this table"
        )
    return NoFeaturesError(
        f"{model} can’t show which parts of the pictures match; only VGG16’s networks can"
    )


async def _whitening(
    datasette: Datasette, database: str, embedded: EmbeddedTable
) -> Whitening | None:
    """Return what the table's vectors are whitened with, None if they aren't.

    Raises ModelUnavailableError when it is damaged.
    """
    if not is_whitened(embedded.model):
        return None
    try:
        db = datasette.get_database(database)
        return await db.execute_fn(lambda conn: stored_whitening.read(conn, embedded))
    except RevimgError as error:
        raise ModelUnavailableError(str(error)) from error


def table_network(
    embedded: EmbeddedTable, chosen: Settings, whitening: Whitening | None
) -> Network:
    """Return the network that made the table's vectors, which are whitened with ``whitening``.

    Raises ModelUnavailableError, and OtherModelError for any other network.
    """
    folder = catalogue.models_dir(chosen.models_dir)
    try:
        model = choice.recorded_model(embedded, folder, whitening)
        assert model.file is not None
        with _loading:
            network = load_network(
                model.file, model.sha256, chosen.device, chosen.threads, model.pixels
            )
        return network.with_output(model.output, whitening)
    except OtherModelError:
        raise
    except ModelMissingError as error:
        raise _missing_model(embedded) from error
    except RevimgError as error:
        # Written for the terminal of the person who runs the server: nobody else is to see its
        # folders.
        raise ModelUnavailableError(str(error).replace(f"{folder}{os.sep}", "")) from error


def _missing_model(embedded: EmbeddedTable) -> ModelUnavailableError:
    """Return the error in words for a visitor who may not have access to the server."""
    name = base_name(embedded.model)
    built_in = name in catalogue.BUILT_IN
    where = (
        "not installed on this server"
        if built_in
        else "not on this server: put its .onnx file and the .json beside it into the models folder"
    )
    return ModelUnavailableError(
        f"{embedded.table_name} was embedded with {name}, which is {where}",
        f"datasette revimg install {name}" if built_in else "",
    )


@lru_cache(maxsize=_KEPT_NETWORKS)
def load_network(
    file: Path, sha256: str | None, device: str, threads: int, pixels: Pixels | None
) -> Network:
    """Load a network from its ONNX file, or return it if it is loaded already."""
    # Only here: who never searches by image needs none of ONNX Runtime.
    from ...models.network import Network

    return Network(file, device, threads, pixels=pixels)
