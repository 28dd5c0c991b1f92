"""Which cache belongs to which of Datasette's databases."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from ...search.cache import Cache

# By the Database object itself: a name says nothing, each Datasette may have its own "data".
_caches: WeakKeyDictionary[Any, Cache] = WeakKeyDictionary()


def of(db: Any) -> Cache:
    """The cache that all connections of a database share, and no others."""
    return _caches.setdefault(db, Cache())
