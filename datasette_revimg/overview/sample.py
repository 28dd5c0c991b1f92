"""Some rows of an embedded table to look at together: all of them, or a random sample."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import RevimgError
from ..keys import Key
from ..store import reading, registry
from ..store.tables import Table

# A constant seed: the same rows give the same sample.
SEED = 0


@dataclass(frozen=True)
class Sample:
    """The keys of the rows, in their order in the table, drawn from ``total`` rows.

    ``version`` stays the same as long as the rows and their vectors do. Rows whose vector is
    ``damaged`` were drawn too, but are left out of ``keys``.
    """

    keys: list[Key]
    total: int
    version: str
    damaged: tuple[Key, ...] = ()

    @property
    def is_part(self) -> bool:
        """Return whether there are more rows than these."""
        return self._drawn < self.total

    @property
    def left_out(self) -> str:
        """A sentence about the rows that are left out, empty if there are none."""
        if not self.damaged:
            return ""
        first = ", ".join(map(str, self.damaged[0]))
        which, vectors = f"row {first} is", "its stored vector is"
        if len(self.damaged) > 1:
            which = f"{len(self.damaged):,} rows, such as {first}, are"
            vectors = "their stored vectors are"
        return (
            f"{which} left out, because {vectors} damaged: run `datasette revimg embed` again, "
            "which makes new ones"
        )

    def without(self, damaged: Sequence[Key]) -> Sample:
        """Return this sample without the rows whose vectors are damaged."""
        if not damaged:
            return self
        gone = set(damaged)
        changed = hashlib.blake2b(repr((self.version, list(damaged))).encode(), digest_size=16)
        return Sample(
            [key for key in self.keys if key not in gone],
            self.total,
            changed.hexdigest(),
            tuple(damaged),
        )

    @property
    def _drawn(self) -> int:
        return len(self.keys) + len(self.damaged)

    def __str__(self) -> str:
        if self.is_part:
            return f"{self._drawn:,} of {self.total:,} rows, a random sample"
        return f"{self.total:,} row{'' if self.total == 1 else 's'}"


def sample_rows(
    conn: sqlite3.Connection,
    source: Table,
    limit: int,
    where: str = "",
    parameters: Sequence[Any] | Mapping[str, Any] = (),
    among: Collection[Key] | None = None,
) -> Sample:
    """Return the embedded rows that meet the SQL condition ``where``, at most ``limit`` of them.

    ``among`` are the keys of the rows that meet it, for a caller who knows them. Of more rows, a
    random sample is drawn, always the same. Raises RevimgError for a table that isn't embedded.
    """
    embedded = registry.embedded(conn, source.name)
    if embedded is None:
        raise RevimgError(f"{source.name!r} is not embedded")
    keys = reading.embedded_keys(conn, source.name, where, parameters)
    if among is not None:
        allowed = set(among)
        keys = [key for key in keys if key in allowed]
    total = len(keys)
    if total > limit:
        drawn = np.random.default_rng(SEED).choice(total, limit, replace=False)
        keys = [keys[index] for index in np.sort(drawn)]
    # The record's time has whole seconds; the hash of each picture shows changes within one.
    digest = hashlib.blake2b(repr(embedded).encode(), digest_size=16)
    hashes = reading.hashes(conn, source, keys)
    for key in keys:
        digest.update(repr((key, hashes[key])).encode())
    return Sample(keys, total, digest.hexdigest())
