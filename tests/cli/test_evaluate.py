"""``datasette revimg evaluate``: real pictures, the bundled network, and what can't be measured."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing

import pytest
from PIL import Image

from kit.command import error_of, run
from kit.pictures import mosaic, photos_database
from kit.taught import taught


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    """A database of six pictures, two and two of a kind, which no test may change."""
    path = tmp_path_factory.mktemp("evaluate") / "photos.db"
    photos_database(path, {number: mosaic(number // 2) for number in range(6)})
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute("alter table photos add column kind text")
        conn.execute("update photos set kind = id / 2")
    run("embed", path, "photos")
    return path


def test_by_edits(embedded, tmp_path):
    before = embedded.read_bytes()
    plot = tmp_path / "curves.png"
    arguments = ("evaluate", embedded, "photos", "--edited=2", "--model=vgg16-rmac")
    found = json.loads(run(*arguments, "--format=json", "--plot", plot).stdout)
    assert [one["model"] for one in found] == ["vgg16-rmac"]
    assert found[0]["rows"] == 6
    assert found[0]["bytes_per_picture"] == 4 * found[0]["floats"]
    assert found[0]["by_edits"]["all"]["queries"] == 2 * 14
    # Of pictures of coloured squares, a blurred one is hardly another; its row and its copy are
    # both right.
    assert found[0]["by_edits"]["blurred"]["recall_at_1"] == 1.0
    with Image.open(plot) as picture:
        assert picture.format == "PNG"
        assert len(set(picture.resize((60, 40)).get_flattened_data())) > 3
    text = run(*arguments).stdout
    assert text.startswith("photos: 28 edited pictures ask for their row among 6\n")
    assert "mirrored" in text
    assert embedded.read_bytes() == before


def test_by_groups(embedded):
    arguments = ("evaluate", embedded, "photos", "--groups=KIND", "--model=vgg16-rmac")
    text = run(*arguments, "--format=csv").stdout
    (row,) = csv.DictReader(io.StringIO(text))
    # The two of a kind are the same picture.
    assert (row["model"], row["mAP"], row["P@10"], row["R@1"]) == ("vgg16-rmac", *["1.0"] * 3)
    assert "6 rows ask for the others of their group among 6" in run(*arguments).stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--groups=size"], "'photos' has no column 'size'"),
        (["--groups=kind", "--where=id < 1"], "has 1 rows with a vector and a value in 'kind'"),
        (["--groups=kind", "--where=id in (0, 1, 2)", "--model=nothing"], "there is no model"),
    ],
)
def test_what_cannot_be_measured(tmp_path, arguments, sentence):
    taught(tmp_path / "photos.db").close()
    assert sentence in error_of("evaluate", tmp_path / "photos.db", "photos", *arguments)


def test_pictures_that_are_gone(tmp_path):
    taught(tmp_path / "photos.db").close()
    assert "none of the pictures can be read" in error_of(
        "evaluate", tmp_path / "photos.db", "photos", "--model=vgg16-rmac"
    )


def test_a_plot_of_another_kind(tmp_path):
    taught(tmp_path / "photos.db").close()
    result = run("evaluate", tmp_path / "photos.db", "photos", "--plot=a.pdf", status=2)
    assert "--plot writes .png or .webp, not a.pdf" in result.stderr
