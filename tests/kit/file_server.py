"""A web server on this machine that serves one file, and misbehaves as a test wants."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 10_000


class Server(ThreadingHTTPServer):
    """A server of one file, ``payload``, at every address; the other attributes say how."""

    daemon_threads = True

    def __init__(self, payload: bytes | memoryview) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.url = f"{self.address}/vgg16.h5"
        self.payload: bytes | memoryview = payload
        self.version: str | None = '"one"'  # the ETag
        self.date: str | None = None  # Last-Modified
        self.status: int | None = None  # instead of the file
        self.ranges = True
        self.obeys_if_range = True
        self.span: str | None = None  # another Content-Range than the one asked for
        self.length = True  # Content-Length
        self.claimed: int | None = None  # another Content-Length than the right one
        self.location: str | None = None  # where redirections lead, by default to the file
        self.again = 0  # how many times more the file is sent, in an answer in chunks
        self.chunked = False
        self.breaks: list[int] = []  # after how many bytes, one for each answer
        self.gate: threading.Event | None = None  # which the second half waits for
        self.requests: list[Message] = []  # the headers of each
        self.lines: list[str] = []  # the first line of each


class Handler(BaseHTTPRequestHandler):
    """Answers as its server's attributes say."""

    timeout = 10
    server: Server

    def log_message(self, *arguments: object) -> None:
        """Keep stderr for what the tests look at."""

    def do_GET(self) -> None:
        """Send the file, a part of it, or a status."""
        server = self.server
        server.lines.append(self.requestline)
        server.requests.append(self.headers)
        if server.status:
            self.send_response(server.status)
            if server.status in (301, 302):
                self.send_header("Location", server.location or server.url)
                server.status = None
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = self._start()
        if start is not None and start >= len(server.payload):
            self.send_error(416)
            return
        self._answer(start)

    def _start(self) -> int | None:
        span = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        wanted = self.headers.get("If-Range", self.server.version)
        stale = self.server.obeys_if_range and wanted not in (self.server.version, self.server.date)
        return int(span[1]) if span and self.server.ranges and not stale else None

    def _answer(self, start: int | None) -> None:
        server = self.server
        body = memoryview(server.payload)[start or 0 :]
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
            self.send_header("Content-Length", str(server.claimed or len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        stop = server.breaks.pop(0) if server.breaks else None
        for _ in range(server.again):
            self._send(body, end=False)
        self._send(body[:stop], end=stop is None)
        self.close_connection = True

    def _send(self, body: memoryview, end: bool) -> None:
        gate, step = self.server.gate, max(PIECE, len(body) // 100)
        for at in range(0, len(body), step):
            if gate and at >= len(body) // 2:
                gate.wait(10)
            piece = body[at : at + step]
            self.wfile.write(
                b"%x\r\n%s\r\n" % (len(piece), piece) if self.server.chunked else piece
            )
        if self.server.chunked and end:
            self.wfile.write(b"0\r\n\r\n")

    def handle(self) -> None:
        """Answer, unless the client has had enough."""
        with suppress(OSError):
            super().handle()


@contextmanager
def file_server(payload: bytes | memoryview) -> Iterator[Server]:
    """Serve the bytes until the end of the block."""
    server = Server(payload)
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
