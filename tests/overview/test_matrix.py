"""The similarity matrix: its numbers, its order, the command, the page, its JSON and picture."""

from __future__ import annotations

import asyncio
import csv
import html
import io
import json
import re
import sqlite3
import time
from collections.abc import Sequence
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from PIL import Image

from datasette_revimg.overview import matrix
from datasette_revimg.store import tables, writing
from datasette_revimg.vectors.cosine import cosine_matrix
from kit.asking import get_json
from kit.clusters import clusters, unit
from kit.command import error_of, run
from kit.docs import blocks
from kit.geometry import ANGLES, AWKWARD, cosine, entry

VIRIDIS_FIRST, VIRIDIS_MIDDLE, VIRIDIS_LAST = (68, 1, 84), (33, 145, 140), (253, 231, 37)

PAGE = "/data/photos/-/matrix"


def data_of(page: str) -> dict:
    """What the page hands to its JavaScript."""
    return json.loads(re.search(r'id="revimg-data">(.*?)</script>', page, re.S)[1])


@pytest.mark.parametrize("sizes", [[5, 9, 2], [30, 1, 30, 12, 7], [20] * 10])
def test_order_puts_clusters_into_blocks(sizes):
    vectors, labels = clusters(sizes)
    order = matrix.cluster_order(cosine_matrix(vectors))
    assert sorted(order) == list(range(len(labels)))
    along = labels[order]
    # As many runs of equal labels as there are clusters: none is torn apart.
    assert 1 + np.count_nonzero(along[1:] != along[:-1]) == len(sizes)
    assert (order == matrix.cluster_order(cosine_matrix(vectors))).all()


def test_order_follows_a_line():
    """Directions along an arc have one best order, whichever way they were stored."""
    angles = np.random.default_rng(1).permutation(30) * 3
    vectors = np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], 1)
    along = angles[matrix.cluster_order(cosine_matrix(vectors.astype(np.float32)))]
    assert list(along) in (sorted(angles), sorted(angles, reverse=True))


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_order_of_few(rows):
    assert list(matrix.cluster_order(cosine_matrix(unit(rows)))) == list(range(rows))


def path_length(order: Sequence[int], distances: np.ndarray) -> float:
    """The sum of the distances of neighbours."""
    return float(sum(distances[row, following] for row, following in pairwise(order)))


def orders_of_tree(distances: np.ndarray) -> set[tuple[int, ...]]:
    """Every order in which the leaves of the tree by average linkage can stand: each of its n - 1
    forks turned or not. The tree by the definition: join the two clusters whose rows' mean
    distance is least, until one is left."""
    clusters = [{(row,)} for row in range(len(distances))]

    def mean_distance(pair: tuple[int, int]) -> float:
        first, second = (list(next(iter(clusters[place]))) for place in pair)
        return float(distances[np.ix_(first, second)].mean())

    while len(clusters) > 1:
        first, second = min(combinations(range(len(clusters)), 2), key=mean_distance)
        pairs = list(product(clusters[first], clusters.pop(second)))
        clusters[first] = {a + b for a, b in pairs} | {b + a for a, b in pairs}
    return clusters[0]


def test_order_is_nearly_the_best_of_its_tree():
    """Against all 2**8 orders of 60 random trees of 9 leaves."""
    ratios = []
    for seed in range(60):
        vectors = np.random.default_rng(seed).normal(size=(9, 3))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        distances = 1 - vectors @ vectors.T
        orders = orders_of_tree(distances)
        assert len(orders) == 2**8
        order = tuple(matrix.cluster_order((vectors @ vectors.T).astype(np.float32)).tolist())
        assert order in orders
        best = min(path_length(other, distances) for other in orders)
        ratios.append(path_length(order, distances) / best)
    assert min(ratios) >= 1 - 1e-9
    assert np.mean(ratios) <= 1.05


def test_order_of_many_takes_no_time():
    vectors, labels = clusters([40] * 50)
    cosines = cosine_matrix(vectors)
    started = time.process_time()
    along = labels[matrix.cluster_order(cosines)]
    assert time.process_time() - started < 2
    assert np.count_nonzero(along[1:] != along[:-1]) == 49


def test_equal_vectors():
    same = np.repeat(unit(1), 4, axis=0)
    found = cosine_matrix(same)
    assert sorted(matrix.cluster_order(found)) == [0, 1, 2, 3]
    low, high = matrix.colour_range(found)
    assert low < high


def test_pixels_have_the_colours_of_their_cosines():
    cosines = np.array([[1, 0.9, 0.1], [0.9, 1, 0.5], [0.1, 0.5, 1]], np.float32)
    picture = matrix.picture(cosines, "three")
    side = matrix.cell_side(3)

    def pixel(row: int, column: int):
        return picture.getpixel((24 + column * side + side // 2, 24 + row * side + side // 2))

    assert pixel(0, 2) == pixel(2, 0) == pytest.approx(VIRIDIS_FIRST, abs=4)
    assert pixel(1, 2) == pixel(2, 1) == pytest.approx(VIRIDIS_MIDDLE, abs=4)
    assert pixel(0, 1) == pytest.approx(VIRIDIS_LAST, abs=4)
    assert pixel(1, 1) == VIRIDIS_LAST
    assert picture.getpixel((2, 2)) == (255, 255, 255)


def test_palette_gets_lighter_in_equal_steps():
    """Perceptually uniform: L* of CIELAB rises steadily, from about 15 to about 91."""
    linear = matrix.palette() / 255.0
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    lightness = 116 * np.cbrt(luminance) - 16
    assert lightness[0] == pytest.approx(15, abs=1)
    assert lightness[-1] == pytest.approx(91, abs=1)
    steps = np.diff(lightness[::16])
    assert steps.min() > 0.75 * steps.mean()
    assert steps.max() < 1.25 * steps.mean()


def test_halves_hold_what_is_above_the_diagonal():
    cosines = cosine_matrix(unit(7))
    values = np.frombuffer(matrix.halves(cosines), "<u2") / 32767.5 - 1
    pairs = [cosines[row, column] for row in range(7) for column in range(row + 1, 7)]
    assert values == pytest.approx(pairs, abs=2e-5)


def cells(text: str) -> dict[tuple[str, str], float]:
    header, *lines = csv.reader(io.StringIO(text))
    assert header[0] == ""
    assert [line[0] for line in lines] == header[1:]
    return {
        (line[0], name): float(value)
        for line in lines
        for name, value in zip(header[1:], line[1:], strict=True)
    }


def test_command_prints_every_cosine(data):
    printed = cells(run("matrix", data, "photos").stdout)
    assert len(printed) == len(ANGLES) ** 2
    for (row, column), value in printed.items():
        assert value == pytest.approx(cosine(int(row), int(column)), abs=1e-5)


def test_command_orders_by_clusters_or_by_key(data):
    def order(*options: str) -> list[int]:
        header = run("matrix", data, "photos", *options).stdout.splitlines()[0]
        return [int(name) for name in header.split(",")[1:]]

    along = [ANGLES[number] for number in order()]
    assert along in (sorted(ANGLES.values()), sorted(ANGLES.values(), reverse=True))
    assert order("--order", "key") == sorted(ANGLES)
    assert order("--where", "colour = 'red'", "--order", "key") == [1, 3, 5, 7, 9, 11]
    assert order("--where", "id < 3 -- or not", "--order", "key") == [1, 2]


def test_command_samples(data):
    first = run("matrix", data, "photos", "--limit", 4)
    assert first.stderr == "4 of 12 rows, a random sample\n"
    assert len(cells(first.stdout)) == 16
    assert first.stdout == run("matrix", data, "photos", "--limit", 4).stdout
    assert run("matrix", data, "photos").stderr == ""


@pytest.mark.parametrize(("suffix", "kind"), [("png", "PNG"), ("webp", "WEBP"), ("PNG", "PNG")])
def test_command_writes_pictures(data, tmp_path, suffix, kind):
    file = tmp_path / f"matrix.{suffix}"
    result = run("matrix", data, "photos", "-o", file, "--order", "key")
    assert result.stdout == ""
    with Image.open(file) as picture:
        assert picture.format == kind
        side = matrix.cell_side(len(ANGLES))
        at = 24 + side // 2
        assert picture.convert("RGB").getpixel((at, at)) == VIRIDIS_LAST
        # Rows 4 and 1 are 121° apart, further than any other two.
        assert picture.convert("RGB").getpixel((at, at + 3 * side)) == pytest.approx(
            VIRIDIS_FIRST, abs=8
        )


def test_command_writes_csv(data, tmp_path):
    run("matrix", data, "photos", "--output", tmp_path / "m.csv")
    text = (tmp_path / "m.csv").read_text(encoding="utf-8")
    assert text == run("matrix", data, "photos").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["photos", "-o", "m.gif"], ["m.gif", ".png"]),
        (["photos", "-o", "m"], [".csv"]),
        (["photos", "-o", "/no/such/folder/m.png"], ["/no/such/folder/m.png", "No such"]),
        (["photos", "--where", "0"], ["photos", "--where"]),
        (["plain"], ["plain", "not embedded"]),
        (["nonsense"], ["nonsense", "photos"]),
    ],
)
def test_command_says_what_is_wrong(data, arguments, words):
    message = error_of("matrix", data, *arguments)
    for word in words:
        assert word in message


def test_command_names_a_where_that_is_not_sql(data):
    result = run("matrix", data, "photos", "--where", "nonsense = 1", status=2)
    assert "--where 'nonsense = 1': no such column: nonsense" in result.stderr


def test_command_with_one_row_or_none(data, tmp_path):
    assert cells(run("matrix", data, "photos", "--where", "id = 7").stdout) == {("7", "7"): 1}
    run("matrix", data, "photos", "--where", "id = 7", "-o", tmp_path / "one.png")
    with sqlite3.connect(data) as conn:
        conn.execute("delete from photos")
    assert "no embedded rows" in error_of("matrix", data, "photos")


@pytest.mark.asyncio
@pytest.mark.parametrize("table", ["awkward", "pairs", "keyless", "files"])
async def test_keys_of_the_csv_open_as_addresses(data, ds, table):
    printed = cells(run("matrix", data, table).stdout)
    names = {row for row, _ in printed}
    assert len(names) == len(AWKWARD if table == "awkward" else ANGLES)
    for name in names:
        assert (await ds.client.get(f"/data/{table}/{name}/-/similar")).status_code == 200
        assert (await ds.client.get(f"/data/{table}/{name}.json")).status_code == 200


@pytest.mark.asyncio
async def test_json(ds):
    body = await get_json(ds, PAGE + ".json")
    rows = [row["row"]["id"] for row in body["rows"]]
    assert sorted(rows) == sorted(ANGLES)
    expected = [[round(cosine(first, second), 4) for second in rows] for first in rows]
    assert np.array(body.pop("matrix")) == pytest.approx(np.array(expected), abs=1.1e-4)
    first = body.pop("rows")[0]
    assert first == {
        "row": first["row"],
        "url": f"/data/photos/{rows[0]}",
        "similar_url": f"/data/photos/{rows[0]}/-/similar",
        "thumbnail_url": f"/data/photos/{rows[0]}/-/thumbnail",
    }
    assert body == {
        "ok": True,
        "database": "data",
        "table": "photos",
        "model": "vgg16-rmac",
        "sampled": False,
        "filtered_table_rows_count": len(ANGLES),
    }


@pytest.mark.asyncio
async def test_json_filters_order_and_size(ds):
    body = await get_json(ds, PAGE + ".json?colour=red&_order=key")
    assert [row["row"]["id"] for row in body["rows"]] == [1, 3, 5, 7, 9, 11]
    body = await get_json(ds, PAGE + ".json?_size=4")
    assert len(body["rows"]) == len(body["matrix"]) == len(body["matrix"][0]) == 4
    assert body["sampled"] is True
    assert body["filtered_table_rows_count"] == len(ANGLES)
    page = await ds.client.get(PAGE + "?_size=4")
    assert "4 of 12 rows, a random sample" in page.text
    assert "random sample" not in (await ds.client.get(PAGE)).text


@pytest.mark.asyncio
async def test_page_has_everything_that_its_javascript_needs(ds):
    data = data_of((await ds.client.get(PAGE + "?_order=key")).text)
    assert [key for key, _ in data["rows"]] == [str(number) for number in sorted(ANGLES)]
    assert data["rows"][2][1] == "<script>alert('title')</script>"
    response = await ds.client.get(data["values"])
    values = np.frombuffer(response.content, "<u2") / 32767.5 - 1
    expected = [cosine(a, b) for a in sorted(ANGLES) for b in sorted(ANGLES) if a < b]
    assert values == pytest.approx(expected, abs=2e-5)
    assert [data["palette"][0] >> shift & 255 for shift in (0, 8, 16, 24)] == [*VIRIDIS_FIRST, 255]
    again = await ds.client.get(data["values"], headers={"if-none-match": response.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.asyncio
async def test_picture_of_the_page(ds):
    page = (await ds.client.get(PAGE + "?_order=key&colour=red")).text
    address = html.unescape(re.search(r'<noscript><img src="([^"]+)"', page)[1])
    response = await ds.client.get(address)
    assert response.headers["content-type"] == "image/png"
    assert response.headers["cache-control"].startswith("private")
    with Image.open(io.BytesIO(response.content)) as picture:
        side = matrix.cell_side(6)
        at = 24 + side // 2
        assert picture.getpixel((at, at)) == VIRIDIS_LAST
        # Of the red ones, 1 at 0° and 7 at 100° are furthest apart.
        assert picture.getpixel((at + 3 * side, at)) == pytest.approx(VIRIDIS_FIRST, abs=8)


@pytest.mark.asyncio
async def test_one_row_and_none(ds):
    body = await get_json(ds, PAGE + ".json?id=7")
    assert body["matrix"] == [[1.0]]
    assert "Only one picture" in (await ds.client.get(PAGE + "?id=7")).text
    body = await get_json(ds, PAGE + ".json?id=77")
    assert (body["rows"], body["matrix"], body["filtered_table_rows_count"]) == ([], [], 0)
    assert "No picture of photos meets these filters" in (await ds.client.get(PAGE + "?id=77")).text
    assert (await ds.client.get(PAGE + ".png?id=77")).status_code == 404
    assert (await ds.client.get(PAGE + ".png?id=7")).status_code == 200


@pytest.mark.asyncio
async def test_never_older_than_the_table(data, ds):
    before = await get_json(ds, PAGE + ".json")
    page = data_of((await ds.client.get(PAGE)).text)
    with sqlite3.connect(data) as conn:
        source = tables.find(conn, "photos")
        conn.execute("insert into photos values (20, 'new', 'red', 2000, x'00')")
        writing.write(conn, source, [entry((20,), 8)], [])
        conn.execute("delete from photos where id = 4")
        # Another picture, in the same second perhaps.
        turned = entry((2,), 11)
        writing.write(
            conn, source, [writing.Embedding(**{**vars(turned), "content_hash": b"2"})], []
        )
    after = await get_json(ds, PAGE + ".json")
    assert {row["row"]["id"] for row in after["rows"]} == {*ANGLES, 20} - {4}
    place = {row["row"]["id"]: index for index, row in enumerate(after["rows"])}
    assert after["matrix"][place[20]][place[1]] == pytest.approx(cosine(8, 1), abs=1e-4)
    assert after["matrix"][place[2]][place[1]] == pytest.approx(cosine(11, 1), abs=1e-4)
    assert len(before["rows"]) == 12
    stale = await ds.client.get(page["values"])
    assert stale.status_code == 409
    assert "load the page again" in stale.text


@pytest.mark.asyncio
async def test_two_databases_with_the_same_names_are_told_apart(data, tmp_path, serve):
    other = tmp_path / "elsewhere"
    other.mkdir()
    with sqlite3.connect(data) as source, sqlite3.connect(other / "data.db") as copy:
        source.backup(copy)
        copy.execute("delete from photos where id > 3")
    one = await get_json(serve(), PAGE + ".json")
    two = await get_json(serve(other / "data.db"), PAGE + ".json")
    assert (len(one["rows"]), len(two["rows"])) == (12, 3)


@pytest.mark.asyncio
async def test_many_at_once_get_the_same(ds):
    answers = await asyncio.gather(*(ds.client.get(PAGE + ".json") for _ in range(8)))
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.asyncio
async def test_in_the_menu_of_the_table(ds):
    page = (await ds.client.get("/data/photos?colour=red&_sort=year&_facet=colour")).text
    assert 'href="/data/photos/-/matrix?colour=red"' in page
    assert 'href="/data/photos/-/map?colour=red"' in page
    assert "/-/matrix" not in (await ds.client.get("/data/plain")).text


@pytest.mark.asyncio
async def test_readme_shows_the_json_as_it_is(ds):
    (shown,) = (json.loads(block) for block in blocks("json", "matrix.json"))
    body = await get_json(ds, PAGE + ".json?_size=2&_order=key")
    assert list(shown) == list(body)
    assert [list(row) for row in shown["rows"]] == [list(row) for row in body["rows"]]
    assert np.shape(shown["matrix"]) == np.shape(body["matrix"])


def test_readme_shows_a_command_that_runs(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data.rename(tmp_path / "photos.db")
    (commands,) = blocks("bash", "matrix")
    for command in commands.splitlines():
        start, *arguments = command.removeprefix("datasette revimg ").split()
        assert start == "matrix"
        run(start, *arguments)
    assert (tmp_path / "photos.png").stat().st_size > 1000
