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
from ...models.catalogue import BUILT_IN, CLASSIFYING_MODELS, INT8_MODELS
from ...models.vgg16.tail import bundled_tail
from ...search import heatmap, whitened_heatmap
from ...store.registry import EmbeddedTable
from ...vectors.whitening import base_name, is_whitened
from ..compat import Database, Datasette
from . import inference
from .kept import table_key
from .queue import Queue
from .state import state_of


@dataclass(frozen=True)
class Original:
    """A row's picture as it is now, and its SHA-256."""

    key: Key
    data: bytes
    digest: bytes


@dataclass(frozen=True)
class Agreement:
    """The share of each cell of either picture in their cosine, float32 (height, width) each.

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
    """Return whether the table's model has such maps: those that are VGG16.

    The maps explain R-MAC's vectors themselves, so not those that are whitened once more; those of
    the dense layers they don't explain, whitened or not, but show what was before.
    """
    if is_whitened(embedded.model):
        return base_name(embedded.model) in (*CLASSIFYING_MODELS, *INT8_MODELS)
    return embedded.model in BUILT_IN


async def agreement(
    datasette: Datasette, db: Database, embedded: EmbeddedTable, a: Original, b: Original
) -> Agreement:
    """Return which parts of two pictures agree.

    Raises BusyError, and the errors of inference.features_job.
    """
    maps = [await _features(datasette, db, embedded, original) for original in (a, b)]
    return await state_of(datasette).writing.run(partial(_agreement_of, *maps))


def _agreement_of(maps_a: tuple[np.ndarray, ...], maps_b: tuple[np.ndarray, ...]) -> Agreement:
    if len(maps_a) == 1:
        vectors = heatmap.pool(maps_a[0]), heatmap.pool(maps_b[0])
        heat_a = heatmap.attribute_cosine(maps_a[0], vectors[1])
        heat_b = heatmap.attribute_cosine(maps_b[0], vectors[0])
    else:
        tail = bundled_tail()
        vectors = whitened_heatmap.pool(maps_a, tail), whitened_heatmap.pool(maps_b, tail)
        heat_a = whitened_heatmap.attribute_cosine(maps_a, vectors[1], tail)
        heat_b = whitened_heatmap.attribute_cosine(maps_b, vectors[0], tail)
    return Agreement(heat_a, heat_b, float(vectors[0] @ vectors[1]))


async def _features(
    datasette: Datasette, db: Database, embedded: EmbeddedTable, original: Original
) -> tuple[np.ndarray, ...]:
    """Return the maps of a picture that its vector is made of, float32 (C, H, W) each."""

    async def features(queue: Queue) -> tuple[np.ndarray, ...]:
        job = await inference.features_job(datasette, db.name, embedded, original.data)
        return await queue.run(job)

    network = embedded.model, embedded.weights_sha256
    key = table_key(db, embedded.table_name, original.digest.hex(), original.key, *network)
    return await state_of(datasette).features.get(key, features)
