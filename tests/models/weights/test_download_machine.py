"""Downloads on a full disk, several at once, and ended from outside."""

import errno
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from datasette_revimg.models.weights import download as module
from datasette_revimg.models.weights import no_links
from datasette_revimg.models.weights.download import DownloadError, download
from kit.downloads import PAYLOAD, expected


def test_disk_too_small(files, target, monkeypatch):
    files.breaks = [60_000] + [0] * 3
    target.refused(files.url, expected(), "interrupted")
    usage = shutil.disk_usage(target.folder)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage._replace(free=89_999))
    target.refused(files.url, expected(), "models: 89,999 bytes are free, 90,000 .*free some space")
    assert target.part.read_bytes() == PAYLOAD[:60_000]
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage._replace(free=90_000))
    target.fetch(files.url, expected())
    target.has()


def test_disk_full(files, target, monkeypatch):
    class Full(io.FileIO):
        """Has room for 60,000 bytes."""

        def write(self, data):
            room = 60_000 - os.fstat(self.fileno()).st_size
            if not room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(bytes(data)[:room])

    def open_full(path, mode, **options):
        if mode in ("ab", "wb"):
            return io.BufferedWriter(Full(path, mode))
        return no_links.open_file(path, mode, **options)

    with monkeypatch.context() as patch:
        patch.setattr(module, "open_file", open_full)
        with pytest.raises(
            DownloadError, match="No space left on device; free some space, then run"
        ):
            target.fetch(files.url, expected())
    assert not target.file.exists()
    assert target.part.read_bytes() == PAYLOAD[:60_000]
    (target.folder / "vgg16.h5.lock").unlink(missing_ok=True)
    target.fetch(files.url, expected())
    target.has()
    assert files.requests[-1]["Range"] == "bytes=60000-"


def test_folder_that_is_a_file(files, tmp_path):
    (tmp_path / "models").write_bytes(b"")
    with pytest.raises(DownloadError, match="models"):
        download(files.url, tmp_path / "models" / "vgg16.h5", expected(), lambda *_: None)
    assert (tmp_path / "models").read_bytes() == b""
    assert files.requests == []


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_two_at_once(files, target):
    files.gate = threading.Event()
    first = threading.Thread(target=target.fetch, args=(files.url, expected()))
    first.start()
    wait_for(lambda: target.reports)
    with pytest.raises(DownloadError, match="is being downloaded by another program"):
        download(files.url, target.file, expected(), lambda *_: None)
    assert not target.file.exists()
    files.gate.set()
    first.join(10)
    target.has()
    assert len(files.requests) == 1


def test_many_at_once_leave_one_file(files, target):
    refused = []

    def fetch():
        try:
            download(files.url, target.file, expected(), lambda *_: None)
        except DownloadError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=fetch) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(refused) < len(threads)
    assert {sentence.rpartition(" is ")[2] for sentence in refused} <= {
        "being downloaded by another program"
    }
    assert target.file.read_bytes() == PAYLOAD
    assert os.listdir(target.folder) == [target.file.name]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows doesn't remove open files")
@pytest.mark.parametrize("taken_anew", [True, False])
def test_lock_file_that_was_removed_locks_nothing(files, target, monkeypatch, taken_anew):
    """Who had it has removed it between our opening and locking; a third may have a new one."""
    import fcntl

    lock, flock = target.folder / "vgg16.h5.lock", fcntl.flock

    def late(file, how):
        lock.unlink()
        if taken_anew:
            lock.touch()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(DownloadError, match="is being downloaded by another program"):
        target.fetch(files.url, expected())
    assert [path.name for path in target.folder.iterdir()] == [lock.name] * taken_anew
    assert files.requests == []


CHILD = """
import sys
from pathlib import Path
from datasette_revimg.models.weights.download import download
download(sys.argv[1], Path(sys.argv[2]), None, lambda done, total: print(done, flush=True))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_ended_from_outside(files, target, sent):
    files.gate = threading.Event()
    command = [sys.executable, "-c", CHILD, files.url, target.file]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            while int(child.stdout.readline()) < 60_000:
                pass
            with pytest.raises(DownloadError, match="another program"):
                target.fetch(files.url, None)
            child.send_signal(sent)
            errors = child.communicate(timeout=60)[1]
        finally:
            child.kill()
    assert (b"KeyboardInterrupt" in errors) == (sent == signal.SIGINT)
    assert (target.folder / "vgg16.h5.lock").exists() == (sent == signal.SIGKILL)
    assert not target.file.exists()
    kept = target.part.read_bytes()
    assert kept
    assert PAYLOAD.startswith(kept)
    files.gate.set()
    target.fetch(files.url, None)
    target.has()
    assert files.requests[-1]["Range"] == f"bytes={len(kept)}-"
