"""``embed`` while a file doesn't answer, as on a network share whose server is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from kit.command import run, summary, vectors
from kit.pictures import mosaic

# Opening one of the files opens a pipe that nobody writes to: the thread waits in the kernel.
HANGING = """
import os, signal, sys
# Started by a program that ignores them, as nohup does, it would ignore them too.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
really_open = os.open
def open_or_hang(path, flags, *more, **options):
    if os.fspath(path).endswith("hangs.jpg"):
        return really_open(os.environ["PIPE"], os.O_RDONLY)
    return really_open(path, flags, *more, **options)
os.open = open_or_hang
from datasette_revimg.cli import revimg
revimg()
"""

BEFORE, BATCH = 8, 4


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize(("how", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_it_can_be_stopped(tmp_path, how, status):
    folder, path, pipe = tmp_path / "pictures", tmp_path / "photos.db", tmp_path / "pipe"
    folder.mkdir()
    os.mkfifo(pipe)
    for number in range(12):
        name = f"{number:02} hangs" if number == BEFORE else f"{number:02}"
        (folder / f"{name}.jpg").write_bytes(mosaic(number, "JPEG"))
    options = ["--batch-size", str(BATCH), "--threads", "2"]
    process = subprocess.Popen(
        [sys.executable, "-c", HANGING, "embed", str(path), "photos", str(folder), *options],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PIPE": str(pipe)},
    )
    try:
        # All before the one that hangs are stored at once, and nothing comes after them.
        while not path.exists() or count(path) < BEFORE:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.05)
        process.send_signal(getattr(signal, how))
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == status
    assert f"stopped: {BEFORE} embedded and kept; run it again to continue" in stderr
    assert "Traceback" not in stderr
    assert count(path) == BEFORE
    again = run("embed", path, "photos", folder)
    assert summary(again.stdout).startswith(f"photos: 4 embedded, {BEFORE} unchanged, 0 failed")


# Its name is in the folder, but what it is doesn't come.
HANGING_ANSWERS = """
import os, sys
def hanging(function):
    def call(path=".", *more, **options):
        if isinstance(path, (str, os.PathLike)) and os.fspath(path).endswith(sys.argv[1]):
            print("hangs", flush=True)
            os.open(os.environ["PIPE"], os.O_RDONLY)
        return function(path, *more, **options)
    return call
os.stat, os.scandir = hanging(os.stat), hanging(os.scandir)
from datasette_revimg.cli import revimg
revimg(sys.argv[2:])
"""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("what", ["hangs.jpg", "hanging folder"])
def test_it_can_be_stopped_while_it_looks_for_files(tmp_path, what):
    folder, path, pipe = tmp_path / "pictures", tmp_path / "photos.db", tmp_path / "pipe"
    (folder / "hanging folder").mkdir(parents=True)
    os.mkfifo(pipe)
    (folder / "hangs.jpg").write_bytes(mosaic(1, "JPEG"))
    process = subprocess.Popen(
        [sys.executable, "-c", HANGING_ANSWERS, what, "embed", str(path), "photos", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PIPE": str(pipe)},
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "hangs\n"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert stderr.endswith("stopped: 0 embedded and kept; run it again to continue\n")
    assert "Traceback" not in stderr


def count(path):
    """How many vectors are stored; none while the tables are being made."""
    try:
        return len(vectors(path))
    except Exception:
        return 0
