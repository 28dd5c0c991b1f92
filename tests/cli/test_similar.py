"""``datasette revimg similar``."""

import csv
import io
import json

import pytest

from kit.command import run
from kit.shapes import SHAPES, drawing


def rows(*arguments: object) -> list[dict]:
    return json.loads(run("similar", *arguments, "--format", "json").stdout)


def test_most_similar_first_and_never_itself(database):
    matches = rows(database, "shapes", "red disc", "-n", 2)
    assert [row["id"] for row in matches] == ["red disc, moved", "red disc, moved more"]
    assert 1 > matches[0]["score"] > matches[1]["score"] > 0
    assert matches[0]["shape"] == "ellipse"
    assert "image" not in matches[0]


def test_key_as_in_a_datasette_url(database):
    assert rows(database, "shapes", "red+disc~2C+moved", "-n", 1)[0]["id"].startswith("red disc")


def test_a_picture_file(database, tmp_path):
    file = tmp_path / "query.png"
    file.write_bytes(drawing("blue box"))
    matches = rows(database, "shapes", file, "-n", 2)
    assert matches[0]["id"] == "blue box"
    assert matches[0]["score"] == pytest.approx(1, abs=1e-4)


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
    matches = rows(database, "shapes", "red disc", "--where", "shape = 'rectangle'", "-n", 9)
    assert {row["id"] for row in matches} == {"blue box", "blue box, moved"}
    limit = rows(database, "shapes", "red disc", "-n", 1)[0]["score"] - 1e-5
    matches = rows(database, "shapes", "red disc", "--min", limit, "-n", 9)
    assert [row["id"] for row in matches] == ["red disc, moved"]
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
    def matches(minimum):
        output = run(
            "similar", database, "shapes", "red disc", "--min", minimum, "--format", "json"
        )
        return [(row["id"], row["percentile"]) for row in json.loads(output.stdout)]

    everything = matches("0%")
    assert len(everything) == 4
    above = [row for row in everything if row[1] > 50]
    assert 0 < len(above) < 4
    assert matches("50%") == above


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
