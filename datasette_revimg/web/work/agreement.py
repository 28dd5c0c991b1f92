"""The maps that say why two pictures are similar: made by the network, kept for a while.

A picture's maps are kept in memory alone, by what they depend on: the database itself, not its
name; the row; the bytes of its picture now; the network. So none is ever out of date, and none
is shown for a picture that whoever asks has not just been allowed to read.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np

from ...keys import Key
from ...models.catalogue import FULL_NETWORK_MODELS, VGG16_RMAC
from ...search import heatmap
from ...store.registry import EmbeddedTable
from . import inference

if TYPE_CHECKING:
    from datasette.app import Datasette

# Maps of 100 KB each: a visitor who steps through 24 results, several times over.
KEPT = 128

_Kept = tuple[Any, ...]
_maps: OrderedDict[_Kept, np.ndarray] = OrderedDict()
_making: WeakValueDictionary[_Kept, asyncio.Lock] = WeakValueDictionary()


@dataclass(frozen=True)
class Original:
    """A row's picture as it is now, and its SHA-256."""

    key: Key
    data: bytes
    digest: bytes


@dataclass(frozen=True)
class Agreement:
    """What each cell of the one and of the other picture gives to their cosine, float32 (7, 7)
    each, and that cosine, which is the sum of either."""

    a: np.ndarray
    b: np.ndarray
    score: float

    @property
    def hottest(self) -> float:
        """The largest share of both, by which both are drawn."""
        return float(max(self.a.max(), self.b.max()))


def available(embedded: EmbeddedTable) -> bool:
    """Whether the table's model tells its maps: those that are VGG16."""
    return embedded.model in (VGG16_RMAC.name, *FULL_NETWORK_MODELS)


async def agreement(
    datasette: Datasette, db: Any, embedded: EmbeddedTable, a: Original, b: Original
) -> Agreement:
    """Which parts of two pictures agree. Problem as inference.encode."""
    maps = [await _features(datasette, db, embedded, original) for original in (a, b)]
    vectors = [heatmap.pooled(each) for each in maps]
    return Agreement(
        heatmap.agreement(maps[0], vectors[1]),
        heatmap.agreement(maps[1], vectors[0]),
        float(vectors[0] @ vectors[1]),
    )


async def _features(
    datasette: Datasette, db: Any, embedded: EmbeddedTable, original: Original
) -> np.ndarray:
    """The last convolution block's maps of a picture, float32 (512, 7, 7)."""
    kept = (
        weakref.ref(db),
        embedded.table_name,
        original.key,
        original.digest,
        embedded.model,
        embedded.weights_sha256,
    )
    # A page asks for both its maps at once; the network needn't run twice for that.
    lock = _making.setdefault(kept, asyncio.Lock())
    async with lock:
        if kept not in _maps:
            _, encoding = await inference.decode_and_encode(
                datasette, db.name, embedded, original.data, features=True
            )
            assert encoding.features is not None
            _maps[kept] = encoding.features
            while len(_maps) > KEPT:
                _maps.popitem(last=False)
        _maps.move_to_end(kept)
        return _maps[kept]
