"""Keys of any value: an address names its row, and no other."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing

from datasette.utils import tilde_decode, tilde_encode
from hypothesis import assume, given
from hypothesis import strategies as st

from datasette_revimg.keys import key_json, parse_row_path, row_path, typed_keys
from kit.fuzzing import examples, sql_values

text = st.text(st.characters(codec="utf-8"))


@examples(300)
@given(st.lists(text, min_size=1, max_size=4))
def test_an_address_is_read_as_it_was_written(key: list[str]) -> None:
    path = row_path(tuple(key))
    assert path.isascii()
    assert parse_row_path(path) == tuple(key)
    # Datasette's own encoding, of which this is a second implementation.
    assert path == ",".join(map(tilde_encode, key))
    if len(key) == 1:
        assert list(typed_keys(path, 1))[-1] == tuple(key)


@examples(300)
@given(st.text("~0123456789abcdefABCDEF%+,-_.é", max_size=20))
def test_any_text_is_read_as_datasette_reads_it(path: str) -> None:
    # There Datasette decodes its own placeholder of a %, a random one.
    assume(not re.search("~.?%", path))
    assert parse_row_path(path) == tuple(tilde_decode(part) for part in path.split(","))


@examples(200)
@given(st.lists(sql_values, min_size=1, max_size=3))
def test_any_value_is_written(key: list[object]) -> None:
    """As SQLite returns it: there are no numbers that aren't any."""
    with closing(sqlite3.connect(":memory:")) as conn:
        row = conn.execute(f"select {', '.join('?' * len(key))}", key).fetchone()
    assert row_path(row).isascii()
    assert len(json.loads(key_json(row))) == len(key)
