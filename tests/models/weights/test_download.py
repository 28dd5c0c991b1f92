"""Downloads from a server on this machine that misbehaves as it is told to."""

import errno
import hashlib
import http.client
import io
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from datasette_revimg.models.weights import download as module
from datasette_revimg.models.weights.download import DownloadError, Expected, download

PAYLOAD = random.Random(3).randbytes(150_000)
OTHER = random.Random(4).randbytes(150_000)
PIECE = 10_000


def expected(payload=PAYLOAD, algorithm="sha256"):
    return Expected(len(payload), algorithm, hashlib.new(algorithm, payload).hexdigest())


class Server(ThreadingHTTPServer):
    """Serves ``payload``; the attributes say how."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/vgg16.h5"
        self.payload = PAYLOAD
        self.version = '"one"'  # the ETag
        self.date = None  # Last-Modified
        self.status = None  # instead of the file
        self.ranges = True
        self.obeys_if_range = True
        self.span = None  # another Content-Range than the one asked for
        self.length = True  # Content-Length
        self.chunked = False
        self.breaks = []  # after how many bytes, one for each answer
        self.gate = None  # an Event that the second half waits for
        self.requests = []  # the headers of each
        self.lines = []  # the first line of each


class Handler(BaseHTTPRequestHandler):
    timeout = 10

    def log_message(self, *args):
        pass

    def do_GET(self):
        server = self.server
        server.lines.append(self.requestline)
        server.requests.append(self.headers)
        if server.status:
            self.send_response(server.status)
            if server.status in (301, 302):
                self.send_header("Location", server.url)
                server.status = None
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = self.start()
        if start is not None and start >= len(server.payload):
            self.send_error(416)
            return
        self.answer(start)

    def start(self):
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        known = self.headers.get("If-Range", self.server.version)
        stale = self.server.obeys_if_range and known not in (self.server.version, self.server.date)
        return int(asked[1]) if asked and self.server.ranges and not stale else None

    def answer(self, start):
        server = self.server
        body = server.payload[start or 0 :]
        if server.chunked:
            self.protocol_version = "HTTP/1.1"
        self.send_response(200 if start is None else 206)
        if start is not None:
            total = len(server.payload)
            self.send_header("Content-Range", server.span or f"bytes {start}-{total - 1}/{total}")
        if server.version:
            self.send_header("ETag", server.version)
        if server.date:
            self.send_header("Last-Modified", server.date)
        if server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif server.length:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        stop = server.breaks.pop(0) if server.breaks else None
        self.send(body[:stop], end=stop is None)
        self.close_connection = True

    def send(self, body, end):
        for at in range(0, len(body), PIECE):
            if self.server.gate and at >= len(body) // 2:
                self.server.gate.wait(10)
            piece = body[at : at + PIECE]
            self.wfile.write(
                b"%x\r\n%s\r\n" % (len(piece), piece) if self.server.chunked else piece
            )
        if self.server.chunked and end:
            self.wfile.write(b"0\r\n\r\n")

    def handle(self):
        with suppress(OSError):  # the client has had enough
            super().handle()


@contextmanager
def serving():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        if server.gate:
            server.gate.set()
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "PAUSES", (0.01, 0.01, 0.01))
    monkeypatch.setattr(module, "TIMEOUT", 5)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server():
    with serving() as server:
        yield server


class Target:
    """Where the download goes, and what must be there afterwards."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "vgg16.h5"
        self.part = folder / "vgg16.h5.part"
        self.source = folder / "vgg16.h5.part.source"
        self.reports = []

    def fetch(self, url, expected):
        self.reports.clear()
        download(url, self.file, expected, lambda done, total: self.reports.append((done, total)))

    def refused(self, url, expected, pattern):
        """The sentence, after checking that nothing has the destination's name."""
        with pytest.raises(DownloadError, match=pattern) as caught:
            self.fetch(url, expected)
        assert not self.file.exists()
        assert not self.file.with_name("vgg16.h5.lock").exists()
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def has(self, payload=PAYLOAD):
        """Exactly the payload, and nothing beside it."""
        assert self.file.read_bytes() == payload
        assert [path.name for path in self.folder.iterdir()] == [self.file.name]
        numbers = [done for done, _ in self.reports]
        assert numbers == sorted(numbers)
        assert self.reports[-1] == (len(payload), len(payload))

    def is_empty(self):
        assert list(self.folder.iterdir()) == []

    def leave(self, bytes_, url, version='"one"'):
        """What an earlier run left."""
        self.part.write_bytes(bytes_)
        self.source.write_text(f"{url}\n{version}\n")


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    return Target(folder)


@pytest.mark.parametrize("known", [expected(), expected(algorithm="md5"), None])
def test_whole(server, target, known):
    target.fetch(server.url, known)
    target.has()
    assert {total for _, total in target.reports} == {len(PAYLOAD)}
    (request,) = server.requests
    assert "datasette-revimg" in request["User-Agent"]
    assert request["Range"] is None


def test_replaces_an_older_file_and_makes_the_folder(server, target):
    target.folder.rmdir()
    target.fetch(server.url, expected())
    target.file.write_bytes(b"older")
    target.fetch(server.url, expected())
    target.has()


def test_digest_in_capitals(server, target):
    known = expected()
    target.fetch(server.url, Expected(known.size, known.algorithm, known.digest.upper()))
    target.has()


def test_redirection(server, target):
    server.status = 302
    target.fetch(server.url.replace("vgg16", "elsewhere"), expected())
    target.has()


@pytest.mark.parametrize("known", [expected(), None])
def test_file_address(target, tmp_path, known):
    (tmp_path / "weights.h5").write_bytes(PAYLOAD)
    target.leave(OTHER[:9], "elsewhere")
    target.fetch((tmp_path / "weights.h5").as_uri(), known)
    target.has()


def test_file_address_of_nothing(target, tmp_path):
    target.refused(
        (tmp_path / "none.h5").as_uri(), expected(), "none.h5 can't be reached .*No such"
    )
    target.is_empty()


@pytest.mark.parametrize("url", ["ftp://localhost/a", "data:,a", "/home/a", "", "httpx://a/b"])
def test_other_schemes(target, url):
    target.refused(url, None, "give an https, http or file address")
    target.is_empty()


@pytest.mark.parametrize("url", ["http://", "http://[::1/a", "http://127.0.0.1:x/a", "http://a b/"])
def test_not_an_address(target, url):
    target.refused(url, None, "can't be reached")
    target.is_empty()


@pytest.mark.parametrize("known", [expected(), None])
def test_broken_and_continued(server, target, known):
    server.breaks = [60_000, 40_000]
    target.fetch(server.url, known)
    target.has()
    assert [request["Range"] for request in server.requests] == [
        None,
        "bytes=60000-",
        "bytes=100000-",
    ]
    assert [request["If-Range"] for request in server.requests] == [None, '"one"', '"one"']


def test_broken_chunks_are_noticed(server, target):
    server.chunked, server.breaks = True, [60_000]
    target.fetch(server.url, None)
    target.has()
    assert len(server.requests) == 2


def test_chunks_have_no_total(server, target):
    server.chunked = True
    target.fetch(server.url, None)
    target.has()
    assert {total for _, total in target.reports[:-1]} == {None}


@pytest.mark.parametrize("known", [expected(), None])
def test_broken_for_good_and_resumed_by_the_next_run(server, target, known):
    server.breaks = [20_000] * 4
    sentence = target.refused(server.url, known, "broke off .*80,000 bytes .*again to go on")
    assert str(target.part) in sentence
    assert target.part.read_bytes() == PAYLOAD[:80_000]
    target.fetch(server.url, known)
    target.has()
    assert target.reports[0] == (80_000, len(PAYLOAD))
    assert server.requests[-1]["Range"] == "bytes=80000-"


@pytest.mark.parametrize("known", [expected(), None])
def test_server_without_ranges_starts_over(server, target, known):
    server.ranges, server.breaks = False, [60_000]
    target.fetch(server.url, known)
    target.has()
    assert server.requests[1]["Range"] == "bytes=60000-"


@pytest.mark.parametrize("obeys", [True, False])
@pytest.mark.parametrize("known", [expected(), None])
def test_another_version_is_not_continued(server, target, known, obeys):
    server.obeys_if_range = obeys
    target.leave(OTHER[:60_000], server.url, '"zero"')
    target.fetch(server.url, known)
    target.has()


def test_changed_while_it_came(server, target):
    server.breaks = [60_000]

    def change(done, total):
        if done >= 60_000 and server.payload is OTHER:
            server.payload, server.version = PAYLOAD, '"two"'

    server.payload = OTHER
    download(server.url, target.file, None, change)
    assert target.file.read_bytes() == PAYLOAD


def test_date_instead_of_a_weak_etag(server, target):
    server.version, server.date = 'W/"one"', "Mon, 01 Jan 2024 00:00:00 GMT"
    server.breaks = [60_000]
    target.fetch(server.url, None)
    target.has()
    assert server.requests[1]["If-Range"] == server.date


def test_without_a_version_the_hash_allows_to_continue(server, target):
    server.version = None
    target.part.write_bytes(PAYLOAD[:60_000])
    target.fetch(server.url, expected())
    target.has()
    assert (server.requests[0]["Range"], server.requests[0]["If-Range"]) == ("bytes=60000-", None)


@pytest.mark.parametrize("source", [None, 'elsewhere\n"one"\n', "", "\xff"])
def test_without_version_and_hash_it_starts_over(server, target, source):
    target.part.write_bytes(OTHER[:60_000])
    if source is not None:
        target.source.write_bytes(source.encode("latin-1"))
    target.fetch(server.url, None)
    target.has()
    assert server.requests[0]["Range"] is None


def test_wrongly_continued_is_never_accepted(server, target):
    """Nothing but the hash can know: no version, the right size."""
    server.version = None
    target.part.write_bytes(OTHER[:60_000])
    target.refused(server.url, expected(), "sha256 [0-9a-f]{64} instead of " + expected().digest)
    target.is_empty()
    target.fetch(server.url, expected())
    assert target.file.read_bytes() == PAYLOAD


@pytest.mark.parametrize("span", ["bytes 5-149999/150000", "bytes 60000-149999/*", "nonsense"])
def test_other_range_than_asked_for(server, target, span):
    server.span = span
    target.leave(PAYLOAD[:60_000], server.url)
    target.fetch(server.url, expected())
    target.has()
    assert [request["Range"] for request in server.requests] == ["bytes=60000-", None]


def test_unasked_part(server, target):
    server.status = 206
    target.refused(server.url, None, "the server answered 206")
    target.is_empty()


def test_whole_part_needs_no_server(target):
    target.part.write_bytes(PAYLOAD)
    target.fetch("http://127.0.0.1:1/vgg16.h5", expected())
    target.has()


@pytest.mark.parametrize("wrong", [OTHER, PAYLOAD + b"more"])
def test_wrong_part_of_full_length_starts_over(server, target, wrong):
    target.leave(wrong, server.url)
    target.fetch(server.url, expected())
    target.has()
    assert server.requests[0]["Range"] is None


def test_range_not_satisfiable(server, target):
    target.leave(PAYLOAD + b"more", server.url)
    target.fetch(server.url, None)
    target.has()
    assert [request["Range"] for request in server.requests] == ["bytes=150004-", None]


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_wrong_hash(server, target, algorithm):
    server.payload = OTHER
    wanted, found = expected(PAYLOAD, algorithm), expected(OTHER, algorithm)
    target.refused(server.url, wanted, f"the {algorithm} {found.digest} instead of {wanted.digest}")
    target.is_empty()


@pytest.mark.parametrize("change", [-1, 1])
def test_wrong_size_is_refused_at_once(server, target, change):
    server.payload = (PAYLOAD + b"x")[: len(PAYLOAD) + change]
    sizes = f"{len(PAYLOAD) + change:,} bytes instead of {len(PAYLOAD):,}"
    target.refused(server.url, expected(), sizes)
    target.is_empty()
    assert target.reports == []


def test_wrong_size_keeps_an_earlier_part(server, target):
    server.payload = PAYLOAD + b"x"
    target.leave(PAYLOAD[:60_000], server.url)
    target.refused(server.url, expected(), "150,001 bytes instead of 150,000")
    assert target.part.read_bytes() == PAYLOAD[:60_000]


@pytest.mark.parametrize("payload", [PAYLOAD + OTHER, PAYLOAD[:-1]])
def test_wrong_size_found_out_while_reading(server, target, payload):
    server.chunked, server.payload = True, payload
    target.refused(server.url, expected(), "bytes instead of 150,000")
    target.is_empty()
    assert max(done for done, _ in target.reports) <= len(PAYLOAD)


def test_neither_length_nor_hash(server, target):
    server.length = False
    target.refused(server.url, None, "doesn't say how long")
    target.is_empty()
    target.fetch(server.url, expected())
    target.has()


@pytest.mark.parametrize("status", [204, 403, 404, 500, 503])
def test_refusals(server, target, status):
    server.status = status
    sentence = target.refused(server.url, expected(), f"the server answered {status}")
    assert server.url in sentence
    target.is_empty()


def test_refusal_keeps_the_part(server, target):
    server.status = 503
    target.leave(PAYLOAD[:60_000], server.url)
    target.refused(server.url, expected(), "503 Service Unavailable")
    assert target.part.read_bytes() == PAYLOAD[:60_000]


def test_no_network(target):
    with serving() as gone:
        url = gone.url
    known = expected(algorithm="md5")
    sentence = target.refused(url, known, "can't be reached .*refused")
    assert url in sentence
    assert f"150,000 bytes, md5 {known.digest}" in sentence
    target.is_empty()


def test_unknown_host(target, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr(http.client.HTTPConnection, "connect", fail)
    target.refused("http://nowhere.invalid/a", None, r"reached \(Name or service not known\)$")
    target.is_empty()


def test_silence_is_a_broken_connection(server, target, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    server.gate = threading.Event()
    monkeypatch.setattr(module.time, "sleep", lambda _: server.gate.set())
    target.fetch(server.url, expected())
    target.has()
    assert server.requests[1]["Range"]


def test_gone_after_it_broke_off(server, target, monkeypatch):
    server.breaks = [60_000]
    monkeypatch.setattr(module.time, "sleep", lambda _: server.socket.close())
    target.refused(server.url, expected(), "broke off .*60,000 bytes")
    assert target.part.read_bytes() == PAYLOAD[:60_000]


def test_proxy(server, target, monkeypatch):
    """The proxy is asked for an address that exists nowhere, and answers itself."""
    monkeypatch.setenv("http_proxy", server.url)
    target.fetch("http://weights.invalid/vgg16.h5", expected())
    target.has()
    assert server.lines == ["GET http://weights.invalid/vgg16.h5 HTTP/1.1"]


def test_no_proxy(server, target, monkeypatch):
    with serving() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        target.fetch(server.url, expected())
        assert proxy.lines == []
    target.has()
    assert server.lines == ["GET /vgg16.h5 HTTP/1.1"]


def test_https_goes_through_the_proxys_tunnel(server, target, monkeypatch):
    monkeypatch.setenv("https_proxy", server.url)
    target.refused("https://weights.invalid/vgg16.h5", expected(), "can't be reached .*Tunnel")
    target.is_empty()


def test_disk_too_small(server, target, monkeypatch):
    server.breaks = [60_000] + [0] * 3
    target.refused(server.url, expected(), "broke off")
    usage = shutil.disk_usage(target.folder)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage._replace(free=89_999))
    target.refused(server.url, expected(), "models: 89,999 bytes are free and 90,000 .*make room")
    assert target.part.read_bytes() == PAYLOAD[:60_000]
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage._replace(free=90_000))
    target.fetch(server.url, expected())
    target.has()


def test_disk_full(server, target, monkeypatch):
    class Full(io.FileIO):
        """Has room for 60,000 bytes."""

        def write(self, data):
            room = 60_000 - os.fstat(self.fileno()).st_size
            if not room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(bytes(data)[:room])

    def open_full(path, mode):
        return io.BufferedWriter(Full(path, mode)) if mode in ("ab", "wb") else open(path, mode)

    with monkeypatch.context() as patch:
        patch.setattr(module, "open", open_full, raising=False)
        with pytest.raises(DownloadError, match="No space left on device: make room, then run"):
            target.fetch(server.url, expected())
    assert not target.file.exists()
    assert target.part.read_bytes() == PAYLOAD[:60_000]
    (target.folder / "vgg16.h5.lock").unlink(missing_ok=True)
    target.fetch(server.url, expected())
    target.has()
    assert server.requests[-1]["Range"] == "bytes=60000-"


def test_folder_that_is_a_file(server, tmp_path):
    (tmp_path / "models").write_bytes(b"")
    with pytest.raises(DownloadError, match="models"):
        download(server.url, tmp_path / "models" / "vgg16.h5", expected(), lambda *_: None)
    assert (tmp_path / "models").read_bytes() == b""
    assert server.requests == []


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_two_at_once(server, target):
    server.gate = threading.Event()
    first = threading.Thread(target=target.fetch, args=(server.url, expected()))
    first.start()
    wait_for(lambda: target.reports)
    with pytest.raises(DownloadError, match="is being downloaded by another program"):
        download(server.url, target.file, expected(), lambda *_: None)
    assert not target.file.exists()
    server.gate.set()
    first.join(10)
    target.has()
    assert len(server.requests) == 1


def test_many_at_once_leave_one_file(server, target):
    refused = []

    def fetch():
        try:
            download(server.url, target.file, expected(), lambda *_: None)
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
def test_lock_file_that_was_removed_locks_nothing(server, target, monkeypatch, taken_anew):
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
        target.fetch(server.url, expected())
    assert [path.name for path in target.folder.iterdir()] == [lock.name] * taken_anew
    assert server.requests == []


CHILD = """
import sys
from pathlib import Path
from datasette_revimg.models.weights.download import download
download(sys.argv[1], Path(sys.argv[2]), None, lambda done, total: print(done, flush=True))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_ended_from_outside(server, target, sent):
    server.gate = threading.Event()
    command = [sys.executable, "-c", CHILD, server.url, target.file]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            while int(child.stdout.readline()) < 60_000:
                pass
            with pytest.raises(DownloadError, match="another program"):
                target.fetch(server.url, None)
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
    server.gate.set()
    target.fetch(server.url, None)
    target.has()
    assert server.requests[-1]["Range"] == f"bytes={len(kept)}-"
