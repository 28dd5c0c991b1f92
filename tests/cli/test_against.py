"""``duplicates --against``, from two tables to what is printed."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sqlite3
import stat
from contextlib import closing

import pytest

from kit.command import error_of, run
from kit.pictures import photos_database
from kit.scenes import saved, scene
from kit.tiny_network import Tiny

# Scenes in the archive; those of the card that are there too, smaller ones, and one that isn't.
ARCHIVE, SMALLER, NEW = range(1, 201), (1, 2), 300


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("against")
    tiny = Tiny(folder / "tiny.onnx", dimension=32)
    tiny.save()
    tiny.describe()
    archive, card = folder / "archive", folder / "card"
    archive.mkdir()
    card.mkdir()
    for seed in ARCHIVE:
        (archive / f"{seed:03}.jpg").write_bytes(saved(scene(seed, (160, 120))))
    shutil.copy(archive / "003.jpg", card / "DCIM3.jpg")
    for seed in SMALLER:
        small = scene(seed, (160, 120)).resize((96, 72))
        (card / f"DCIM{seed}.jpg").write_bytes(saved(small))
    (card / "DCIM9.jpg").write_bytes(saved(scene(NEW, (160, 120))))
    for database in ("one.db", "archive.db"):
        run("embed", folder / database, "archive", archive, "--model", tiny.file, "-s")
        run("calibrate", folder / database, "archive", "--model", tiny.file)
    for database in ("one.db", "card.db"):
        run("embed", folder / database, "card", card, "--model", tiny.file, "-s")
    return folder


@pytest.fixture(params=["one file", "two files"])
def command(request, built, tmp_path):
    """Return the beginning of the command, for tables of one file and of two."""
    folder = shutil.copytree(built, tmp_path / "copy")
    if request.param == "one file":
        return "duplicates", folder / "one.db", "card", "--against", "archive"
    other = "--against-db", folder / "archive.db"
    return "duplicates", folder / "card.db", "card", "--against", "archive", *other


@pytest.fixture
def two_files(built, tmp_path):
    folder = shutil.copytree(built, tmp_path / "two")
    return folder / "card.db", folder / "archive.db"


def test_copies_are_found(command):
    rows = json.loads(run(*command, "--format", "json").stdout)
    best = {row["row"]: (row["matches"][0]["row"], row["matches"][0]["tier"]) for row in rows}
    assert best["DCIM3~2Ejpg"] == ("003~2Ejpg", "same file")
    assert best["DCIM1~2Ejpg"][0] == "001~2Ejpg"
    assert best["DCIM2~2Ejpg"][0] == "002~2Ejpg"
    assert [row["key"] for row in rows] == sorted(row["key"] for row in rows)
    exact = next(row for row in rows if row["row"] == "DCIM3~2Ejpg")["matches"][0]
    assert exact == {"row": "003~2Ejpg", "key": ["003.jpg"], "score": 1.0, "tier": "same file"}


def test_the_table_fits_into_80_columns(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    result = run(*command)
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert re.search(r"^row +in archive +score +tier$", result.stdout, re.M)
    assert re.search(r"^DCIM3\.jpg +003\.jpg +1\.0000 +same file$", result.stdout, re.M)
    assert re.search(
        r"^card: [34] rows are in archive; 4 pictures compared with 200, score 0\.\d{3} or more; "
        r"edited copy: at most 1 in 100 pictures without a copy there has any, if they are like "
        r"those of archive$",
        result.stderr.strip(),
    )


def test_csv_list_and_status(command):
    printed = run(*command, "--tier", "same-file", "--format", "csv").stdout
    assert list(csv.DictReader(io.StringIO(printed))) == [
        {"row": "DCIM3~2Ejpg", "score": "1.0", "tier": "same file", "match": "003~2Ejpg"}
    ]
    files = run(*command, "--tier", "same-file", "--list", "--fail", status=3).stdout
    assert files == f"{command[1].parent / 'card' / 'DCIM3.jpg'}\n"
    nobody = *command, "--tier", "same-file", "--fail", "--where", "path = 'DCIM9.jpg'"
    assert run(*nobody).stdout == "no duplicates\n"


def test_like_names_a_row_of_each_table(command):
    rows = json.loads(run(*command, "--like", "DCIM1.jpg", "001.jpg", "--format", "json").stdout)
    assert "001~2Ejpg" in [match["row"] for match in rows[0]["matches"]]
    error = error_of(*command, "--like", "DCIM1.jpg", "DCIM1.jpg")
    assert error == "Error: --like: 'DCIM1.jpg' is not the key of an embedded row of 'archive'"


def test_nothing_is_written_to_another_file(two_files):
    card, archive = two_files
    before = archive.read_bytes()
    archive.chmod(stat.S_IRUSR)
    run("duplicates", card, "card", "--against", "archive", "--against-db", archive)
    assert archive.read_bytes() == before


def test_another_file_that_is_not_calibrated(two_files):
    card, archive = two_files
    with closing(sqlite3.connect(archive)) as conn, conn:
        conn.execute("drop table _revimg_calibration")
    command = "duplicates", card, "card", "--against", "archive", "--against-db", archive
    error = error_of(*command)
    assert "'archive' in" in error
    assert "isn't calibrated with the pictures that it has now: run `datasette revimg cal" in error
    assert "DCIM3.jpg" in run(*command, "--min", "0.99").stdout
    assert "DCIM3.jpg" in run(*command, "--tier", "same-file").stdout


def test_a_table_against_itself(two_files):
    card, _ = two_files
    for also in ([], ["--against-db", card]):
        error = error_of("duplicates", card, "card", "--against", "CARD", *also)
        assert error.startswith("Error: --against names 'CARD' itself: leave it out")


def test_bad_options(two_files, tmp_path):
    card, archive = two_files
    command = "duplicates", card, "card"
    error = run(*command, "--against-db", archive, status=2).stderr
    assert "--against-db goes with --against" in error
    error = run(*command, "--against", "archive", "--keep-best", status=2).stderr
    assert "--keep-best is about groups, and --against makes none" in error
    assert "there is no table 'archive' in the database" in error_of(
        *command, "--against", "archive"
    )
    absent = tmp_path / "absent.db"
    error = error_of(*command, "--against", "archive", "--against-db", absent)
    assert error == f"Error: {absent}: there is no such database file"
    plain = photos_database(tmp_path / "plain.db", {1: saved(scene(1))})
    error = error_of(*command, "--against", "photos", "--against-db", plain)
    assert "'photos' is not embedded yet" in error
