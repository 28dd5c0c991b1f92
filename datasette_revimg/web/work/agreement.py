"""The cells where two pictures agree, from the network's maps, which are kept for a while.

A picture's maps are kept in memory alone, by what they depend on: the database itself, not its
name; the row; the bytes of its picture now; the network. So none is ever out of date, and none
is shown for a picture that the actor has not just been allowed to read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from ...keys import Key
from ...models.catalogue import FULL_NETWORK_MODELS, VGG16_RMAC
from ...search import heatmap
from ...store.registry import EmbeddedTable
from ..compat import Database, Datasette
from . import inference
from .kept import table_key
from .state import state_of


@dataclass(frozen=True)
class Original:
    """A row's picture as it is now, and its SHA-256."""

    key: Key
    data: bytes
    digest: bytes


@dataclass(frozen=True)
class Agreement:
    """The share of each cell of either picture in their cosine, float32 (7, 7) each.

    The cosine is the sum of either.
    """

    a: np.ndarray
    b: np.ndarray
    score: float

    @property
    def hottest(self) -> float:
        """The largest share of both, by which both are drawn."""
        return float(max(self.a.max(), self.b.max()))


def available(embedded: EmbeddedTable) -> bool:
    """Return whether the table's model has such maps: those that are VGG16."""
    return embedded.model in (VGG16_RMAC.name, *FULL_NETWORK_MODELS)


async def agreement(
    datasette: Datasette, db: Database, embedded: EmbeddedTable, a: Original, b: Original
) -> Agreement:
    """Return which parts of two pictures agree.

    Raises BusyError, and the errors of inference.embedding_job.
    """
    maps = [await _features(datasette, db, embedded, original) for original in (a, b)]
    return await state_of(datasette).writing.run(partial(_agreement_of, maps))


def _agreement_of(maps: list[np.ndarray]) -> Agreement:
    vectors = [heatmap.pool(each) for each in maps]
    return Agreement(
        heatmap.attribute_cosine(maps[0], vectors[1]),
        heatmap.attribute_cosine(maps[1], vectors[0]),
        float(vectors[0] @ vectors[1]),
    )


async def _features(
    datasette: Datasette, db: Database, embedded: EmbeddedTable, original: Original
) -> np.ndarray:
    """Return the last convolution block's maps of a picture, float32 (512, 7, 7)."""
    job = inference.embedding_job(
        datasette, db.name, embedded, original.data, features=True, stored=True
    )

    def features() -> np.ndarray:
        _, encoded = job()
        assert encoded.features is not None
        return encoded.features

    network = embedded.model, embedded.weights_sha256
    key = table_key(db, embedded.table_name, original.digest.hex(), original.key, *network)
    return await state_of(datasette).features.get(key, lambda queue: queue.run(features))
