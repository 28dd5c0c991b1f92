"""similar, status, forget, models, and what every command owes its user."""

import csv
import io
import json
import sqlite3

import numpy as np
import pytest
from PIL import Image, ImageDraw

from datasette_revimg.cli import revimg
from kit.command import run


def drawing(shape: str, left: int, colour: str) -> bytes:
    image = Image.new("RGB", (96, 72), "white")
    getattr(ImageDraw.Draw(image), shape)((left, 12, left + 44, 56), fill=colour)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


SHAPES = {
    "red disc": ("ellipse", 10, "red"),
    "red disc, moved": ("ellipse", 14, "red"),
    "red disc, moved more": ("ellipse", 20, "red"),
    "blue box": ("rectangle", 10, "blue"),
    "blue box, moved": ("rectangle", 14, "blue"),
}


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("cli") / "shapes.db"
    with sqlite3.connect(path) as conn:
        conn.execute("create table shapes (id text primary key, shape text, image blob)")
        conn.executemany(
            "insert into shapes values (?, ?, ?)",
            [(name, how[0], drawing(*how)) for name, how in SHAPES.items()],
        )
        conn.execute("create table plain (id integer primary key)")
        conn.execute("insert into shapes values ('bad', 'none', x'00')")
    run("embed", path, "shapes")
    return path


def rows(*arguments: object) -> list[dict]:
    return json.loads(run("similar", *arguments, "--format", "json").stdout)


def test_most_similar_first_and_never_itself(database):
    found = rows(database, "shapes", "red disc", "-n", 2)
    assert [row["id"] for row in found] == ["red disc, moved", "red disc, moved more"]
    assert 1 > found[0]["score"] > found[1]["score"] > 0
    assert found[0]["shape"] == "ellipse"
    assert "image" not in found[0]


def test_key_as_in_a_datasette_url(database):
    assert rows(database, "shapes", "red+disc~2C+moved", "-n", 1)[0]["id"].startswith("red disc")


def test_a_picture_file(database, tmp_path):
    file = tmp_path / "query.png"
    file.write_bytes(drawing(*SHAPES["blue box"]))
    found = rows(database, "shapes", file, "-n", 2)
    assert found[0]["id"] == "blue box"
    assert found[0]["score"] == pytest.approx(1, abs=1e-4)


def test_several_queries_and_not(database):
    both = rows(database, "shapes", "red disc", "blue box", "-n", 9)
    assert {row["id"] for row in both} == set(SHAPES) - {"red disc", "blue box"}
    near = rows(database, "shapes", "red disc", "-n", 9)
    away = rows(database, "shapes", "red disc", "--not", "blue box", "-n", 9)
    assert "blue box" not in {row["id"] for row in away}
    assert away[-1]["id"] == "blue box, moved"
    score = {row["id"]: row["score"] for row in near}
    assert away[-1]["score"] < score["blue box, moved"]


def test_where_and_min(database):
    found = rows(database, "shapes", "red disc", "--where", "shape = 'rectangle'", "-n", 9)
    assert {row["id"] for row in found} == {"blue box", "blue box, moved"}
    limit = rows(database, "shapes", "red disc", "-n", 1)[0]["score"] - 1e-5
    found = rows(database, "shapes", "red disc", "--min", limit, "-n", 9)
    assert [row["id"] for row in found] == ["red disc, moved"]
    assert run("similar", database, "shapes", "red disc", "--where", "0").stdout == "no rows\n"


def test_table_and_csv(database):
    table = run("similar", database, "shapes", "red disc", "-n", 1).stdout
    assert table.split()[:4] == ["score", "percentile", "id", "shape"]
    assert "red disc, moved" in table
    lines = list(
        csv.DictReader(
            io.StringIO(run("similar", database, "shapes", "red disc", "--format", "csv").stdout)
        )
    )
    assert len(lines) == 4
    assert lines[0]["id"] == "red disc, moved"
    percentiles = [float(line["percentile"]) for line in lines]
    assert percentiles == sorted(percentiles, reverse=True)


def test_minimum_as_a_percentile(database):
    def found(minimum):
        output = run(
            "similar", database, "shapes", "red disc", "--min", minimum, "--format", "json"
        )
        return [(row["id"], row["percentile"]) for row in json.loads(output.stdout)]

    everything = found("0%")
    assert len(everything) == 4
    above = [row for row in everything if row[1] > 50]
    assert 0 < len(above) < 4
    assert found("50%") == above


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["shapes", "green disc"], 1, "neither the key of an embedded row"),
        (["shapes", "bad"], 1, "neither the key of an embedded row"),
        (["plain", "1"], 1, "not embedded yet: run `datasette revimg embed`"),
        (["circles", "1"], 1, "no table 'circles'"),
        (["shapes", "red disc", "--where", "colour = 1"], 2, "no such column: colour"),
        (["shapes", "red disc", "--where", "1) union select 1 --"], 2, "--where"),
        (["shapes", "red disc", "-n", "0"], 2, "-n"),
        (["shapes", "red disc", "--min", "2"], 2, "--min"),
        (["shapes", "red disc", "--min", "101%"], 2, "a percentage like 99.9%"),
    ],
)
def test_similar_bad_input(database, arguments, status, message):
    result = run("similar", database, *arguments, status=status)
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_similar_to_a_file_that_is_no_picture(database, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("no picture")
    assert "not a picture" in run("similar", database, "shapes", file, status=1).stderr


def test_status(database, tmp_path):
    lines = run("status", database).stdout.splitlines()
    assert lines[0].startswith("shapes: 5 of 6 rows embedded, 1 failed, ")
    assert "vgg16-rmac (512 floats)" in lines[0]
    assert lines[1].startswith('  failed ["bad"]: not a picture')
    empty = tmp_path / "empty.db"
    sqlite3.connect(empty).execute("create table t (id)").connection.close()
    assert "nothing is embedded" in run("status", empty).stdout
    assert "no such database" in run("status", tmp_path / "gone.db", status=1).stderr


def test_status_survives_a_dropped_table(database, tmp_path):
    copy = tmp_path / "copy.db"
    copy.write_bytes(database.read_bytes())
    with sqlite3.connect(copy) as conn:
        conn.execute("drop table shapes")
    assert run("status", copy).stdout.startswith("shapes: 5 of 0 rows embedded")
    assert "no table 'shapes'" in run("similar", copy, "shapes", "x", status=1).stderr
    run("forget", copy, "shapes")
    assert "nothing is embedded" in run("status", copy).stdout


def test_forget_leaves_no_trace_and_the_table_whole(database, tmp_path):
    copy = tmp_path / "copy.db"
    copy.write_bytes(database.read_bytes())
    assert "forgotten" in run("forget", copy, "shapes").stdout
    with sqlite3.connect(copy) as conn:
        tables = [
            name for (name,) in conn.execute("select name from sqlite_master where type = 'table'")
        ]
        assert tables == ["shapes", "plain"]
        assert conn.execute("select count(*) from shapes").fetchone() == (6,)
    assert "nothing to forget" in run("forget", copy, "shapes", status=1).stderr


def test_models():
    output = run("models").stdout
    assert "vgg16-rmac" in output
    assert "CC BY 4.0" in output


@pytest.mark.parametrize("name", sorted(revimg.commands))
def test_every_command_has_help_and_an_example(name):
    text = run(name, "--help").stdout
    assert "Example:" in text
    assert f"datasette revimg {name}" in text
    for parameter in revimg.commands[name].params:
        if parameter.param_type_name == "option":
            assert parameter.help, f"{name} {parameter.name} says nothing"


def test_stored_vectors_are_what_other_tools_read(database):
    """Little-endian float32, length 1, beside the source's key."""
    conn = sqlite3.connect(database)
    (blob,) = conn.execute("select embedding from _revimg_shapes where id = 'red disc'").fetchone()
    vector = np.frombuffer(blob, "<f4")
    assert vector.shape == (512,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
