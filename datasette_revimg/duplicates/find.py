"""Find the duplicates of a table: compare, group, choose the best of each, keep the result."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..keys import Key
from ..pictures.exif_count import count_exif
from ..pictures.orientations import UPRIGHT
from ..store import comparisons, decisions, duplicates, reading
from ..store.comparisons import Pairs
from ..store.decisions import DIFFERENT, SAME, Decision, Pair, ordered
from ..store.duplicates import Member
from ..store.picture_facts import read_facts
from ..store.registry import EmbeddedTable
from ..store.tables import Table
from ..vectors.calibration import SAME_FILE, Calibration
from .best import Candidate, choose_best
from .compare import Compared, compare
from .groups import complete_link
from .links import Links
from .turned import NO_PAIRS, compare_turned

_NO_PAIRS = Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


@dataclass(frozen=True)
class Turned:
    """How similar a turned or mirrored copy is at least, and what its score means.

    ``on_done`` is called with the turned pictures that were compared, and their number.
    """

    minimum: float
    calibration: Calibration | None = None
    on_done: Callable[[int, int], None] = lambda done, total: None


@dataclass(frozen=True)
class Found:
    """The groups of duplicates, the largest first, the best row of each at its beginning.

    ``pictures`` is how many different pictures were compared, ``new`` how many of them now;
    ``plain`` counts the rows that hold too little to tell, as far as anybody has looked: those
    that would have been in a pair.
    """

    groups: list[list[Member]]
    pictures: int
    new: int
    plain: int


def find_duplicates(
    conn: sqlite3.Connection,
    source: Table,
    embedded: EmbeddedTable,
    minimum: float | None,
    calibration: Calibration | None,
    read: Callable[[Key], bytes | None],
    where: str = "",
    on_done: Callable[[int, int], None] = lambda done, total: None,
    turned: Turned | None = None,
) -> Found:
    """Return the groups of rows in which every two pictures score ``minimum`` or more.

    Without a minimum, these are the rows of the same file alone, and with one they are in one group
    too, whatever the picture. ``read`` returns the bytes of a row's picture, None when it is gone.
    ``where`` is an SQL condition that the rows meet. Without one, the groups are kept in the table
    of duplicates. ``turned`` looks for turned copies too, which needs a minimum. Raises RevimgError
    as ``compare`` does.
    """
    duplicates.check_names(source)
    pairs, plain, turned_pairs = _NO_PAIRS, set[int](), NO_PAIRS
    if minimum is None:
        compared = _same_files(conn, source, where)
    else:
        compared = compare(conn, source, embedded, minimum, where, on_done)
        pairs = _among(comparisons.read_pairs(conn, source.name, minimum), compared)
        plain = comparisons.read_plain(conn, source.name)
        if turned:
            turned_pairs = compare_turned(
                conn, source, embedded, compared, plain, turned.minimum, turned.on_done
            )
    links = Links(pairs, turned_pairs)
    decided = decisions.by_pair(conn, source.name)
    numbers = {content: number for number, content in compared.hashes.items()}
    different = {
        (min(numbers[a], numbers[b]), max(numbers[a], numbers[b]))
        for (a, b), one in decided.items()
        if one.decision == DIFFERENT and a in numbers and b in numbers
    }
    linked = complete_link(links.pairs, different)
    alone = set(compared.keys).difference(*linked)
    repeated = [[number] for number in alone if len(compared.keys[number]) > 1]
    tiers = calibration, turned.calibration if turned else None
    groups = [
        _members(conn, source, embedded, compared, numbers_of, links, decided, tiers, read)
        for numbers_of in (*linked, *repeated)
    ]
    groups.sort(key=lambda members: -len(members))
    groups = [
        [replace(member, group=place) for member in members]
        for place, members in enumerate(groups, start=1)
    ]
    if not where:
        duplicates.write(conn, source, [member for members in groups for member in members])
    return Found(
        groups=groups,
        pictures=len(compared.keys),
        new=compared.new,
        plain=sum(len(compared.keys.get(number, ())) for number in plain),
    )


def _same_files(conn: sqlite3.Connection, source: Table, where: str) -> Compared:
    """Return the rows by their picture's file, which needs no comparison of vectors."""
    keys: dict[int, list[Key]] = {}
    numbers: dict[bytes, int] = {}
    for key, content_hash in reading.content_hashes(conn, source, where):
        keys.setdefault(numbers.setdefault(content_hash, len(numbers)), []).append(key)
    return Compared(keys, {number: content for content, number in numbers.items()}, 0, 0)


def _among(pairs: Pairs, compared: Compared) -> Pairs:
    """Return the pairs of pictures that were compared now."""
    numbers = np.array(sorted(compared.keys), np.int64)
    chosen = np.isin(pairs.first, numbers) & np.isin(pairs.second, numbers)
    return Pairs(pairs.first[chosen], pairs.second[chosen], pairs.scores[chosen])


def _members(
    conn: sqlite3.Connection,
    source: Table,
    embedded: EmbeddedTable,
    compared: Compared,
    numbers: Sequence[int],
    links: Links,
    decided: Mapping[Pair, Decision],
    tiers: tuple[Calibration | None, Calibration | None],
    read: Callable[[Key], bytes | None],
) -> list[Member]:
    """Return the rows of a group of pictures, the best first, then by score.

    ``tiers`` are the calibrations of pictures as they are, and of turned ones.
    """
    number_of = {key: number for number in numbers for key in compared.keys[number]}
    facts = read_facts(conn, source, embedded, list(number_of))
    choice = choose_best(
        [Candidate(key, facts[key]) for key in number_of],
        lambda key: count_exif(read(key) or b""),
        _kept(compared, numbers, decided),
    )
    best = number_of[choice.best]
    members = []
    for key, number in number_of.items():
        done = UPRIGHT if number == best else links.done(best, number)
        score = 1.0 if number == best else links.score(number, best)
        calibration = tiers[0] if done == UPRIGHT else tiers[1]
        tier = SAME_FILE if number == best else calibration.tier(score) if calibration else None
        members.append(
            Member(
                group=0,
                key=key,
                content_hash=compared.hashes[number],
                score=score,
                tier=tier,
                best=key == choice.best,
                reasons=", ".join(filter(None, [done.words, choice.reasons[key]])),
            )
        )
    return sorted(members, key=lambda member: (not member.best, -member.score))


def _kept(
    compared: Compared, numbers: Sequence[int], decided: Mapping[Pair, Decision]
) -> Key | None:
    """Return the row that somebody has chosen of these pictures, None if nobody has."""
    hashes = [compared.hashes[number] for number in numbers]
    for place, first in enumerate(hashes):
        for second in hashes[place + 1 :]:
            one = decided.get(ordered(first, second))
            if one and one.decision == SAME and one.keep in hashes:
                return compared.keys[numbers[hashes.index(one.keep)]][0]
    return None
