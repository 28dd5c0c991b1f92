"""The best picture of a group, for the reasons that a person would give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..keys import Key
from ..store.picture_facts import PictureFacts

# Files of as many pixels whose sizes differ by less are compressed alike.
_ALIKE = 0.95


@dataclass(frozen=True)
class Candidate:
    """A row of a group, and what is known of its picture."""

    key: Key
    facts: PictureFacts


@dataclass(frozen=True)
class Choice:
    """The best row of a group, and the reasons by row: why it is the best, why others aren't."""

    best: Key
    reasons: dict[Key, str]


def choose_best(
    candidates: Sequence[Candidate], exif: Callable[[Key], int], keep: Key | None = None
) -> Choice:
    """Return the best of at least two candidates.

    Most pixels; then least compression; then the most complete EXIF, whose fields ``exif`` counts
    (it reads pictures, so it is asked only where the others leave it open); then the oldest. Where
    nothing decides, the first one. ``keep`` is the row that somebody has chosen.
    """
    if keep is not None:
        others = {one.key: "not the one that was chosen" for one in candidates}
        return Choice(keep, others | {keep: "chosen by hand"})
    left, why, reasons = list(candidates), [], {}
    for step in (_pixels, _compression, lambda some: _exif(some, exif), _oldest):
        if len(left) == 1:
            break
        best, won, lost = step(left)
        for one in left:
            if one not in best:
                reasons[one.key] = lost(one)
        if len(best) < len(left):
            why.append(won)
        left = best
    winner = left[0]
    for one in left[1:]:
        reasons[one.key] = "equal in all respects"
    reasons[winner.key] = ", ".join(why) if why else "the first of equals"
    return Choice(winner.key, reasons)


# The candidates that are left, why these, and why not another.
_Step = tuple[list[Candidate], str, Callable[[Candidate], str]]


def _pixels(some: list[Candidate]) -> _Step:
    most = max(one.facts.pixels for one in some)
    left = [one for one in some if one.facts.pixels == most]
    return left, f"most pixels ({_size(left[0])})", lambda one: f"fewer pixels ({_size(one)})"


def _compression(some: list[Candidate]) -> _Step:
    """Prefer the larger file: of as many pixels, it has lost less. Not if a size is unknown."""
    if any(one.facts.bytes is None for one in some):
        return some, "", _nothing
    most = max(one.facts.bytes or 0 for one in some)
    left = [one for one in some if (one.facts.bytes or 0) >= _ALIKE * most]
    return (
        left,
        f"least compressed ({_bytes(most)})",
        lambda one: f"more compressed ({_bytes(one.facts.bytes or 0)})",
    )


def _exif(some: list[Candidate], exif: Callable[[Key], int]) -> _Step:
    counts = {one.key: exif(one.key) for one in some}
    most = max(counts.values())
    left = [one for one in some if counts[one.key] == most]
    return (
        left,
        f"most complete EXIF ({most} fields)",
        lambda one: f"less EXIF ({counts[one.key]} fields)" if counts[one.key] else "no EXIF",
    )


def _oldest(some: list[Candidate]) -> _Step:
    """Prefer the earliest by the time it was taken if all have one, else by the file's."""
    for name in ("taken", "modified"):
        dates = [getattr(one.facts, name) for one in some]
        if all(dates):
            oldest = min(dates)
            left = [one for one, date in zip(some, dates, strict=True) if date == oldest]
            return left, f"oldest ({oldest[:10]})", lambda one: "newer"
    return some, "", _nothing


def _nothing(one: Candidate) -> str:
    return ""


def _size(one: Candidate) -> str:
    return f"{one.facts.width} × {one.facts.height}"


def _bytes(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"
