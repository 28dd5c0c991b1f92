"""Pictures of one table are found in another: every pair, with its exact cosine, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from datasette_revimg.duplicates import against, block_pairs, bounds
from datasette_revimg.duplicates.against import Side, find_against
from datasette_revimg.errors import OtherModelError, RevimgError
from datasette_revimg.store import decisions
from datasette_revimg.store.decisions import DIFFERENT, Decision
from datasette_revimg.vectors.calibration import Calibration
from kit.geometry import vector
from kit.near_copies import BLANK, add, hash_of, pictures, source_of
from kit.vector_tables import photos


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(against, "BLOCK", 64)
    monkeypatch.setattr(bounds, "CHUNK", 96)
    # And codes, which few pictures don't need.
    monkeypatch.setattr(block_pairs, "FEW", 0)


def side_of(vectors, **options):
    conn = photos()
    add(conn, vectors, **options)
    return Side(conn, *source_of(conn))


def scores_of(found):
    """Return the scores by key of a row and key of its match."""
    scores = {(row.key, match.key): match.score for row in found.rows for match in row.matches}
    assert len(scores) == sum(len(row.matches) for row in found.rows)
    return scores


def cosines(here, there, minimum):
    """Return all pairs that score ``minimum`` or more, in float64."""
    return {
        (one, other): float(first.astype(np.float64) @ second.astype(np.float64))
        for one, first in here.items()
        for other, second in there.items()
        if float(first.astype(np.float64) @ second.astype(np.float64)) >= minimum
    }


def shared_out(size, other_size):
    """Return as many vectors each by key, some of which the other nearly has."""
    every = list(pictures(size + other_size).items())
    order = np.random.default_rng(0).permutation(len(every))
    return (dict(every[at] for at in order[:size]), dict(every[at] for at in order[size:]))


@pytest.mark.parametrize("minimum", [0.7, 0.9])
@pytest.mark.parametrize("few", [0, 1000])
@pytest.mark.parametrize(("size", "other_size"), [(150, 400), (400, 150)])
def test_all_pairs_of_a_brute_force_and_no_others(monkeypatch, few, minimum, size, other_size):
    vectors, others = shared_out(size, other_size)
    monkeypatch.setattr(block_pairs, "FEW", few)
    here, there = side_of(vectors), side_of(others)
    seen = []
    found = find_against(
        here, there, minimum, None, on_done=lambda done, total: seen.append((done, total))
    )
    scores, expected = scores_of(found), cosines(vectors, others, minimum)
    assert len(expected) > 100
    assert scores.keys() == expected.keys()
    for pair, score in expected.items():
        assert scores[pair] == pytest.approx(min(score, 1.0), abs=1e-12)
    assert seen[0] == (64, size)
    assert seen[-1] == (size, size)
    assert (found.pictures, found.others) == (size, other_size)


FIVE = float(np.cos(np.radians(5)))


@pytest.fixture
def sides():
    """Rows by their angles in degrees: 1 and 11 are the same file, 2 is near 12 and 13."""
    here = side_of({(1,): vector(0), (2,): vector(40), (3,): vector(80)}, names={(1,): "a"})
    there = side_of(
        {(11,): vector(0), (12,): vector(42), (13,): vector(44), (14,): vector(120)},
        names={(11,): "a"},
    )
    return here, there


def matches_of(found):
    return {row.key[0]: [match.key[0] for match in row.matches] for row in found.rows}


def test_the_best_match_comes_first_with_its_tier(sides):
    """1,999 pictures: the highest of chance, 3 degrees apart, is no *same picture* yet."""
    chance = np.full(1999, 0.2, np.float32)
    chance[-1] = np.cos(np.radians(3))
    found = find_against(*sides, FIVE, Calibration(np.sort(chance), {}, 1999))
    assert matches_of(found) == {1: [11], 2: [12, 13]}
    assert [[match.tier for match in row.matches] for row in found.rows] == [
        ["same file"],
        ["same picture", "edited copy"],
    ]


def test_the_same_file_alone(sides):
    assert matches_of(find_against(*sides, None, None)) == {1: [11]}


def test_rows_that_meet_a_condition(sides):
    assert matches_of(find_against(*sides, FIVE, None, where="id > 1")) == {2: [12, 13]}


@pytest.mark.parametrize("which", [0, 1])
def test_decisions_of_either_table(sides, which):
    decided = Decision(hash_of((12,)), hash_of((2,)), DIFFERENT)
    decisions.record(sides[which].conn, "photos", [decided], "root")
    assert matches_of(find_against(*sides, FIVE, None)) == {1: [11], 2: [13]}


def test_blank_pictures_are_in_no_pair_but_that_of_the_same_file():
    here = side_of(
        {(1,): vector(0), (2,): vector(1)}, names={(1,): "sheet", (2,): "other"}, small=BLANK
    )
    there = side_of({(3,): vector(0)}, names={(3,): "sheet"})
    found = find_against(here, there, FIVE, None)
    assert matches_of(found) == {1: [3]}
    assert found.plain == 2


def test_all_rows_of_a_picture_are_found():
    here = side_of({(1,): vector(0), (2,): vector(0)}, names={(1,): "a", (2,): "a"})
    there = side_of({(3,): vector(1), (4,): vector(1)}, names={(3,): "b", (4,): "b"})
    assert matches_of(find_against(here, there, FIVE, None)) == {1: [3, 4], 2: [3, 4]}


def test_nothing_is_stored(sides):
    def dump(side):
        return list(side.conn.iterdump())

    before = [dump(side) for side in sides]
    find_against(*sides, FIVE, None)
    assert [dump(side) for side in sides] == before


def test_vectors_of_another_model(sides):
    here, there = sides
    there.conn.execute("update _revimg_tables set model = 'another', weights_sha256 = 'ff'")
    there = Side(there.conn, *source_of(there.conn))
    with pytest.raises(OtherModelError, match=r"those of another .* which can't be compared"):
        find_against(here, there, FIVE, None)


def test_a_table_that_is_changed_meanwhile(sides):
    here, there = sides

    def change(done, total):
        add(there.conn, {(20,): vector(40)})

    with pytest.raises(RevimgError, match="was changed meanwhile: run this again"):
        find_against(here, there, FIVE, None, on_done=change)


def test_too_many_pairs(monkeypatch, sides):
    monkeypatch.setattr(block_pairs, "MOST_PAIRS", 2)
    with pytest.raises(RevimgError, match=r"more than 2 pairs .* choose a higher --min"):
        find_against(*sides, FIVE, None)


def test_an_empty_table(sides):
    here, there = sides
    with here.conn:
        here.conn.execute("delete from photos")
    found = find_against(here, there, FIVE, None)
    assert (found.rows, found.pictures, found.others) == ([], 0, 4)
