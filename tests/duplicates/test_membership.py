"""The groups that single rows are in, as all groups read at once have them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from datasette_revimg.duplicates.membership import Membership
from datasette_revimg.duplicates.review import review
from datasette_revimg.store import decisions, duplicates, reading, tables
from datasette_revimg.store.decisions import DIFFERENT, SAME, Decision
from datasette_revimg.store.duplicates import Member
from kit.geometry import ANGLES, AWKWARD

GROUPS = [[1, 2, 3], [5, 4], [7, 6, 8, 9]]


@pytest.fixture
def conn(data):
    with closing(sqlite3.connect(data)) as opened:
        yield opened


def write(conn, name, key_of):
    """Write the groups of a table, the first row of each the best; return table and hashes."""
    source = tables.find(conn, name)
    hashes = dict(reading.content_hashes(conn, source))
    duplicates.write(
        conn,
        source,
        [
            Member(
                group, key_of(row), hashes[key_of(row)], 0.9, "edited copy", row == rows[0], "why"
            )
            for group, rows in enumerate(GROUPS, start=1)
            for row in rows
        ],
    )
    return source, hashes


@pytest.mark.parametrize(
    ("table", "key_of"),
    [
        ("photos", lambda n: (n,)),
        ("awkward", lambda n: (AWKWARD[n],)),
        ("pairs", lambda n: (n, f"b/{n}")),
        ("keyless", lambda n: (n,)),
    ],
)
def test_the_group_of_each_row(conn, table, key_of):
    source, hashes = write(conn, table, key_of)
    decided = [
        # 9 is not what 7 is; of 4 and 5 it is said which to keep, and 1 and 2 are different.
        Decision(hashes[key_of(7)], hashes[key_of(9)], DIFFERENT),
        Decision(hashes[key_of(4)], hashes[key_of(5)], SAME, keep=hashes[key_of(4)]),
        Decision(hashes[key_of(1)], hashes[key_of(2)], DIFFERENT),
    ]
    decisions.record(conn, table, decided, "root")
    membership = Membership(conn, source)
    others = {row: membership.others(key_of(row)) for row in range(1, 10)}
    assert others == {1: 1, 2: 0, 3: 1, 4: 1, 5: 1, 6: 2, 7: 2, 8: 2, 9: 0}
    assert membership.number(key_of(3)) == 1
    assert membership.number(key_of(9)) is None
    every = review(duplicates.read(conn, source), {one.pair: one for one in decided})
    for group in every:
        for member in group.members:
            # Also where nothing was read before.
            assert Membership(conn, source).group(member.key) == group


def test_rows_that_are_gone_or_have_another_picture(conn):
    source, _ = write(conn, "photos", lambda n: (n,))
    conn.execute("delete from photos where id = 5")
    conn.execute("update _revimg_photos set content_hash = x'00' where id in (7, 8)")
    membership = Membership(conn, source)
    others = {row: membership.others((row,)) for row in ANGLES}
    assert {row for row, count in others.items() if count} == {1, 2, 3, 6, 9}
    assert others[6] == others[9] == 1


def test_a_table_whose_duplicates_nobody_has_looked_for(conn):
    conn.execute("drop table _revimg_photos_duplicates")
    membership = Membership(conn, tables.find(conn, "photos"))
    assert not membership.found
    assert membership.others((1,)) == 0
    assert membership.number((1,)) is None
