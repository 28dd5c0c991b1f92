"""``datasette revimg similar``."""

import csv
import io
import json

import pytest
from PIL import Image

from kit import tiers
from kit.command import error_of, run
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


def collage(tmp_path, *names):
    """A picture file with some of the shapes beside each other."""
    whole = Image.new("RGB", (len(names) * 400, 300), "white")
    for place, name in enumerate(names):
        shape = Image.open(io.BytesIO(drawing(name)))
        whole.paste(shape.resize((400, 300)), (place * 400, 0))
    whole.save(tmp_path / "collage.png")
    return tmp_path / "collage.png"


def test_ways(database, tmp_path):
    file = collage(tmp_path, "red disc", "blue box")
    matches = rows(database, "shapes", file, "--ways", "windows", "-n", 9)
    found_with = {row["id"]: row["found_with"] for row in matches}
    assert "left" in found_with["red disc"]
    assert "right" in found_with["blue box"]
    assert list(matches[0])[:4] == ["score", "percentile", "tier", "found_with"]
    (first,) = rows(database, "shapes", file, "--ways", "whole", "-n", 1)
    assert first["found_with"] == "the whole picture"
    lying = tmp_path / "lying.png"
    Image.open(file).transpose(Image.Transpose.ROTATE_90).save(lying)
    turned = rows(database, "shapes", lying, "--ways", "turns,mirror", "-n", 1)
    assert turned[0]["found_with"].startswith("turned ")


def test_orientations(database, tmp_path):
    file = tmp_path / "lying.png"
    shape = Image.open(io.BytesIO(drawing("blue box")))
    shape.transpose(Image.Transpose.ROTATE_90).save(file)
    (first,) = rows(database, "shapes", file, "--orientations", "-n", 1)
    assert first["id"] == "blue box"
    assert first["score"] > 0.98
    # The shape is the same upside down, so it may be mirrored as well.
    assert first["found_with"].endswith("turned 90°")


def test_ways_of_a_row_read_its_original(database):
    plain = rows(database, "shapes", "red disc", "-n", 9)
    whole = rows(database, "shapes", "red disc", "--ways", "whole", "-n", 9)
    assert [row["id"] for row in whole] == [row["id"] for row in plain]
    assert [row["score"] for row in whole] == pytest.approx(
        [row["score"] for row in plain], abs=1e-4
    )
    # 96 × 72 pixels.
    error = error_of("similar", database, "shapes", "red disc", "--ways", "windows")
    assert "too few to look at parts" in error
    every = rows(database, "shapes", "red disc", "--ways", "all", "-n", 1)
    assert every[0]["id"] == "red disc, moved"


def test_bad_ways(database):
    asked = "similar", database, "shapes", "red disc"
    error = " ".join(run(*asked, "--ways", "sideways", status=2).stderr.split())
    assert "the ways are whole, middle, windows, turns, mirror, and all alone" in error
    error = run(*asked, "blue box", "--ways", "all", status=2).stderr
    assert "--ways takes one QUERY, not 2" in error
    error = run(*asked, "blue box", "--orientations", status=2).stderr
    assert "--orientations takes one QUERY, not 2" in error


def test_expand(database):
    plain = rows(database, "shapes", "red disc", "-n", 9)
    mixed = rows(database, "shapes", "red disc", "--expand", 1, "-n", 9)
    assert mixed[0]["id"] == plain[0]["id"]
    assert mixed[0]["score"] > plain[0]["score"]
    error = run("similar", database, "shapes", "red disc", "--expand", 0, status=2).stderr
    assert "0 is not in the range" in error


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


def test_tiers_of_a_calibrated_table(copy, tmp_path):
    """Calibrated so that whatever isn't the same file is similar."""
    query = ["shapes", "red disc", "-n", 9]
    assert {row["tier"] for row in rows(copy, *query)} == {None}
    tiers.calibrate(copy, "shapes", [-1.0] * 989 + [1.0] * 10)
    found = rows(copy, *query)
    assert [row["tier"] for row in found] == ["similar"] * 4
    assert all(row["percentile"] is not None for row in found)
    # A reader gets the tier in place of the percentile.
    table = run("similar", copy, *query).stdout
    assert table.split()[:4] == ["score", "tier", "id", "shape"]
    lines = run("similar", copy, *query, "--format", "csv").stdout.splitlines()
    assert lines[0].startswith("score,percentile,tier,id,")
    file = tmp_path / "query.png"
    file.write_bytes(drawing("blue box"))
    assert [row["tier"] for row in rows(copy, "shapes", file, "-n", 2)] == ["same file", "similar"]
    # What isn't a search with one whole picture has none.
    for more in (["blue box"], ["--not", "blue box"], ["--ways", "mirror"], ["--expand", 2]):
        assert {row["tier"] for row in rows(copy, *query, *more)} == {None}, more
