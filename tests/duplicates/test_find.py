"""Groups of rows, their best, their tiers; decisions hold, and rows that are gone are left out."""

from __future__ import annotations

import numpy as np
import pytest

from datasette_revimg.duplicates.find import find_duplicates
from datasette_revimg.errors import RevimgError
from datasette_revimg.store import decisions, duplicates, removal
from datasette_revimg.store.decisions import DIFFERENT, SAME, Decision
from datasette_revimg.vectors.calibration import Calibration
from kit.geometry import vector
from kit.near_copies import add, hash_of, source_of
from kit.vector_tables import photos

# Degrees: 1, 2 and 3 are within 4 degrees, 4 is 8 from 3, 5 and 6 are alike, 7 is alone.
ANGLES = {1: 0, 2: 2, 3: 4, 4: 12, 5: 60, 6: 61, 7: 120}

FIVE, NINE = (float(np.cos(np.radians(degrees))) for degrees in (5, 9))


@pytest.fixture
def conn():
    made = photos()
    add(made, {(number,): vector(angle) for number, angle in ANGLES.items()})
    # The same file again.
    add(made, {(8,): vector(ANGLES[7])}, names={(8,): (7,)})
    return made


def find(conn, minimum=FIVE, calibration=None, **options):
    found = find_duplicates(
        conn, *source_of(conn), minimum, calibration, lambda key: None, **options
    )
    return [[member.key[0] for member in group] for group in found.groups], found


def stored(conn):
    groups = duplicates.read(conn, source_of(conn)[0])
    return [[member.key[0] for member in group] for group in groups]


def test_groups_of_similar_pictures_and_of_the_same_file(conn):
    groups, found = find(conn)
    assert groups == [[1, 2, 3], [5, 6], [7, 8]]
    assert stored(conn) == groups
    assert found.pictures == 7
    assert [member.group for group in found.groups for member in group] == [1, 1, 1, 2, 2, 3, 3]
    (best, second, third) = found.groups[0]
    assert (best.best, second.best, third.best) == (True, False, False)
    assert second.score == pytest.approx(np.cos(np.radians(2)), abs=1e-6)
    assert third.score == pytest.approx(np.cos(np.radians(4)), abs=1e-6)
    assert best.reasons == "the first of equals"


def test_no_chains_at_a_lower_minimum(conn):
    """3 and 4 are alike too, but 1 and 4 are not."""
    groups, _ = find(conn, NINE)
    assert groups[0] == [1, 2, 3]


def test_the_same_file_alone(conn):
    groups, found = find(conn, None)
    assert groups == [[7, 8]]
    assert [member.tier for member in found.groups[0]] == ["same file", "same file"]
    assert [member.score for member in found.groups[0]] == [1, 1]


def test_tiers(conn):
    """1,999 pictures: the highest of chance, 2.5 degrees apart, is no *same picture* yet."""
    chance = np.full(1999, 0.2, np.float32)
    chance[-1] = np.cos(np.radians(2.5))
    _, found = find(conn, calibration=Calibration(np.sort(chance), {}, 1999))
    assert [[member.tier for member in group] for group in found.groups] == [
        ["same file", "same picture", "edited copy"],
        ["same file", "same picture"],
        ["same file", "same file"],
    ]


def test_rows_that_meet_a_condition_are_not_kept(conn):
    find(conn)
    groups, _ = find(conn, where="id in (1, 3, 5)")
    assert groups == [[1, 3]]
    assert stored(conn) == [[1, 2, 3], [5, 6], [7, 8]]


def test_decisions(conn):
    decisions.record(conn, "photos", [Decision(hash_of((1,)), hash_of((2,)), DIFFERENT)], "root")
    groups, _ = find(conn)
    assert groups == [[2, 3], [5, 6], [7, 8]]
    decisions.record(
        conn, "photos", [Decision(hash_of((6,)), hash_of((5,)), SAME, keep=hash_of((6,)))], "root"
    )
    groups, found = find(conn)
    assert groups[1] == [6, 5]
    assert found.groups[1][0].reasons == "chosen by hand"
    decisions.withdraw(conn, "photos", [(hash_of((2,)), hash_of((1,)))])
    assert find(conn)[0][0] == [1, 2, 3]


def test_decisions_survive_new_keys_and_starting_again(conn):
    decisions.record(conn, "photos", [Decision(hash_of((1,)), hash_of((2,)), DIFFERENT)], None)
    find(conn)
    removal.discard(conn, "photos")
    with conn:
        conn.execute("update photos set id = id + 100")
    add(
        conn,
        {(number + 100,): vector(angle) for number, angle in ANGLES.items()},
        names={(number + 100,): (number,) for number in ANGLES},
    )
    assert find(conn)[0] == [[102, 103], [105, 106]]
    removal.forget(conn, "photos")
    assert decisions.read(conn, "photos") == []


def test_damaged_decisions_are_none(conn):
    decisions.record(conn, "photos", [Decision(hash_of((1,)), hash_of((2,)), DIFFERENT)], None)
    for values in (
        ("no hash", "00", SAME, None),
        (None, b"1", SAME, 5),
        ("00", "01", "what", None),
    ):
        conn.execute(
            "insert into _revimg_photos_decisions (a, b, decision, keep) values (?, ?, ?, ?)",
            values,
        )
    conn.commit()
    assert len(decisions.read(conn, "photos")) == 1
    assert find(conn)[0] == [[2, 3], [5, 6], [7, 8]]


def test_what_is_stored_holds_as_long_as_the_rows_do(conn):
    find(conn)
    with conn:
        conn.execute("delete from photos where id in (2, 6)")
    assert stored(conn) == [[1, 3], [7, 8]]
    add(conn, {(3,): vector(100)}, names={(3,): "another picture"})
    assert stored(conn) == [[7, 8]]


@pytest.mark.parametrize("key", ["best", "Score", "group", "REASONS", "tier"])
def test_key_columns_with_names_of_ours(key):
    conn = photos(f'"{key}" integer primary key')
    add(conn, {(1,): vector(0), (2,): vector(1)})
    with pytest.raises(RevimgError, match=f"has a key column named '{key.lower()}'"):
        find(conn)


def test_a_table_without_duplicates():
    conn = photos()
    add(conn, {(1,): vector(0), (2,): vector(90)})
    assert find(conn)[0] == []
    assert stored(conn) == []
