"""Addresses, parameters and filters of any bytes: an answer or a problem in words, never a 500."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes, urlencode

import pytest
from datasette.app import Datasette
from datasette.utils import tilde_encode
from hypothesis import example, given
from hypothesis import strategies as st

from datasette_revimg.overview import layout
from kit.asgi import Answer, Asker, asking
from kit.fuzzing import examples
from kit.geometry import AWKWARD
from kit.pictures import mosaic
from kit.uploads import BOUNDARY, form, part


@pytest.fixture(scope="module")
def asker(built: Path) -> Iterator[Asker]:
    """Return something that asks a Datasette of vectors at known angles."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "better_method", lambda: None)
        with asking(Datasette(immutables=[str(built)])) as started:
            yield started


def check(answer: Answer) -> None:
    """Check that an answer is no failure of the server's, and a problem in JSON well formed."""
    assert answer.status in (200, 302, 400, 403, 404, 405, 409, 410, 413, 422), answer
    if answer.status >= 400 and answer.body and "json" in answer.content_type:
        body = json.loads(answer.body)
        assert body["ok"] is False
        assert body["status"] == answer.status
        assert body["error"]
    if answer.content_type.startswith("text/html"):
        assert b"Traceback" not in answer.body


text = st.text(st.characters(codec="utf-8"), max_size=12)
segments = st.one_of(
    st.sampled_from(["data", "photos", "awkward", "pairs", "keyless", "files", "plain", "1", "13"]),
    st.sampled_from([tilde_encode(key) for key in AWKWARD.values()]),
    st.sampled_from(["_memory", "_internal", "_revimg_photos", "1,b~2F1", "1,2,3", ",", "~", "-1"]),
    text.map(tilde_encode),
    text.map(lambda each: quote_from_bytes(each.encode())),
    st.binary(max_size=8).map(lambda each: quote_from_bytes(each, safe="")),
    st.text("~0123456789ABCDEFabcdef%+,.-", max_size=10),
)
endings = st.sampled_from(
    ["similar", "thumbnail", "picture", "compare", "why", "matrix", "matrix.png", "matrix-values",
     "map", "map-data", "map-sheet", "duplicates", "duplicates.csv", "revimg"]
)  # fmt: skip
formats = st.sampled_from(["", ".json", ".json.json", ".csv", "/", "%00"])


@st.composite
def addresses(draw: st.DrawFn) -> bytes:
    """Return a path like those that the plugin serves."""
    start = draw(st.sampled_from(["/data/photos/", "/data/awkward/", "/data/pairs/", "/"]))
    rest = draw(st.lists(segments, max_size=3))
    path = start + "".join(segment + "/" for segment in rest)
    return f"{path}-/{draw(endings)}{draw(formats)}".encode()


@examples(250)
@given(path=addresses(), method=st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "PUT"]))
def test_addresses(asker: Asker, path: bytes, method: str) -> None:
    check(asker.ask(path, method=method))


PAGES = (
    b"/data/photos/1/-/similar.json",
    b"/data/photos/1/-/similar",
    b"/data/pairs/1,b~2F1/-/similar.json",
    b"/data/photos/1/-/compare.json",
    b"/data/photos/1/-/compare",
    b"/data/photos/1/-/why",
    b"/data/photos/-/matrix.json",
    b"/data/photos/-/matrix-values",
    b"/data/photos/-/map.json",
    b"/data/photos/-/map-data",
    b"/data/photos/-/map-sheet",
    b"/data/photos/-/duplicates",
    b"/data/photos/-/duplicates.json",
    b"/data/photos/-/similar",
    b"/-/revimg.json",
)
operators = st.sampled_from(
    ["", "__exact", "__not", "__contains", "__gte", "__in", "__notin", "__glob", "__like",
     "__arraycontains", "__arraynotcontains", "__date", "__isnull", "__isnull__1", "__isblank",
     "__notlike", "__startswith", "__no", "__"]
)  # fmt: skip
columns = st.sampled_from(["id", "title", "colour", "year", "picture", "rowid", "a", "nothing"])
names = st.one_of(
    st.sampled_from(
        ["like", "unlike", "with", "_size", "_min", "_crop", "_shape", "_facet", "_facet_size",
         "_facet_array", "_where", "_through", "_search", "_search_title", "_sheet", "_places",
         "_order", "_version", "_why", "_next", "_sort", "_extra", "_nl", "_ttl", "_trace",
         "_filter_column", "_filter_op", "_filter_value", "_filter_column_1", "_labels", "_tier",
         "_offset", "_decided", "_ways", "_expand"]
    ),
    st.builds(str.__add__, columns, operators),
    text,
)  # fmt: skip
values = st.one_of(
    st.sampled_from(
        ["", "1", "13", "0", "-1", "1e309", "nan", "99.9%", "100%", "9" * 400, "0,0,10,10", "array",
         "1,b~2F1", "~2", "colour", "null", "[1", '["a", 1]', '{"table": "photos"}',
         '{"table": 1, "column": [], "value": {}}', "1=1", "1; drop table photos", "id in (", "--",
         "select 1", "/*", "randomblob(10)", "json('x')", ":p0", "?", "zeroblob(9e9)", "\0",
         "2020-02-30", "isnull__1", "²", "١", "all", "whole,windows", "turns,mirror"]
    ),
    st.floats().map(str),
    st.integers().map(str),
    st.lists(st.floats(), min_size=4, max_size=4).map(lambda each: ",".join(map(str, each))),
    text,
)  # fmt: skip
queries = st.lists(st.tuples(names, values), max_size=5).map(
    lambda pairs: urlencode(pairs).encode()
)


@examples(500)
@given(path=st.sampled_from(PAGES), query=queries | st.binary(max_size=30))
@example(path=PAGES[0], query=b"id__arraycontains=%00")
@example(path=PAGES[0], query=b"_through=%7B%22table%22%3A%22nope%22%7D")
def test_parameters_and_filters(asker: Asker, path: bytes, query: bytes) -> None:
    check(asker.ask(path, query))


@pytest.fixture(scope="module")
def uploads(scenes_built: Path) -> Iterator[Asker]:
    """Return something that asks a Datasette of embedded pictures."""
    with asking(Datasette(immutables=[str(scenes_built)])) as started:
        yield started


fields = st.sampled_from(
    ["_size", "_min", "_crop", "_shape", "_facet", "like", "unlike", "title", "_ways", "_expand"]
)
pictures = st.sampled_from([mosaic(1), mosaic(2, "WEBP"), mosaic(3, "JPEG")[:-40], b"GIF89a", b"x"])


@examples(40)
@given(
    picture=pictures | st.binary(min_size=1, max_size=30),
    pairs=st.lists(st.tuples(fields | names, values), max_size=4),
    ending=st.sampled_from([b"", b".json"]),
)
def test_uploads(
    uploads: Asker, picture: bytes, pairs: list[tuple[str, str]], ending: bytes
) -> None:
    """Fields beside the picture say what those of an address do."""
    parts = [part(picture)]
    for name, value in pairs:
        if "\r" not in name and "\n" not in name and '"' not in name:
            parts.append(part(value.encode(), name, None))
    answer = uploads.ask(
        b"/scenes/photos/-/similar" + ending,
        method="POST",
        headers={b"content-type": f"multipart/form-data; boundary={BOUNDARY}".encode()},
        body=form(*parts),
    )
    check(answer)
