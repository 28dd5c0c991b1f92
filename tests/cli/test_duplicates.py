"""``duplicates`` and ``calibrate``, from pictures in a folder to what is printed."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sqlite3
from contextlib import closing

import pytest

from datasette_revimg.duplicates import calibrate
from datasette_revimg.pictures.edits import EDITS
from datasette_revimg.store import connection
from kit.command import error_of, run
from kit.pictures import encoded, photos_database
from kit.scenes import saved, scene
from kit.tiny_network import Tiny

COUNT = 200


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A network of mean colours, in which scenes differ and their small copies hardly do."""
    tiny = Tiny(tmp_path_factory.mktemp("network") / "tiny.onnx", dimension=32)
    tiny.save()
    tiny.describe()
    return tiny.file


@pytest.fixture(scope="module")
def built(tmp_path_factory, network):
    """Scenes in a folder; of the first five, a smaller copy, and of the second, the same file."""
    folder = tmp_path_factory.mktemp("duplicates")
    pictures = folder / "in"
    pictures.mkdir()
    for seed in range(1, COUNT + 1):
        (pictures / f"{seed:03}.jpg").write_bytes(saved(scene(seed, (160, 120))))
    for seed in range(1, 6):
        (pictures / f"{seed:03} small.jpg").write_bytes(
            saved(scene(seed, (160, 120)).resize((96, 72)))
        )
    shutil.copy(pictures / "002.jpg", pictures / "002 again.jpg")
    run("embed", folder / "a.db", "photos", pictures, "--model", network, "-s")
    run("calibrate", folder / "a.db", "photos", "--model", network)
    return folder


@pytest.fixture
def database(built, tmp_path):
    shutil.copytree(built, tmp_path / "copy")
    return tmp_path / "copy" / "a.db"


def groups_of(database, *options, status=0):
    result = run("duplicates", database, "photos", "--format", "json", *options, status=status)
    return [[row["row"] for row in group["rows"]] for group in json.loads(result.stdout)]


def test_copies_are_found_and_the_larger_is_best(database):
    groups = groups_of(database)
    assert groups[0][0] in ("002~2Ejpg", "002+again~2Ejpg")
    assert sorted(groups[0]) == ["002+again~2Ejpg", "002+small~2Ejpg", "002~2Ejpg"]
    for seed in (1, 3, 4, 5):
        assert [f"{seed:03}~2Ejpg", f"{seed:03}+small~2Ejpg"] in groups


def test_the_table_fits_into_80_columns(database, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    result = run("duplicates", database, "photos", "-s")
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert re.search(r"1 +001 small\.jpg +0\.\d{4}|1 +002\.jpg +best", result.stdout)
    assert "most pixels (160" in result.stdout
    assert re.search(r"photos: \d+ groups? of \d+ rows; 205 pictures \(205 new\)", result.stderr)
    assert "edited copy: at most 1 in 100 pictures" in result.stderr
    again = run("duplicates", database, "photos")
    assert again.stdout == result.stdout
    assert "(0 new)" in again.stderr


def test_csv_and_the_table_in_the_database_say_the_same(database):
    printed = run("duplicates", database, "photos", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(printed)))
    with sqlite3.connect(database) as conn:
        stored = conn.execute(
            'select "group", path, best, tier, reasons from _revimg_photos_duplicates '
            'order by "group", best desc, score desc, path'
        ).fetchall()
    assert [
        (int(row["group"]), row["row"], int(row["best"]), row["tier"], row["reasons"])
        for row in sorted(rows, key=lambda row: (int(row["group"]), -int(row["best"])))
    ] == [
        (group, path.replace(" ", "+").replace(".", "~2E"), best, tier, reasons)
        for group, path, best, tier, reasons in stored
    ]


def test_fail_is_for_scripts(database):
    assert groups_of(database, "--fail", status=3)
    assert groups_of(database, "--fail", "--where", "name like '%9.jpg'", "--min", "1") == []


def test_list_of_the_others_for_rm(database, built):
    others = run("duplicates", database, "photos", "--keep-best", "--list").stdout.splitlines()
    folder = database.parent / "in"
    assert f"{folder / '001 small.jpg'}" in others
    assert f"{folder / '001.jpg'}" not in others
    assert len(others) == len(set(others)) >= 6
    with_nul = run("duplicates", database, "photos", "--keep-best", "--list", "-0").stdout
    assert with_nul.split("\0") == [*others, ""]
    # Nothing is deleted.
    assert len(list(folder.iterdir())) == COUNT + 6


def test_same_file_needs_no_network(database):
    groups = groups_of(database, "--tier", "same-file")
    assert [sorted(group) for group in groups] == [["002+again~2Ejpg", "002~2Ejpg"]]


def test_like_takes_the_threshold_from_two_rows(database):
    groups = groups_of(database, "--like", "001.jpg", "001 small.jpg")
    assert ["001~2Ejpg", "001+small~2Ejpg"] in groups
    error = error_of("duplicates", database, "photos", "--like", "001.jpg", "absent.jpg")
    assert error == "Error: --like: 'absent.jpg' is not the key of an embedded row of 'photos'"


def test_a_report_of_the_calibration(database, network):
    report = run("calibrate", database, "photos", "--model", network).stdout
    assert max(map(len, report.splitlines())) <= 80
    assert "edited copy   score 0." in report
    assert "same picture  not told here: that needs 1,999 different pictures" in report
    assert all(edit in report for edit in EDITS)
    # The same table, the same calibration.
    assert run("calibrate", database, "photos", "--model", network).stdout == report


def test_a_tier_that_nobody_can_vouch_for(database):
    error = error_of("duplicates", database, "photos", "--tier", "same-picture")
    assert "too few to vouch for 'same picture' (1,999 are needed)" in error


def test_calibrates_where_that_is_missing(database, network, monkeypatch):
    monkeypatch.setattr(calibrate, "EDITED", 8)
    with sqlite3.connect(database) as conn:
        conn.execute("drop table _revimg_calibration")
    assert groups_of(database, "--model", network)
    with sqlite3.connect(database) as conn:
        (copies,) = conn.execute("select copies from _revimg_calibration").fetchone()
    assert {edit: len(scores) for edit, scores in json.loads(copies).items()} == dict.fromkeys(
        EDITS, 8
    )


def test_a_view_is_made_if_asked(database):
    run("duplicates", database, "photos", "--tier", "same-file")
    with closing(sqlite3.connect(database)) as conn:
        assert not conn.execute("select 1 from sqlite_master where type = 'view'").fetchall()
    for _ in range(2):
        run("duplicates", database, "photos", "--tier", "same-file", "--view")
    with closing(sqlite3.connect(database)) as conn:
        viewed = conn.execute('select "group", path, width from photos_duplicates').fetchall()
    assert sorted(viewed) == [(1, "002 again.jpg", 160), (1, "002.jpg", 160)]


def test_a_view_whose_name_is_taken(database):
    with closing(sqlite3.connect(database)) as conn:
        conn.execute("create table photos_duplicates (mine)")
    error = error_of("duplicates", database, "photos", "--tier", "same-file", "--view")
    assert error == (
        "Error: the view of the duplicates of 'photos' would be called 'photos_duplicates', which "
        "is the name of a table: rename that, or leave out --view"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--min", "2"], "neither a cosine from -1 to 1 nor a percentage"),
        (["--min", "0.9", "--tier", "similar"], "--tier, --min and --like exclude each other"),
        (["--where", "nonsense"], "--where 'nonsense'"),
        (["--tier", "sure"], "'sure' is not one of"),
        (["-0"], "--null goes with --list"),
        (["--view", "--where", "1"], "--view shows groups that are kept, not those of"),
    ],
)
def test_bad_options(database, options, message):
    assert message in run("duplicates", database, "photos", *options, status=2).stderr


def test_few_pictures(tmp_path, network):
    database = photos_database(tmp_path / "few.db", {1: saved(scene(1)), 2: saved(scene(2))})
    assert "'photos' is not embedded yet" in error_of("duplicates", database, "photos")
    run("embed", database, "photos", "--model", network, "-s")
    error = error_of("duplicates", database, "photos", "--model", network, "--tier", "similar")
    assert "'photos' has 2 different pictures to calibrate with, and 19 are needed" in error
    result = run("duplicates", database, "photos", "--model", network)
    assert "only copies of the same file are found: 'photos' has 2 different" in result.stderr
    assert result.stdout == "no duplicates\n"
    result = run("duplicates", database, "photos", "--min", "1")
    assert result.stdout == "no duplicates\n"


def test_blank_pictures_are_counted_and_left_out(tmp_path, network):
    sheets = {n: encoded(scene(1).resize((1, 1)).resize((40 + n, 30))) for n in range(1, 6)}
    database = photos_database(tmp_path / "blank.db", sheets)
    run("embed", database, "photos", "--model", network, "-s")
    result = run("duplicates", database, "photos", "--min", "0.9")
    assert result.stdout == "no duplicates\n"
    assert "5 rows are blank or almost of one colour and were left out" in result.stderr


def test_a_database_that_another_program_writes_to(database, monkeypatch):
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(database)) as other:
        other.execute("begin immediate")
        error = error_of("duplicates", database, "photos")
    assert error == f"Error: {database} is locked by another program: close it, then run this again"
    assert groups_of(database)
