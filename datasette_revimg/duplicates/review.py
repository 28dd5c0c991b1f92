"""Groups of duplicates as they stand after what people have decided since they were found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..store.decisions import DIFFERENT, SAME, Decision, Pair, ordered
from ..store.duplicates import Member


@dataclass(frozen=True)
class Reviewed:
    """A group of duplicates, the best row first; ``decided``: somebody has said which to keep."""

    number: int
    members: list[Member]
    decided: bool


def review(groups: Sequence[Sequence[Member]], decided: Mapping[Pair, Decision]) -> list[Reviewed]:
    """Return the groups that are left.

    A row that somebody has called different from a better one is in the group no more, and a
    group of one is none.
    """
    reviewed = []
    for group in groups:
        left: list[Member] = []
        for member in group:
            pairs = [ordered(member.content_hash, other.content_hash) for other in left]
            if not any(_says(decided, pair, DIFFERENT) for pair in pairs):
                left.append(member)
        if len(left) > 1:
            reviewed.append(_reviewed(left, decided))
    return reviewed


def _reviewed(members: list[Member], decided: Mapping[Pair, Decision]) -> Reviewed:
    hashes = [member.content_hash for member in members]
    for place, first in enumerate(hashes):
        for second in hashes[place:]:
            pair = ordered(first, second)
            if _says(decided, pair, SAME) and decided[pair].keep in hashes:
                return Reviewed(members[0].group, _chosen(members, decided[pair].keep), True)
    return Reviewed(members[0].group, members, False)


def _chosen(members: list[Member], keep: bytes | None) -> list[Member]:
    """Return the rows with the one to keep as the best; of equal files it is the first."""
    best = next(member for member in members if member.content_hash == keep)
    others = [replace(member, best=False) for member in members if member is not best]
    return [replace(best, best=True, reasons="chosen by hand"), *others]


def _says(decided: Mapping[Pair, Decision], pair: Pair, decision: str) -> bool:
    return pair in decided and decided[pair].decision == decision
