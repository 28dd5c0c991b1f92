"""``datasette revimg matrix``: CSV and pictures."""

from __future__ import annotations

import csv
import io
import sqlite3

import pytest
from PIL import Image

from datasette_revimg.pictures.similarity_matrix import cell_side
from kit.command import error_of, run
from kit.docs import blocks
from kit.geometry import ANGLES, AWKWARD, cosine

VIRIDIS_FIRST, VIRIDIS_MIDDLE, VIRIDIS_LAST = (68, 1, 84), (33, 145, 140), (253, 231, 37)


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
        side = cell_side(len(ANGLES))
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


def test_readme_shows_a_command_that_runs(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data.rename(tmp_path / "photos.db")
    (commands,) = blocks("bash", "matrix")
    for command in commands.splitlines():
        start, *arguments = command.removeprefix("datasette revimg ").split()
        assert start == "matrix"
        run(start, *arguments)
    assert (tmp_path / "photos.png").stat().st_size > 1000


@pytest.mark.asyncio
@pytest.mark.parametrize("table", ["awkward", "pairs", "keyless", "files"])
async def test_keys_of_the_csv_open_as_addresses(data, ds, table):
    printed = cells(run("matrix", data, table).stdout)
    names = {row for row, _ in printed}
    assert len(names) == len(AWKWARD if table == "awkward" else ANGLES)
    for name in names:
        assert (await ds.client.get(f"/data/{table}/{name}/-/similar")).status_code == 200
        assert (await ds.client.get(f"/data/{table}/{name}.json")).status_code == 200
