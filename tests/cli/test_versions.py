"""Databases of other versions: later ones are refused, earlier ones brought up to date."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import datasette_revimg
from datasette_revimg.cli import revimg
from datasette_revimg.errors import RevimgError
from kit.command import error_of, run
from kit.pictures import mosaic
from kit.versions import content, make_newer, without_version

ARGUMENTS = {
    "status": [()],
    "classify": [("photos", "--column", "title")],
    "similar": [("photos", "1")],
    "embed": [("photos",), ("photos", "--replace"), ("photos", "1.png")],
}
# Every command about a database, whichever there are.
COMMANDS = [
    (name, *arguments)
    for name, command in revimg.commands.items()
    if any(parameter.name == "database" for parameter in command.params)
    for arguments in ARGUMENTS.get(name, [("photos",)])
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_refuses_a_newer_database(data, command, monkeypatch):
    monkeypatch.chdir(data.parent)
    Path("1.png").write_bytes(mosaic(1))
    before = content(make_newer(data))
    name, *arguments = command
    line = error_of(name, data, *arguments)
    assert f"{data} was embedded by a newer datasette-revimg" in line
    assert "upgrade it with `datasette install --upgrade datasette-revimg`" in line
    assert content(data) == before


def test_python_refuses_it_too(data):
    make_newer(data)
    with pytest.raises(RevimgError, match="embedded by a newer datasette-revimg"):
        datasette_revimg.similar(data, "photos", 1)
    with pytest.raises(RevimgError, match="embedded by a newer datasette-revimg"):
        datasette_revimg.embed(data, "photos")
    conn = datasette_revimg.connect(data)
    (text,) = conn.execute(
        "select revimg_top('photos', (select embedding from _revimg_photos where id = 1), 3)"
    ).fetchone()
    conn.close()
    assert "revimg_top: this database was embedded by a newer datasette-revimg" in text


def test_reading_leaves_an_older_database_as_it_is(data):
    before = content(without_version(data))
    assert "photos: 12 of" in run("status", data).stdout
    run("similar", data, "photos", "1")
    run("matrix", data, "photos")
    assert content(data) == before
    run("forget", data, "photos")
    assert "photos" not in run("status", data).stdout


def test_embed_brings_an_older_database_up_to_date_before_anything_else(tmp_path, data):
    expected = content(data)
    older = without_version(Path(shutil.copy(data, tmp_path / "older.db")))
    assert "absent.onnx" in error_of("embed", older, "photos", "--model", "absent.onnx")
    assert sorted(content(older)) == sorted(expected)
