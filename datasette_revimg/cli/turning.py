"""``datasette revimg duplicates --orientations``: copies that are turned or mirrored."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ..duplicates import turning
from ..duplicates.against import Side
from ..duplicates.calibrate import SEED
from ..duplicates.find import Turned
from ..duplicates.turned_chance import nearest_turned
from ..errors import RevimgError
from ..pictures.quiet import silence_pillow, silent_libraries
from ..store import decisions, reading
from ..vectors.calibration import RATES, Calibration
from .bars import Bars, stoppable_bars
from .calibrate import load_tools
from .threshold import DuplicatesOptions


def turned_search(
    database: Path,
    here: Side,
    chosen: DuplicatesOptions,
    minimum: float | None,
    tier: str | None,
    bars: Bars,
) -> Turned:
    """Embed the orientations that are missing, and work out how similar turned copies are.

    Raises RevimgError when there is no ``minimum``, and too few pictures to vouch for a tier.
    """
    if minimum is None:
        raise RevimgError(
            "--orientations needs a score that copies reach, and copies of the same file have "
            "none: use --min, or another --tier"
        )
    embed_missing(database, here, chosen)
    show = partial(bars.show, f"Comparing {here.source.name}, turned")
    if tier is None:
        return Turned(minimum, None, show)
    calibration = _calibrated(here, bars)
    lowest = calibration.threshold(tier)
    if lowest is None:
        needed = round(1 / RATES[tier]) - 1
        raise RevimgError(
            f"{here.source.name!r} has {len(calibration.chance)} different pictures that could be "
            f"turned, too few to vouch for {tier!r} ({needed:,} are needed): use --min"
        )
    return Turned(lowest, calibration, show)


def embed_missing(database: Path, here: Side, chosen: DuplicatesOptions) -> None:
    """Embed the orientations of new and changed pictures; Ctrl-C keeps those that are done."""
    missing = turning.missing(here.conn, here.source, here.embedded, chosen.where)
    if not missing:
        return
    tools = load_tools(
        here.conn,
        database,
        here.source,
        here.embedded,
        chosen.model_name,
        chosen.device,
        chosen.threads,
    )
    step = f"Turning {here.source.name}"
    kept = {step: "{done:,} pictures turned and kept; run it again to continue"}
    silence_pillow()
    with silent_libraries(), stoppable_bars(chosen.silent, kept) as bars:
        bars.show(step, 0, len(missing))
        turning.embed_orientations(
            here.conn, here.source, here.embedded, missing, tools, partial(bars.show, step)
        )


def _calibrated(here: Side, bars: Bars) -> Calibration:
    by_hash = {
        content_hash: key for key, content_hash in reading.content_hashes(here.conn, here.source)
    }
    chance = nearest_turned(
        here.conn,
        here.source,
        here.embedded,
        [(key, content_hash) for content_hash, key in by_hash.items()],
        SEED,
        decisions.read_same(here.conn, here.source.name),
        partial(bars.show, f"Calibrating {here.source.name}, turned"),
    )
    return Calibration(chance, {}, reading.count_vectors(here.conn, here.source))
