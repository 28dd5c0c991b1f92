"""How similar duplicates have to be: as the tier, the score or the example says."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from ..duplicates.calibrate import is_due
from ..errors import RevimgError, TooFewPicturesError
from ..keys import typed_keys
from ..store import calibrations, distributions, reading
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..vectors.calibration import EDITED_COPY, SAME_FILE, SIMILAR, TIERS, Calibration, needed
from ..vectors.percentiles import Minimum
from .calibrate import run_calibration
from .printable import printable

# As they are typed.
TYPED_TIERS = {tier.replace(" ", "-"): tier for tier in TIERS}


@dataclass(frozen=True)
class DuplicatesOptions:
    """Which rows to compare, and how similar duplicates are."""

    tier: str | None
    minimum: Minimum | None
    like: tuple[str, str] | None
    where: str
    orientations: bool
    silent: bool
    model_name: str | None
    device: str
    threads: int | None

    def check(self) -> None:
        """Raise UsageError when more than one option says how similar duplicates are."""
        if sum(option is not None for option in (self.tier, self.minimum, self.like)) > 1:
            raise click.UsageError("--tier, --min and --like exclude each other")

    @property
    def needs_calibration(self) -> bool:
        """Whether the tier, and no score, says how similar duplicates are."""
        by_tier = self.minimum is None and self.like is None
        return by_tier and TYPED_TIERS.get(self.tier or "") != SAME_FILE


def table_calibration(
    conn: sqlite3.Connection,
    database: Path,
    source: Table,
    embedded: EmbeddedTable,
    chosen: DuplicatesOptions,
) -> Calibration | None:
    """Return the table's calibration, made now if a tier needs it."""
    calibration = calibrations.read(conn, embedded)
    if not chosen.needs_calibration or not is_due(conn, source, calibration):
        return calibration
    try:
        return run_calibration(
            conn,
            database,
            source,
            embedded,
            chosen.silent,
            model_name=chosen.model_name,
            device=chosen.device,
            threads=chosen.threads,
        )
    except TooFewPicturesError as error:
        if chosen.tier:
            raise
        click.echo(printable(f"only copies of the same file are found: {error}"), err=True)
        return None


def lowest_score(
    conn: sqlite3.Connection,
    source: Table,
    calibration: Calibration | None,
    chosen: DuplicatesOptions,
    other: tuple[sqlite3.Connection, Table] | None = None,
    calibrated: Table | None = None,
) -> tuple[float | None, str | None]:
    """Return the lowest score of duplicates, None for the same file alone, and the tier.

    The second row of --like is one of the ``other`` table, if there is one; ``calibrated`` is the
    table whose calibration it is, if that is another.
    """
    if chosen.minimum:
        return chosen.minimum.score(distributions.read(conn, source.name)), None
    if chosen.like:
        first = _vector(conn, source, chosen.like[0])
        second = _vector(*(other or (conn, source)), chosen.like[1])
        return min(1.0, float(np.vecdot(first, second))), None
    tier = TYPED_TIERS[chosen.tier] if chosen.tier else EDITED_COPY
    if tier == SAME_FILE or calibration is None:
        return None, SAME_FILE
    lowest = calibration.threshold(tier)
    if lowest is None and not chosen.tier:
        # Few pictures can't vouch for more.
        tier, lowest = SIMILAR, calibration.threshold(SIMILAR)
    if lowest is None:
        raise RevimgError(
            f"{(calibrated or source).name!r} has {len(calibration.chance)} different pictures, "
            f"too few to vouch for {tier!r} ({needed(tier):,} are needed): use --tier similar or "
            "--min"
        )
    return lowest, tier


def _vector(conn: sqlite3.Connection, source: Table, text: str) -> np.ndarray:
    """Return the vector of the row that --like names, float64 (D,)."""
    for key in typed_keys(text, len(source.key_columns)):
        vector = reading.vector(conn, source.name, key)
        if vector is not None:
            return vector.astype(np.float64)
    raise RevimgError(f"--like: {text!r} is not the key of an embedded row of {source.name!r}")
