"""``status``, ``forget``, ``models``, and what every command owes its user."""

import sqlite3

import numpy as np
import pytest

from datasette_revimg.cli import revimg
from kit.command import run
from kit.shapes import drawing


def test_status(database, tmp_path):
    lines = run("status", database).stdout.splitlines()
    assert lines[0].startswith("shapes: 5 of 6 rows embedded, 1 failed, ")
    assert "vgg16-rmac (1024 floats)" in lines[0]
    assert lines[1].startswith('  failed ["bad"]: not a picture')
    empty = tmp_path / "empty.db"
    sqlite3.connect(empty).execute("create table t (id)").connection.close()
    assert "nothing is embedded" in run("status", empty).stdout
    assert "no such database" in run("status", tmp_path / "gone.db", status=1).stderr


def test_status_explains_every_row(copy, tmp_path):
    with sqlite3.connect(copy) as conn:
        conn.execute("insert into shapes (id) values ('blank'), ('blank too')")
    status = run("status", copy).stdout
    assert status.startswith("shapes: 5 of 8 rows embedded, 2 without a picture, 1 failed, ")
    photos = tmp_path / "photos.db"
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(drawing("red disc"))
    run("embed", photos, "photos", tmp_path, "-s")
    (tmp_path / "a.png").unlink()
    run("embed", photos, "photos", tmp_path, "-s")
    assert "photos: 2 of 2 rows embedded, 1 missing, 0 failed" in run("status", photos).stdout


def test_the_first_run_says_what_comes_next(tmp_path):
    (tmp_path / "a.png").write_bytes(drawing("red disc"))
    file = tmp_path / "my photos.db"
    first = run("embed", file, "photos", tmp_path)
    assert f"`datasette '{file}' --open` shows them in your browser" in first.stderr
    again = run("embed", file, "photos", tmp_path)
    assert "browser" not in again.stderr
    # No speed where nothing was to do.
    assert (
        again.stdout
        == "photos: 0 embedded, 1 unchanged, 0 failed, 0 removed (vgg16-rmac, 1024 floats)\n"
    )


def test_errors_name_only_the_tables_that_people_have_made(tmp_path):
    file = tmp_path / "words.db"
    with sqlite3.connect(file) as conn:
        conn.execute("create table books (id integer primary key, title text)")
        conn.execute("create virtual table books_fts using fts5 (title, content = books)")
    error = run("embed", file, "absent", status=1).stderr
    assert "'absent' in the database; it has books, books_fts\n" in error


def test_status_survives_a_dropped_table(copy):
    with sqlite3.connect(copy) as conn:
        conn.execute("drop table shapes")
    assert run("status", copy).stdout.startswith("shapes: 5 of 0 rows embedded")
    assert "no table 'shapes'" in run("similar", copy, "shapes", "x", status=1).stderr
    run("forget", copy, "shapes")
    assert "nothing is embedded" in run("status", copy).stdout


def test_forget_leaves_no_trace_and_the_table_whole(copy):
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
    assert vector.shape == (1024,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
