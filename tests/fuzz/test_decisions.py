"""Decisions of any fields and bytes: recorded, or a problem in words; nothing else changes."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import pytest
from datasette.app import Datasette
from hypothesis import example, given
from hypothesis import strategies as st

from kit.asgi import Answer, Asker, asking
from kit.asking import cookies
from kit.fuzzing import examples

TABLES = ("photos", "pairs", "keyless")
FORM = b"application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def database(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = Path(shutil.copy(built, tmp_path_factory.mktemp("decisions") / "data.db"))
    with closing(sqlite3.connect(file)) as conn, conn:
        for table in TABLES:
            conn.execute(f"drop table if exists _revimg_{table}_decisions")
    return file


@pytest.fixture(scope="module")
def decider(database: Path) -> Iterator[tuple[Asker, bytes]]:
    """Return something that asks, and the cookie of somebody who may decide."""
    datasette = Datasette([str(database)])
    datasette.root_enabled = True
    cookie = cookies(datasette, "root")["ds_actor"]
    with asking(datasette) as asker:
        yield asker, f"ds_actor={cookie}".encode()


def rows(database: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as conn:
        return conn.execute(f"select * from {table}").fetchall()


def recorded(database: Path, table: str) -> list[tuple[object, ...]]:
    """Return what was decided on a table, as it is stored."""
    name = f"_revimg_{table}_decisions"
    with closing(sqlite3.connect(database)) as conn:
        if not conn.execute("select 1 from sqlite_master where name = ?", [name]).fetchone():
            return []
        return conn.execute(f"select decision, keep, actor, a, b from {name}").fetchall()


@pytest.fixture(scope="module")
def before(database: Path) -> dict[str, list[tuple[object, ...]]]:
    names = [*TABLES, *(f"_revimg_{table}" for table in TABLES)]
    return {name: rows(database, name) for name in names}


def check(answer: Answer) -> None:
    assert answer.status in (200, 303, 400, 404, 413), answer
    if answer.status >= 400 and "json" in answer.content_type:
        body = json.loads(answer.body)
        assert body["ok"] is False
        assert body["error"]
    assert b"Traceback" not in answer.body


names = st.sampled_from(["keep", "different", "undo", "row", "row", "row", "csrftoken", ""])
keys = st.one_of(
    st.integers(-1, 14).map(str),
    st.sampled_from(
        ["1,b~2F1", "2,b~2F2", "1,2", "2,a", ",", "~", "~00", "1e309", "9" * 40, "\0", "١", "1.0"]
    ),
    st.text(st.characters(codec="utf-8"), max_size=6),
)
pairs = st.lists(st.tuples(names, keys), max_size=6)
decisions = st.tuples(
    st.sampled_from(["keep", "different", "undo"]), keys, st.lists(keys, min_size=1, max_size=4)
).map(lambda each: [(each[0], each[1]), *(("row", key) for key in each[2])])
bodies = (decisions | pairs).map(lambda each: urlencode(each).encode()) | st.binary(max_size=40)


@examples(100)
@example(table="photos", body=b"keep=1&row=2", ending=b".json", kind=FORM)
@example(table="photos", body=b"different=3&row=4", ending=b"", kind=FORM)
@example(table="pairs", body=b"keep=1%2Cb~2F1&row=2%2Cb~2F2", ending=b".json", kind=FORM)
@given(
    table=st.sampled_from(TABLES),
    body=bodies,
    ending=st.sampled_from([b"", b".json", b".json"]),
    kind=st.sampled_from([FORM] * 5 + [b"text/plain", b"\xff"]),
)
def test_decisions(
    decider: tuple[Asker, bytes],
    database: Path,
    before: dict[str, list[tuple[object, ...]]],
    table: str,
    body: bytes,
    ending: bytes,
    kind: bytes,
) -> None:
    asker, cookie = decider
    path = f"/data/{table}/-/duplicates".encode() + ending
    check(asker.ask(path, b"", "POST", {b"cookie": cookie, b"content-type": kind}, body))
    assert {name: rows(database, name) for name in before} == before
    for decision, keep, actor, a, b in recorded(database, table):
        assert decision in ("same", "different")
        assert a <= b
        assert actor == "root"
        assert keep in (a, b) if decision == "same" else keep is None


def test_a_decision_is_recorded(decider: tuple[Asker, bytes], database: Path) -> None:
    """The test above looks at what is stored: its examples store something."""
    asker, cookie = decider
    headers = {b"cookie": cookie, b"content-type": FORM}
    answer = asker.ask(b"/data/photos/-/duplicates.json", b"", "POST", headers, b"keep=5&row=6")
    assert answer.status == 200
    assert ("same", "root") in [(each[0], each[2]) for each in recorded(database, "photos")]
