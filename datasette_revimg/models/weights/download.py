"""One file from the internet to disk: resumed when broken, checked before it gets its name.

While it runs, three files lie beside the destination: ``.part`` has the bytes so far,
``.part.source`` says which version of which address they are, ``.lock`` keeps others out.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError

from ...errors import RevimgError

TIMEOUT = 30.0  # seconds, to connect and for each read
PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before each further try
CHUNK = 1 << 18
Progress = Callable[[int, int | None], None]


class DownloadError(RevimgError):
    """The file can't be had, or isn't the expected one."""


class _AgainError(Exception):
    """This try has ended early; another one may go on or start over."""


@dataclass(frozen=True)
class Expected:
    """What the file must be. ``algorithm`` is ``md5`` or ``sha256``, ``digest`` hexadecimal."""

    size: int
    algorithm: str
    digest: str


def download(url: str, destination: Path, expected: Expected | None, on_progress: Progress) -> None:
    """Fetch ``url`` (http, https or file) to ``destination``, which appears whole or not at all.

    ``on_progress`` is told the bytes that are there and the total, None where the server
    doesn't say; the first number is what an earlier run left, none is lower than the one
    before, the last is the total. Without ``expected`` only the length is checked. Raises
    DownloadError; what has arrived stays for the next run, unless it is wrong.
    """
    if url.partition(":")[0].lower() not in ("http", "https", "file"):
        raise DownloadError(f"{url} can't be downloaded: give an https, http or file address")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with _locked(destination):
            _Download(url, destination, expected, on_progress).run()
    except OSError as error:  # of the disk; those of the network don't get here
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        way_out = ": make room, then run this again to go on" if full else ""
        name = error.filename or destination
        raise DownloadError(f"{name}: {error.strerror}{way_out}") from error


@dataclass
class _Download:
    """The steps of one download; the caller holds the lock."""

    url: str
    destination: Path
    expected: Expected | None
    on_progress: Progress
    reported: int = 0

    def __post_init__(self) -> None:
        self.part = self.destination.with_name(f"{self.destination.name}.part")
        self.source = self.destination.with_name(f"{self.destination.name}.part.source")

    def run(self) -> None:
        """Fetch what is missing, in a few tries; check it; give it its name."""
        for pause in (*PAUSES, None):
            try:
                self._fetch()
                break
            except _AgainError as error:
                if pause is None:
                    have = f"{self._size():,} bytes are in {self.part}, run this again to go on"
                    raise DownloadError(f"{self.url} broke off ({error}): {have}") from error
                time.sleep(pause)
        self._report(self._size(), self._size())
        if complaint := self._misfit():
            self._discard()
            raise DownloadError(f"{self.url} {complaint}: it is another file, or came damaged")
        with open(self.part, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(self.part, self.destination)
        self.source.unlink(missing_ok=True)

    def _fetch(self) -> None:
        """One request for what is missing, appended to the part."""
        offset, version = self._resumable()
        if self.expected and offset == self.expected.size:
            return
        with self._open(offset, version) as response:
            headers = response.headers
            chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
            if response.status == 206 and offset:
                span = re.fullmatch(rf"bytes {offset}-\d+/(\d+)", headers.get("Content-Range", ""))
                total = int(span[1]) if span else None
                if total is None or (version and version != _version(response)):
                    self._discard()
                    raise _AgainError("the server has other bytes than were asked for")
            elif response.status not in (200, None):  # None: of a file
                raise DownloadError(f"{self.url}: the server answered {response.status}")
            else:
                offset = 0
                length = headers.get("Content-Length", "")
                total = int(length) if length.isdecimal() and not chunked else None
            total = self._check_total(total, chunked)
            done = self._receive(response, offset, total)
        if total is not None and done < total and not chunked:
            raise _AgainError("the connection was closed")
        if total is not None and done != total:  # the end of chunks is marked: that was all
            self._discard()
            raise DownloadError(f"{self.url} comes with {done:,} bytes instead of {total:,}")

    def _resumable(self) -> tuple[int, str]:
        """How many bytes can be continued, of which version; 0 if nothing would tell a misfit."""
        size, version = self._size(), ""
        with suppress(OSError, ValueError):
            url, version = self.source.read_text(encoding="utf-8").splitlines()
            version = version if url == self.url else ""
        fits = bool(version)
        if self.expected:
            fits = size < self.expected.size or (size == self.expected.size and not self._misfit())
        return (size if fits else 0), version

    def _open(self, offset: int, version: str) -> HTTPResponse:
        headers = {"User-Agent": "datasette-revimg"}
        if offset:
            headers |= {"Range": f"bytes={offset}-"} | ({"If-Range": version} if version else {})
        try:
            request = urllib.request.Request(self.url, headers=headers)
            # Not urlopen, which keeps the proxies of its first call.
            response: HTTPResponse = urllib.request.build_opener().open(request, timeout=TIMEOUT)
            return response
        except HTTPError as error:
            error.close()
            if error.code == 416 and offset:
                self._discard()
                raise _AgainError("the server has no such range") from error
            answer = f"{error.code} {error.reason}"
            raise DownloadError(f"{self.url}: the server answered {answer}") from error
        except (OSError, HTTPException, ValueError) as error:
            if self.reported:  # it could be reached before
                raise _AgainError(_reason(error)) from error
            message = f"{self.url} can't be reached ({_reason(error)})"
            if known := self.expected:
                message += f"; it has {known.size:,} bytes, {known.algorithm} {known.digest}"
            raise DownloadError(message) from error

    def _check_total(self, announced: int | None, chunked: bool) -> int | None:
        """How many bytes there must be in the end, None where only their end will tell."""
        total = self.expected.size if self.expected else announced
        if total is None and not chunked:
            # Half of it would look like the whole.
            raise DownloadError(f"{self.url}: the server doesn't say how long the file is")
        if None not in (total, announced) and announced != total:
            raise DownloadError(f"{self.url} has {announced:,} bytes instead of {total:,}")
        return total

    def _receive(self, response: HTTPResponse, done: int, total: int | None) -> int:
        """Append the answer, but nothing beyond ``total``; how many bytes there were."""
        with open(self.part, "ab" if done else "wb") as file:
            if not done:
                # Only now that the old bytes are gone: they are of another version.
                lines = f"{self.url}\n{_version(response)}\n"
                self.source.write_text(lines, encoding="utf-8")
            free = shutil.disk_usage(self.part.parent).free
            if total is not None and free < total - done:
                lack = f"{free:,} bytes are free and {total - done:,} to come"
                raise OSError(errno.ENOSPC, lack, str(self.part.parent))
            self._report(done, total)
            while chunk := _read(response):
                done += len(chunk)
                if total is not None and done > total:
                    break
                file.write(chunk)
                self._report(done, total)
        return done

    def _misfit(self) -> str:
        """What is wrong with the part's hash, empty if nothing is."""
        if (known := self.expected) is None:
            return ""
        # Systems in FIPS mode refuse MD5 unless it is said not to be for security.
        digest = partial(hashlib.new, known.algorithm, usedforsecurity=False)
        with open(self.part, "rb") as file:
            found = hashlib.file_digest(file, digest).hexdigest()
        fits = found == known.digest.lower()
        return "" if fits else f"has the {known.algorithm} {found} instead of {known.digest}"

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self.source.unlink(missing_ok=True)

    def _report(self, done: int, total: int | None) -> None:
        # When the server makes us start over, the number waits until it is reached again.
        self.reported = max(self.reported, done)
        self.on_progress(self.reported if total is None else min(self.reported, total), total)


@contextmanager
def _locked(destination: Path) -> Iterator[None]:
    """Keep others out. The system takes the lock from a program that ends, however it ends."""
    path = destination.with_name(f"{destination.name}.lock")
    with open(path, "ab") as file:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who had the lock before may have removed the file after it was opened here.
            if not os.path.samestat(os.fstat(file.fileno()), path.stat()):
                raise BlockingIOError
        except (BlockingIOError, PermissionError, FileNotFoundError) as error:
            raise DownloadError(f"{destination} is being downloaded by another program") from error
        try:
            yield
        finally:
            if sys.platform == "win32":
                file.close()  # open files can't be removed there
            with suppress(OSError):
                path.unlink()


def _read(response: HTTPResponse) -> bytes:
    """What has come, without waiting for more; nothing at the end."""
    try:
        return response.read1(CHUNK)
    except (OSError, HTTPException) as error:
        raise _AgainError(_reason(error)) from error


def _version(response: HTTPResponse) -> str:
    """What If-Range takes: a strong ETag, or else a date."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
