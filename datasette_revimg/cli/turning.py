"""``datasette revimg duplicates --orientations``: copies that are turned or mirrored."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ..duplicates import turning
from ..duplicates.against import Side
from ..duplicates.find import Turned
from ..duplicates.turned_chance import calibrate_turned
from ..errors import RevimgError
from ..pictures.quiet import silence_pillow, silent_libraries
from ..vectors.calibration import needed
from .bars import Bars
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
    embed_missing(database, here, chosen, bars)
    show = partial(bars.show, f"Comparing {here.source.name}, turned")
    if tier is None:
        return Turned(minimum, None, show)
    calibration = calibrate_turned(
        here.conn,
        here.source,
        here.embedded,
        partial(bars.show, f"Calibrating {here.source.name}, turned"),
    )
    lowest = calibration.threshold(tier)
    if lowest is None:
        raise RevimgError(
            f"{here.source.name!r} has {len(calibration.chance)} different pictures that could be "
            f"turned, too few to vouch for {tier!r} ({needed(tier):,} are needed): use --min"
        )
    return Turned(lowest, calibration, show)


def embed_missing(database: Path, here: Side, chosen: DuplicatesOptions, bars: Bars) -> None:
    """Embed the orientations of new and changed pictures; each group that is done is kept."""
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
    show = partial(bars.show, turning_step(here.source.name))
    silence_pillow()
    with silent_libraries():
        show(0, len(missing))
        turning.embed_orientations(here.conn, here.source, here.embedded, missing, tools, show)


def turning_step(table: str) -> str:
    """Return what the progress bar calls the step in which orientations are embedded."""
    return f"Turning {table}"
