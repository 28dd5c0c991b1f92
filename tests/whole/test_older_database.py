"""A database embedded by an older version: answers come from it as it is; `embed` wants --replace.

``embedded_by_9a42e06.db`` was written by the program at commit 9a42e06, whose log of codes has the
version 1, without checksums: twelve pictures, and a thirteenth row whose picture is damaged. Its
codes were made although so few vectors need none. Its vectors are those of an earlier network, with
512 floats.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasette_revimg.models.catalogue import VGG16_RMAC
from datasette_revimg.search import functions, top_k
from datasette_revimg.search.cache import Cache
from datasette_revimg.store import tables, upkeep
from kit.asking import get_json, ids
from kit.command import error_of, run, summary
from kit.pictures import mosaic
from kit.uploads import form, part, post

OLDER = Path(__file__).with_name("embedded_by_9a42e06.db")

ROWS = list(range(1, 13))

NOW = VGG16_RMAC.identity[1][:12]


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A copy of the older database."""
    return Path(shutil.copy(OLDER, tmp_path / "older.db"))


@pytest.fixture
def comparable(older: Path) -> Path:
    """A copy whose vectors are recorded as those of today's network, with older codes.

    They are as long as today's by zeros at their end, and so are the directions of the codes: no
    cosine, code or residual is another one for that.
    """

    def longer(blob: bytes) -> bytes:
        numbers = np.frombuffer(blob, "<f4").reshape(-1, 512)
        return np.pad(numbers, ((0, 0), (0, VGG16_RMAC.dimension - 512))).tobytes()

    name, sha256, preprocessing = VGG16_RMAC.identity
    with closing(sqlite3.connect(older)) as conn, conn:
        conn.create_function("longer", 1, longer)
        conn.execute("update _revimg_photos set embedding = longer(embedding)")
        conn.execute(
            "update _revimg_photos_basis set directions = longer(directions) "
            "where directions is not null"
        )
        conn.execute(
            "update _revimg_tables set model = ?, weights_sha256 = ?, preprocessing = ?, "
            "dimension = ?",
            [name, sha256, preprocessing, VGG16_RMAC.dimension],
        )
    return older


def stored(file: Path, columns: str = "id, embedding", table: str = "_revimg_photos") -> list[Any]:
    with closing(sqlite3.connect(file)) as conn:
        return conn.execute(f"select {columns} from {table} order by 1").fetchall()


def vectors(file: Path) -> dict[int, np.ndarray]:
    return {number: np.frombuffer(blob, "<f4").astype(np.float64) for number, blob in stored(file)}


def ranking(file: Path, query: int) -> list[tuple[int, float]]:
    """All rows and their cosines with one, the most similar first, itself left out."""
    of = vectors(file)
    scored = {number: float(of[query] @ of[number]) for number in of if number != query}
    return sorted(scored.items(), key=lambda item: -item[1])


def share_below(file: Path, score: float) -> float:
    """Percent of the pairs of rows whose cosine is smaller."""
    matrix = np.array(list(vectors(file).values()))
    cosines = (matrix @ matrix.T)[np.triu_indices(len(matrix), 1)]
    return 100 * float(np.mean(cosines < score - 1e-9))


def searched(file: Path, query: int, cache: Cache) -> list[tuple[int, float]]:
    """All rows but the query's, by a search, with their scores."""
    with closing(sqlite3.connect(file)) as conn:
        vector = vectors(file)[query].astype(np.float32)
        result = top_k.top_k(conn, "photos", vector, 50, exclude={(query,)}, cache=cache)
    return [(hit.key[0], hit.score) for hit in result.hits]


def assert_ranked(answer: list[tuple[int, float]], expected: list[tuple[int, float]]) -> None:
    assert [number for number, _ in answer] == [number for number, _ in expected]
    assert [score for _, score in answer] == pytest.approx([s for _, s in expected], abs=1e-6)


def test_it_is_of_an_older_version():
    """What the others of this file are about; a newer file would prove nothing."""
    assert stored(OLDER, "version", "_revimg_photos_basis") == [(1,), (1,)]
    with closing(sqlite3.connect(OLDER)) as conn:
        for name in ("_revimg_photos_basis", "_revimg_photos_codes"):
            columns = conn.execute("select name from pragma_table_info(?)", [name]).fetchall()
            assert ("generation",) in columns
            assert ("checksum",) not in columns
    assert sorted(vectors(OLDER)) == ROWS


@pytest.mark.parametrize("query", ROWS)
def test_searches_go_through_its_codes(older, query, caplog):
    cache = Cache()
    assert_ranked(searched(older, query, cache), ranking(older, query))
    assert cache.slot("photos").times[-1].way == "codes of 12 floats"
    assert caplog.text == ""


@pytest.mark.asyncio
@pytest.mark.parametrize("query", [1, 7])
async def test_the_similar_page(older, serve, query):
    before = older.read_bytes()
    ds = serve(older)
    body = await get_json(ds, f"/older/photos/{query}/-/similar.json")
    expected = ranking(older, query)
    assert_ranked([(row["row"]["id"], row["score"]) for row in body["rows"]], expected)
    for row, (_, score) in zip(body["rows"], expected, strict=True):
        # Of 66 pairs each is 1.5 %, and every percent is kept.
        assert row["percentile"] == pytest.approx(share_below(older, score), abs=2.6)
    most = await get_json(ds, f"/older/photos/{query}/-/similar.json", _min="90%")
    assert {n for n, score in expected if share_below(older, score) > 92} <= set(ids(most))
    assert all(share_below(older, dict(expected)[n]) > 88 for n in ids(most))
    page = (await ds.client.get(f"/older/photos/{query}/-/similar")).text
    links = [page.index(f'href="/older/photos/{number}"') for number, _ in expected]
    assert links == sorted(links)
    assert (await ds.client.get("/older/photos/13/-/similar")).status_code == 404
    # Pages never write.
    assert older.read_bytes() == before


def test_the_command_and_the_sql_function(older):
    before = older.read_bytes()
    expected = ranking(older, 5)[:4]
    rows = json.loads(run("similar", older, "photos", "5", "-n", "4", "--format", "json").stdout)
    assert_ranked([(row["id"], row["score"]) for row in rows], expected)
    for row in rows:
        assert row["percentile"] == pytest.approx(share_below(older, row["score"]), abs=2.6)
    with closing(sqlite3.connect(older)) as conn:
        functions.register(conn)
        (text,) = conn.execute(
            "select revimg_top('photos', (select embedding from _revimg_photos where id = 5), 5)"
        ).fetchone()
    itself, *others = [(row["id"], row["score"]) for row in json.loads(text)]
    assert itself == (5, pytest.approx(1, abs=1e-6))
    assert_ranked(others, expected)
    status = run("status", older).stdout
    assert "photos: 12 of 13 rows embedded, 1 failed" in status
    assert "codes of 12 floats" in status
    assert "failed [13]: not a picture" in status
    assert older.read_bytes() == before


DAMAGE = {
    "codes that are no numbers": "update _revimg_photos_codes set codes = negated(codes, 'nan')",
    "a code of another length": "update _revimg_photos_codes set codes = negated(codes, 2)",
    "residuals that are zeros": (
        "update _revimg_photos_codes set residuals = zeroblob(length(residuals)), "
        "codes = zeroblob(length(codes))"
    ),
    "a key too few": "update _revimg_photos_codes set keys = substr(keys, 9)",
    "half a key": "update _revimg_photos_codes set keys = substr(keys, 5)",
    "a basis of another length": (
        "update _revimg_photos_basis set directions = negated(directions, 2) where number > 0"
    ),
}


# Damage to what surrounds the codes, which `embed` must mend too.
GONE = {
    "the codes are gone": "drop table _revimg_photos_codes",
    "the state is gone": "delete from _revimg_photos_basis where number = 0",
    "the state has a null": "update _revimg_photos_basis set coded = null where number = 0",
}


def damaged(file: Path, statement: str) -> None:
    def negated(blob: bytes, factor: Any) -> bytes:
        return (-np.frombuffer(blob, "<f4") * np.float32(factor)).tobytes()

    with closing(sqlite3.connect(file)) as conn, conn:
        conn.create_function("negated", 2, negated)
        conn.execute(statement)


def test_new_vectors_are_not_mixed_with_its_own(older, tmp_path):
    tables = ("photos", "_revimg_tables", "_revimg_photos", "_revimg_photos_thumbnails")
    before = [stored(older, "*", table) for table in tables]
    query = tmp_path / "query.png"
    query.write_bytes(mosaic(5))
    for command in (("embed", older, "photos"), ("similar", older, "photos", query)):
        error = error_of(*command)
        # The first twelve digits of the earlier network's hash, and of today's.
        assert "'photos' holds vectors of vgg16-rmac (aecb1212d83f), which" in error
        assert f"can't be compared with those of vgg16-rmac ({NOW})" in error
        assert error.endswith("embed it again with --replace")
    # The tables were brought up to date, but nothing was made anew.
    assert [stored(older, "*", table) for table in tables] == before
    run("embed", older, "photos", "--replace")
    kept = stored(older, "preprocessing", "_revimg_tables")[0]
    assert kept == ("caffe, aspect kept background=white-or-black",)
    new = vectors(older)
    assert sorted(new) == ROWS
    assert {len(vector) for vector in new.values()} == {VGG16_RMAC.dimension}
    run("similar", older, "photos", query)


@pytest.mark.asyncio
async def test_an_image_is_not_compared_with_its_vectors(older, serve):
    ds = serve(older)
    response = await post(ds, form(part(mosaic(5))), "/older/photos/-/similar.json")
    assert response.status_code == 409
    assert "can't be compared" in response.json()["error"]


@pytest.mark.parametrize("damage", DAMAGE)
def test_its_damage_is_noticed(older, damage, caplog):
    damaged(older, DAMAGE[damage])
    cache = Cache()
    assert_ranked(searched(older, 3, cache), ranking(older, 3))
    assert cache.slot("photos").times[-1].way == "vector by vector"
    assert "datasette revimg embed" in caplog.text


@pytest.mark.parametrize("damage", [*DAMAGE, *GONE])
def test_embed_mends_it(comparable, damage, caplog):
    damaged(comparable, {**DAMAGE, **GONE}[damage])
    run("embed", comparable, "photos")
    assert stored(comparable, "version", "_revimg_photos_basis") == [(2,)]
    cache = Cache()
    assert_ranked(searched(comparable, 3, cache), ranking(comparable, 3))
    assert cache.slot("photos").times[-1].way == "all vectors"
    assert caplog.text == ""


def test_embed_goes_on(comparable):
    before = dict(stored(comparable))
    distribution = stored(comparable, "pairs, sampled, background", "_revimg_photos_basis")[-1]
    with closing(sqlite3.connect(comparable)) as conn, conn:
        conn.execute("insert into photos values (14, 'new', ?)", [mosaic(14)])
    result = run("embed", comparable, "photos")
    assert summary(result.stdout) == "photos: 1 embedded, 12 unchanged, 1 failed, 0 removed"
    after = dict(stored(comparable))
    assert sorted(after) == [*ROWS, 14]
    assert {number: after[number] for number in ROWS} == before
    # The next version, with nothing left of the codes without checksums.
    assert stored(comparable, "version", "_revimg_photos_basis") == [(2,)]
    assert stored(comparable, "checksum", "_revimg_photos_codes") == []
    assert distribution in stored(comparable, "pairs, sampled, background", "_revimg_photos_basis")
    cache = Cache()
    for query in (1, 14):
        assert_ranked(searched(comparable, query, cache), ranking(comparable, query))
    assert cache.slot("photos").times[-1].way == "all vectors"
    rows = json.loads(run("similar", comparable, "photos", "14", "--format", "json").stdout)
    assert_ranked([(row["id"], row["score"]) for row in rows], ranking(comparable, 14)[:5])
    assert "photos: 13 of 14 rows embedded, 1 failed" in run("status", comparable).stdout
    # Codes of the next version can be made, and are used.
    with closing(sqlite3.connect(comparable)) as conn:
        assert upkeep.rebuild(conn, tables.find(conn, "photos"))
    cache = Cache()
    assert_ranked(searched(comparable, 14, cache), ranking(comparable, 14))
    assert cache.slot("photos").times[-1].way.startswith("codes of")
    assert all(checksum for (checksum,) in stored(comparable, "checksum", "_revimg_photos_codes"))


def test_embed_with_nothing_new(comparable):
    before = dict(stored(comparable))
    result = run("embed", comparable, "photos")
    assert summary(result.stdout) == "photos: 0 embedded, 12 unchanged, 1 failed, 0 removed"
    assert dict(stored(comparable)) == before
    assert_ranked(searched(comparable, 8, Cache()), ranking(comparable, 8))
