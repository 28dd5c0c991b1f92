"""Work that may hang, in a thread that nobody has to wait for."""

from __future__ import annotations

import threading

import pytest

from datasette_revimg.embedding import folders
from datasette_revimg.embedding.interruptible import interruptible
from kit.command import error_of, run, vectors
from kit.pictures import mosaic


def test_its_result_or_its_error():
    assert interruptible(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        interruptible(lambda: 1 / 0, 60)


def test_it_may_take_only_so_long():
    ended = threading.Event()
    with pytest.raises(TimeoutError):
        interruptible(ended.wait, 0.01)
    ended.set()


def test_a_file_system_that_does_not_answer_ends_the_run(tmp_path, monkeypatch):
    folder, path = tmp_path / "pictures", tmp_path / "photos.db"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(mosaic(number, "JPEG"))
    run("embed", path, "photos", folder)
    before = {key: vector.tobytes() for key, vector in vectors(path).items()}
    ended, stat = threading.Event(), type(folder).stat

    def hanging(file, **options):
        if file.name == "1.jpg":
            ended.wait()
        return stat(file, **options)

    monkeypatch.setattr(type(folder), "stat", hanging)
    monkeypatch.setattr(folders, "STAT_SECONDS", 0.05)
    try:
        error = error_of("embed", path, "photos", folder)
    finally:
        ended.set()
    assert f"{folder / '1.jpg'} can't be read: its disk or network share doesn't answer" in error
    assert {key: vector.tobytes() for key, vector in vectors(path).items()} == before
