"""Download one file: resumed after an interruption, checked before it gets its name.

Meanwhile, three files lie beside the destination: ``.part`` has the bytes so far,
``.part.source`` the address and the version that they come from, ``.lock`` keeps others out.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError

from ...errors import RevimgError
from ..catalogue import FOLDER_MODE
from .lock import LockedError, locked
from .no_links import LinkError, check_file, open_file
from .web import AddressError, check_address, open_address

TIMEOUT = 30.0  # seconds, to connect and for each read
PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before each further try
CHUNK = 1 << 18

# The most that a file may have whose size isn't known beforehand: VGG16 in float64, the largest
# form of it, has 1.1 GB.
MAX_BYTES = 2 << 30
Progress = Callable[[int, int | None], None]


class DownloadError(RevimgError):
    """The file can't be downloaded, or isn't the expected one."""


class _AgainError(Exception):
    """An attempt that ended early; another one may continue it or start over."""


@dataclass(frozen=True)
class Expected:
    """The bytes and the hash of the right file.

    ``algorithm`` is ``md5`` or ``sha256``, ``digest`` hexadecimal.
    """

    size: int
    algorithm: str
    digest: str


def download(url: str, destination: Path, expected: Expected | None, on_progress: Progress) -> None:
    """Fetch ``url`` (http, https or file) to ``destination``, which appears whole or not at all.

    ``on_progress`` gets the bytes that are there and the total, None if the server doesn't say;
    the first number is what an earlier run left, none is lower than the one before, the last is
    the total. Without ``expected`` only the length is checked. Raises DownloadError; what has
    arrived stays for the next run, unless it is wrong. No link to another file is followed.
    """
    try:
        check_address(url)
        destination.parent.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        with locked(destination.with_name(f"{destination.name}.lock")):
            _Download(url, destination, expected, on_progress).run()
    except (AddressError, LinkError) as error:
        raise DownloadError(str(error)) from error
    except LockedError as error:
        raise DownloadError(f"{destination} is being downloaded by another program") from error
    except OSError as error:  # the disk's; the network's don't get here
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        way_out = "; free some space, then run this again to continue" if full else ""
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
        """Fetch what is missing, in a few attempts; check it; give it its name."""
        check_file(self.part)
        check_file(self.source)
        for pause in (*PAUSES, None):
            try:
                self._fetch()
                break
            except _AgainError as error:
                if pause is None:
                    have = f"{self._size():,} bytes are in {self.part}; run this again to continue"
                    raise DownloadError(
                        f"the download of {self.url} was interrupted ({error}): {have}"
                    ) from error
                time.sleep(pause)
        self._report(self._size(), self._size())
        if misfit := self._misfit():
            self._discard()
            raise DownloadError(
                f"{self.url} {misfit}: it is a different file, or was damaged in transit"
            )
        with open_file(self.part, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(self.part, self.destination)
        self.source.unlink(missing_ok=True)

    def _fetch(self) -> None:
        """Request what is missing and append it to the part."""
        offset, version = self._resumable()
        if self.expected and offset == self.expected.size:
            return
        with self._open(offset, version) as response:
            announced: int | None
            chunked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"
            if response.status == 206 and offset:
                announced = self._continued(response, offset, version)
            elif response.status not in (200, None):  # None: of a file
                raise DownloadError(f"{self.url}: the server answered {response.status}")
            else:
                offset = 0
                length = response.headers.get("Content-Length", "")
                announced = int(length) if length.isdecimal() and not chunked else None
            total = self._check_total(announced, chunked)
            done = self._receive(response, offset, total)
        if total is not None and done < total and not chunked:
            raise _AgainError("the connection was closed")
        if total is not None and done != total:  # the end of chunks is marked: that was all
            self._discard()
            raise DownloadError(f"{self.url} comes with {done:,} bytes instead of {total:,}")

    def _continued(self, response: HTTPResponse, offset: int, version: str) -> int:
        """Return the whole file's length, from an answer that must begin at ``offset``."""
        content = response.headers.get("Content-Range", "")
        span = re.fullmatch(rf"bytes {offset}-\d+/(\d+)", content)
        if span is None or (version and version != _version(response)):
            self._discard()
            raise _AgainError("the server sent other bytes than those requested")
        return int(span[1])

    def _resumable(self) -> tuple[int, str]:
        """Return how many bytes can be continued, and their version.

        0 when neither a version nor a hash would show that the rest doesn't fit.
        """
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
            return open_address(self.url, headers, TIMEOUT)
        except HTTPError as error:
            error.close()
            if error.code == 416 and offset:
                self._discard()
                raise _AgainError("the server can't send that part of the file") from error
            answer = f"{error.code} {error.reason}"
            raise DownloadError(f"{self.url}: the server answered {answer}") from error
        except (OSError, HTTPException, ValueError) as error:
            if self.reported:  # it could be reached before
                raise _AgainError(_reason(error)) from error
            message = f"{self.url} can't be reached ({_reason(error)})"
            if (expected := self.expected) is not None:
                message += (
                    f"; it has {expected.size:,} bytes, {expected.algorithm} {expected.digest}"
                )
            raise DownloadError(message) from error

    def _check_total(self, announced: int | None, chunked: bool) -> int | None:
        """Return how many bytes there must be in the end, None if only their end shows that."""
        total = self.expected.size if self.expected else announced
        if total is None and not chunked:
            # Half of it would look like the whole.
            raise DownloadError(f"{self.url}: the server doesn't say how long the file is")
        if self.expected is None and announced is not None and announced > MAX_BYTES:
            raise DownloadError(
                f"{self.url} has {announced:,} bytes, and weights of VGG16 at most {MAX_BYTES:,}"
            )
        if None not in (total, announced) and announced != total:
            raise DownloadError(f"{self.url} has {announced:,} bytes instead of {total:,}")
        return total

    def _receive(self, response: HTTPResponse, done: int, total: int | None) -> int:
        """Append the answer, but nothing beyond ``total``; return how many bytes there are then."""
        with open_file(self.part, "ab" if done else "wb") as file:
            if not done:
                # Only now that the old bytes are gone: they are of another version.
                with open_file(self.source, "w", encoding="utf-8") as source:
                    source.write(f"{self.url}\n{_version(response)}\n")
            free = shutil.disk_usage(self.part.parent).free
            if total is not None and free < total - done:
                lack = f"{free:,} bytes are free, {total - done:,} more are needed"
                raise OSError(errno.ENOSPC, lack, str(self.part.parent))
            self._report(done, total)
            # An answer that may never end isn't to fill the disk.
            most = min(MAX_BYTES, done + free // 2) if total is None else total
            while chunk := _read(response):
                done += len(chunk)
                if done > most:
                    break
                file.write(chunk)
                self._report(done, total)
        if total is None and done > most:
            self._discard()
            raise DownloadError(
                f"{self.url}: the server doesn't say how long the file is, and sends more than "
                f"{most:,} bytes"
            )
        return done

    def _misfit(self) -> str:
        """Return what is wrong with the part's hash, an empty text if nothing is."""
        if (expected := self.expected) is None:
            return ""
        # Systems in FIPS mode refuse MD5 unless it is declared not to be for security.
        new_hash = partial(hashlib.new, expected.algorithm, usedforsecurity=False)
        with open(self.part, "rb") as file:
            digest = hashlib.file_digest(file, new_hash).hexdigest()
        if digest == expected.digest.lower():
            return ""
        return f"has the {expected.algorithm} {digest} instead of {expected.digest}"

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self.source.unlink(missing_ok=True)

    def _report(self, done: int, total: int | None) -> None:
        # When the server makes us start over, the number waits until it is reached again.
        self.reported = max(self.reported, done)
        self.on_progress(self.reported if total is None else min(self.reported, total), total)


def _read(response: HTTPResponse) -> bytes:
    """Return what has come, without waiting for more; nothing at the end."""
    try:
        return response.read1(CHUNK)
    except (OSError, HTTPException) as error:
        raise _AgainError(_reason(error)) from error


def _version(response: HTTPResponse) -> str:
    """Return what If-Range takes: a strong ETag, or else a date."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
