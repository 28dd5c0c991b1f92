"""One file below a folder: which are read, and what is said of the others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from datasette_revimg.pictures import files
from datasette_revimg.pictures.files import MissingError
from datasette_revimg.pictures.opening import ImageError


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("a.jpg", True),
        ("b/../a.jpg", True),
        ("", True),
        ("..", False),
        ("../folder-2/a.jpg", False),
        ("b/../../a.jpg", False),
        ("/folder/a.jpg", True),
        ("/folder-2/a.jpg", False),
        ("/etc/passwd", False),
    ],
)
def test_is_inside_by_name(path, inside):
    assert files.is_inside(Path("/folder"), Path(path)) is inside


@pytest.mark.parametrize(("value", "path"), [("a/b.jpg", "a/b.jpg"), (b"a/b.jpg", "a/b.jpg")])
def test_path_as_text_and_as_bytes(value, path):
    assert files.to_path(value) == Path(path)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_links_are_resolved_below_the_folder_only(tmp_path):
    folder, outside = tmp_path / "folder", tmp_path / "secret.jpg"
    folder.mkdir()
    outside.write_bytes(b"secret")
    (folder / "a.jpg").write_bytes(b"a")
    (folder / "same.jpg").symlink_to("a.jpg")
    (folder / "out.jpg").symlink_to(outside)
    assert files.resolve_inside(folder, Path("same.jpg")) == (folder / "a.jpg").resolve()
    assert files.resolve_inside(folder, Path("out.jpg")) is None
    assert files.resolve_inside(folder, Path("../secret.jpg")) is None
    assert files.resolve_inside(folder, Path("nul\0.jpg")) is None


def test_read_file(tmp_path):
    file = tmp_path / "a.jpg"
    file.write_bytes(b"a")
    assert files.read_file(file) == b"a"
    with file.open("r+b") as sparse:
        sparse.truncate(files.MAX_FILE_BYTES + 1)
    with pytest.raises(ImageError, match="too large: more than 512 MB") as raised:
        files.read_file(file)
    assert not isinstance(raised.value, MissingError)


@pytest.mark.parametrize(
    ("name", "reason"), [("gone.jpg", "no such file"), (".", "not a file"), ("x" * 999, "too long")]
)
def test_file_that_cannot_be_read(tmp_path, name, reason):
    with pytest.raises(MissingError, match=reason) as raised:
        files.read_file(tmp_path / name)
    assert str(tmp_path) not in str(raised.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipes_are_not_opened(tmp_path, monkeypatch):
    """Nobody writes to it: reading it, or only opening it, would wait for ever."""
    pipe = tmp_path / "a.jpg"
    os.mkfifo(pipe)
    with pytest.raises(MissingError, match="not a file"):
        files.read_file(pipe)
    # It has taken a file's place since that was looked at.
    monkeypatch.setattr(Path, "is_file", lambda path: True)
    with pytest.raises(MissingError, match="not a file"):
        files.read_file(pipe)
