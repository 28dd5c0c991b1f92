"""The network behind the pages: kept loaded, one picture at a time, never on the event loop.

Inference takes long and wants every core, so each Datasette has one thread for it, behind a short
queue. Loaded networks are shared by all Datasettes of a process: they are large, and never change.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...embedding import choice
from ...errors import ModelMissingError, OtherModelError, RevimgError
from ...models import catalogue
from ...models.pixels import Pixels
from ...pictures import opening
from ...pictures.decoding import Picture
from ...pictures.isolated import IsolatedDecoder
from ...pictures.opening import ImageError
from ...pictures.region import Crop
from ...store.registry import EmbeddedTable
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


@dataclass(frozen=True)
class Encoded:
    """One picture's unit vector, float32 (D,).

    Where they are wanted, also the maps of ``network.Batch``, without the axis N.
    """

    vector: np.ndarray
    features: tuple[np.ndarray, ...] | None = None


def embedding_job(
    datasette: Datasette,
    database: str,
    embedded: EmbeddedTable,
    data: bytes,
    *,
    crop: Crop | None = None,
    features: bool = False,
    stored: bool = False,
) -> Callable[[], tuple[Picture, Encoded]]:
    """Return the work of decoding a picture and running the network on it, to be done in a queue.

    ``embedded`` is a table of ``database``; the network is that of its vectors. A picture that is
    ``stored``, in a row of the table, may take more memory than one that is sent. The work raises
    RevimgError when the picture can't be used, TooLargeError, ModelUnavailableError,
    OtherModelError when the model isn't the one that made the vectors, and NoFeaturesError for
    ``features`` of a model that doesn't have them.
    """
    chosen = settings.for_table(datasette, database, embedded.table_name)
    state = state_of(datasette)
    decoder = state.row_decoder if stored else state.upload_decoder
    max_bytes = opening.MAX_BYTES if stored else opening.MAX_UPLOAD_MEMORY

    def work() -> tuple[Picture, Encoded]:
        network = _network(embedded, chosen)
        if features and not network.has_features:
            raise without_features(embedded.model)
        picture = _decode(decoder, data, network, crop, max_bytes)
        encoded = network.encode(picture.array[np.newaxis], features=features)
        maps = encoded.features
        return picture, Encoded(encoded.vectors[0], maps and tuple(each[0] for each in maps))

    return work


async def embed_picture(
    datasette: Datasette,
    database: str,
    embedded: EmbeddedTable,
    data: bytes,
    crop: Crop | None = None,
    *,
    stored: bool = False,
) -> tuple[Picture, Encoded]:
    """Decode a picture and run the network on it, in one place of the queue.

    A picture that is ``stored``, in a row of the table, may take more memory than one that is
    sent. Raises BusyError when the queue is full, and the errors of ``embedding_job``.
    """
    work = embedding_job(datasette, database, embedded, data, crop=crop, stored=stored)
    return await state_of(datasette).inference.run(work)


def _decode(
    decoder: IsolatedDecoder, data: bytes, network: Network, crop: Crop | None, max_bytes: int
) -> Picture:
    try:
        return decoder.decode(data, network.size, crop, max_bytes)
    except opening.TooLargeError as error:
        raise TooLargeError(f"the picture is {error}") from None
    except ImageError as error:
        raise RevimgError(f"the picture can’t be used: {error}") from None


def without_features(model: str) -> NoFeaturesError:
    """Return the error for the maps of a model that has none."""
    return NoFeaturesError(
        f"{model} can’t show which parts of the pictures match; only VGG16’s networks can"
    )


def _network(embedded: EmbeddedTable, chosen: Settings) -> Network:
    """Return the network that made the table's vectors.

    Raises ModelUnavailableError, and OtherModelError for any other network.
    """
    folder = catalogue.models_dir(chosen.models_dir)
    try:
        model = choice.recorded_model(embedded, folder)
        assert model.file is not None
        with _loading:
            network = load_network(
                model.file, model.sha256, chosen.device, chosen.threads, model.pixels
            )
        return network.with_output(model.output)
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
    built_in = embedded.model in catalogue.all_models()
    where = (
        "not installed on this server"
        if built_in
        else "not on this server: put its .onnx file and the .json beside it into the models folder"
    )
    return ModelUnavailableError(
        f"{embedded.table_name} was embedded with {embedded.model}, which is {where}",
        f"datasette revimg install {embedded.model}" if built_in else "",
    )


@lru_cache(maxsize=_KEPT_NETWORKS)
def load_network(
    file: Path, sha256: str | None, device: str, threads: int, pixels: Pixels | None
) -> Network:
    """Load a network from its ONNX file, or return it if it is loaded already."""
    # Only here: who never searches by image needs none of ONNX Runtime.
    from ...models.network import Network

    return Network(file, device, threads, pixels=pixels)
