"""The rows whose vectors are damaged, so that pages need not read all vectors each time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from ...keys import Key

# Samples that are looked at in turn: a few tables, with a few filters each.
MOST = 64


class KnownDamage:
    """The damaged rows of the latest samples of one database, by the version of each sample."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, Sequence[Key]] = OrderedDict()

    def get(self, version: str) -> Sequence[Key] | None:
        """Return the keys of a sample's damaged rows, None if nobody has looked for them."""
        return self._found.get(version)

    def put(self, version: str, keys: Sequence[Key]) -> None:
        """Keep the keys of a sample's damaged rows."""
        self._found[version] = keys
        self._found.move_to_end(version)
        while len(self._found) > MOST:
            self._found.popitem(last=False)

    def forget(self) -> None:
        """Forget everything: a row that was sound is not any more."""
        self._found.clear()
