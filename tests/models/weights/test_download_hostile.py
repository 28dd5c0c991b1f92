"""Downloads from a hostile server, and into a folder that others may write to."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import stat
from typing import Any

import pytest

from datasette_revimg.models.weights import download as module
from kit.command import error_of
from kit.downloads import PAYLOAD, expected


def test_an_answer_that_does_not_end(files, target, monkeypatch):
    """In chunks, whose number no header says."""
    monkeypatch.setattr(module, "MAX_BYTES", 400_000)
    files.chunked, files.again = True, 40
    target.refused(files.url, None, "doesn't say how long .* sends more than 400,000 bytes")
    target.is_empty()
    files.again = 1
    target.fetch(files.url, None)
    target.has(PAYLOAD * 2)


def test_it_takes_no_more_than_half_of_the_disk(files, target, monkeypatch):
    usage = shutil.disk_usage(target.folder)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage._replace(free=300_002))
    files.chunked, files.again = True, 40
    target.refused(files.url, None, "more than 150,001 bytes")
    target.is_empty()
    files.again = 0
    target.fetch(files.url, None)
    target.has()


def test_a_length_beyond_all_weights(files, target):
    files.claimed = 10**13
    target.refused(files.url, None, "has 10,000,000,000,000 bytes, and weights of VGG16 at most")
    target.is_empty()


@pytest.mark.parametrize("wanted", [expected(), None])
def test_redirections_that_leave_the_web(files, target, wanted):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        port = listening.getsockname()[1]
        for location in (f"ftp://127.0.0.1:{port}/a", "file:///etc/passwd", "data:,a"):
            files.status, files.location = 302, location
            target.refused(files.url, wanted, "(?i)redirect.* to")
            target.is_empty()
        # Nobody has tried.
        with pytest.raises(BlockingIOError):
            listening.accept()


class PlainHTTPS(http.client.HTTPConnection):
    """A connection for https addresses, without the encryption."""

    def __init__(self, host: str, timeout: float, **options: Any) -> None:
        super().__init__(host, timeout=timeout)


def test_a_redirection_from_https_to_http(files, target, monkeypatch):
    monkeypatch.setattr(http.client, "HTTPSConnection", PlainHTTPS)
    secure = files.url.replace("http:", "https:")
    target.fetch(secure, None)
    target.has()
    target.file.unlink()
    files.status = 302
    target.refused(secure, None, "redirects to http://.* anybody on the way")
    files.status, files.location = 302, secure
    target.fetch(secure, None)
    target.has()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_file_address_of_a_pipe(target, tmp_path, models_folder):
    """Nobody writes to it."""
    pipe = tmp_path / "pipe.h5"
    os.mkfifo(pipe)
    for address in (pipe.as_uri(), tmp_path.as_uri()):
        target.refused(address, None, "it is no file")
    target.is_empty()
    assert "it is no file" in error_of("install", "vgg16-fc2", "--from", pipe.as_uri())


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links aren't told apart here")
@pytest.mark.parametrize("ending", [".part", ".part.source", ".lock"])
@pytest.mark.parametrize("there", [True, False])
def test_links_are_not_followed(files, target, tmp_path, ending, there):
    victim = tmp_path / "victim"
    if there:
        victim.write_bytes(b"mine")
    link = target.folder / f"vgg16.h5{ending}"
    link.symlink_to(victim)
    for wanted in (None, expected()):
        with pytest.raises(module.DownloadError, match="is a link to another file") as caught:
            target.fetch(files.url, wanted)
        assert str(link) in str(caught.value)
    assert victim.exists() == there
    assert not there or victim.read_bytes() == b"mine"
    assert files.requests == []
    link.unlink()
    target.fetch(files.url, None)
    target.has()


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links aren't told apart here")
def test_a_link_to_the_right_file_is_none_of_ours(files, target, tmp_path):
    """Its name would stand for whatever it leads to later."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(PAYLOAD)
    target.part.symlink_to(elsewhere)
    target.refused(files.url, expected(), "is a link")
    target.part.unlink()
    target.file.symlink_to(elsewhere)
    target.fetch(files.url, expected())
    target.has()
    assert not target.file.is_symlink()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_nobody_else_may_write_to_the_folder(files, target):
    target.folder.rmdir()
    before = os.umask(0)
    try:
        target.fetch(files.url, None)
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.folder.stat().st_mode) == 0o755
