"""The view of duplicates: what it shows, whose name it may take, and when it goes."""

from __future__ import annotations

import sqlite3

import pytest

from datasette_revimg.duplicates.find import find_duplicates
from datasette_revimg.errors import RevimgError
from datasette_revimg.store import duplicates_view, removal, tables
from kit.geometry import vector
from kit.near_copies import add, source_of
from kit.vector_tables import photos


def grouped(keys="id integer primary key"):
    """Rows 1, 2 and 3 are alike, 4 and 5 too."""
    conn = photos(keys)
    angles = {1: 0, 2: 1, 3: 2, 4: 90, 5: 91}
    add(conn, {(number,): vector(angle) for number, angle in angles.items()})
    find_duplicates(conn, *source_of(conn), 0.99, None, lambda key: None)
    return conn


def create(conn):
    duplicates_view.create(conn, source_of(conn)[0], "picture")


def rows(conn, columns='"group", id, best'):
    return conn.execute(f"select {columns} from photos_duplicates").fetchall()


def test_the_groups_beside_the_columns_of_the_table():
    conn = grouped()
    conn.execute("update photos set colour = 'red' where id = 2")
    create(conn)
    assert rows(conn) == [(1, 1, 1), (1, 2, 0), (1, 3, 0), (2, 4, 1), (2, 5, 0)]
    assert rows(conn, "colour")[:2] == [(None,), ("red",)]
    names = [
        name
        for (name,) in conn.execute("select name from pragma_table_info(?)", ["photos_duplicates"])
    ]
    assert names == ["group", "best", "score", "tier", "reasons", "colour", "id"]


def test_only_rows_that_are_duplicates_still():
    conn = grouped()
    create(conn)
    with conn:
        conn.execute("delete from photos where id = 3")
    add(conn, {(5,): vector(45)}, names={(5,): "another picture"})
    assert rows(conn) == [(1, 1, 1), (1, 2, 0), (2, 4, 1)]


def test_the_users_columns_keep_their_names():
    conn = grouped()
    conn.execute("alter table photos add column score text default 'mine'")
    conn.execute("alter table photos add column Best text default 'too'")
    create(conn)
    assert rows(conn, "score, Best, best_, score_")[0] == ("mine", "too", 1, 1.0)


def test_blobs_are_left_out():
    conn = grouped()
    conn.execute("update photos set colour = x'00ff', picture = x'00ff'")
    create(conn)
    values = [value for row in rows(conn, "*") for value in row]
    assert values
    assert not any(isinstance(value, bytes) for value in values)


def test_a_table_without_a_key_and_one_with_a_key_of_blobs():
    conn = grouped("id integer")
    create(conn)
    assert rows(conn, '"group", rowid')[:3] == [(1, 1), (1, 2), (1, 3)]
    conn = photos("id blob primary key")
    add(conn, {(b"\x01",): vector(0), (b"\xff",): vector(1)})
    find_duplicates(conn, *source_of(conn), 0.99, None, lambda key: None)
    create(conn)
    assert rows(conn, "id") == [("01",), ("FF",)]


def test_made_again_it_has_new_columns():
    conn = grouped()
    create(conn)
    conn.execute("alter table photos add column title text default 'new'")
    create(conn)
    assert rows(conn, "title")[0] == ("new",)


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        ("create table Photos_Duplicates (id)", "a table"),
        ("create view photos_duplicates as select * from photos", "a view"),
        ("create index photos_duplicates on photos (colour)", "an index"),
    ],
)
def test_a_name_that_is_taken(made, kind):
    conn = grouped()
    conn.execute(made)
    before = list(conn.iterdump())
    message = f"would be called 'photos_duplicates', which is the name of {kind}: rename that"
    with pytest.raises(RevimgError, match=message):
        create(conn)
    removal.forget(conn, "photos")
    before = {line for line in before if "_revimg_" not in line}
    assert before <= set(conn.iterdump())


def test_a_name_that_would_look_like_one_of_our_tables():
    conn = sqlite3.connect(":memory:")
    conn.execute("create table _revimg (id integer primary key)")
    with pytest.raises(RevimgError, match="'_revimg_duplicates' is a name of our own tables"):
        duplicates_view.check(conn, tables.find(conn, "_revimg"))


@pytest.mark.parametrize("end", [removal.forget, removal.discard])
def test_it_goes_with_what_it_shows(end):
    """A view of a table that is gone would be in the way of every change to the user's table."""
    conn = grouped()
    create(conn)
    end(conn, "photos")
    assert duplicates_view.names(conn) == []
    conn.execute("alter table photos rename to pictures")


def test_it_is_ours_after_its_table_is_renamed():
    conn = grouped()
    create(conn)
    conn.execute("alter table photos rename to pictures")
    assert duplicates_view.names(conn) == ["photos_duplicates"]
