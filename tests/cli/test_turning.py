"""``duplicates --orientations``, from pictures in a folder to what is printed."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing

import pytest
from PIL import Image

from datasette_revimg.duplicates import turning
from kit.command import error_of, run
from kit.scenes import saved, scene
from kit.tiny_network import Tiny

COUNT = 200

# The scene whose copy was turned so; Pillow turns anticlockwise.
COPIES = {
    "turned 90°": (3, [Image.Transpose.ROTATE_270]),
    "turned 180°": (4, [Image.Transpose.ROTATE_180]),
    "mirrored": (5, [Image.Transpose.FLIP_LEFT_RIGHT]),
    "mirrored and turned 90°": (6, [Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_270]),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("turning")
    tiny = Tiny(folder / "tiny.onnx", dimension=32)
    tiny.save()
    tiny.describe()
    (folder / "in").mkdir()
    for seed in range(1, COUNT + 1):
        (folder / "in" / f"{seed:03}.png").write_bytes(saved(scene(seed, (160, 120)), "PNG"))
    for words, (seed, turns) in COPIES.items():
        image = scene(seed, (160, 120))
        for turn in turns:
            image = image.transpose(turn)
        image = image.resize((image.width // 2, image.height // 2))
        (folder / "in" / f"{seed:03} {words}.png").write_bytes(saved(image, "PNG"))
    run("embed", folder / "a.db", "photos", folder / "in", "--model", tiny.file, "-s")
    run("calibrate", folder / "a.db", "photos", "--model", tiny.file)
    return folder


@pytest.fixture
def database(built, tmp_path):
    return shutil.copytree(built, tmp_path / "copy") / "a.db"


def duplicates(database, *options, status=0):
    model = "--model", database.parent / "tiny.onnx"
    return run("duplicates", database, "photos", *model, *options, status=status)


def turned_copies(database, *options):
    """Return, by the row of a copy, the row of the best and how the copy is turned."""
    groups = json.loads(duplicates(database, "--orientations", "--format", "json", *options).stdout)
    return {
        row["key"][0]: (group["rows"][0]["key"][0], row["reasons"].split(", ")[0])
        for group in groups
        for row in group["rows"][1:]
    }


def test_copies_are_found_and_named(database):
    found = turned_copies(database, "--min", "0.9999")
    for words, (seed, _) in COPIES.items():
        assert found[f"{seed:03} {words}.png"] == (f"{seed:03}.png", words)


def test_the_network_runs_once_and_the_tiers_have_thresholds_of_their_own(database, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    result = duplicates(database, "--orientations", "--tier", "similar")
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert re.search(
        r"score \d\.\d{3} or more, turned \d\.\d{3} or more; similar: at most 1 in 10 pictures "
        r"without a copy has any, and as many have a turned one$",
        result.stderr.strip(),
    )
    monkeypatch.setattr(turning, "embed_orientations", None)
    assert duplicates(database, "--orientations", "--tier", "similar").stdout == result.stdout


def test_originals_that_are_gone_have_thumbnails(database):
    shutil.rmtree(database.parent / "in")
    assert turned_copies(database, "--min", "0.999")["004 turned 180°.png"][0] == "004.png"


def test_ctrl_c_keeps_what_is_done(database, monkeypatch):
    def stopping(conn, source, embedded, pictures, tools, on_done):
        def stop(done, total):
            on_done(done, total)
            raise KeyboardInterrupt

        return embed_orientations(conn, source, embedded, pictures, tools, stop)

    embed_orientations = turning.embed_orientations
    with monkeypatch.context() as patch:
        patch.setattr(turning, "embed_orientations", stopping)
        result = duplicates(database, "--orientations", status=130)
    assert "stopped: 32 pictures turned and kept; run it again to continue" in result.stderr
    with closing(sqlite3.connect(database)) as conn:
        count = "select count(*) from _revimg_photos_orientations"
        assert conn.execute(count).fetchone() == (32,)
        duplicates(database, "--orientations", "--min", "0.999")
        assert conn.execute(count).fetchone() == (COUNT + len(COPIES),)


def test_options_that_do_not_go_together(database):
    error = error_of("duplicates", database, "photos", "--orientations", "--tier", "same-file")
    assert "--orientations needs a score that copies reach" in error
    result = duplicates(database, "--orientations", "--against", "other", status=2)
    assert "--orientations compares the rows of one table, not --against another" in result.stderr
