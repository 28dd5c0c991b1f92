"""Decode in a process of its own, for pictures that strangers send.

Pillow's decoders are C code over hostile bytes: some hold the interpreter's lock for seconds, some
want gigabytes for a file of 38 bytes, and any of them may crash. A worker process with limits of
its own takes all of that; when it dies, the picture is refused and the next one gets a new worker.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .decoding import Picture
from .opening import MAX_BYTES, MAX_UPLOAD_MEMORY, ImageError, TooCostlyError, TooLargeError
from .region import Crop
from .sizing import Size
from .worker import read_message, write_message

# By the name that the worker sends.
_ERRORS = {kind.__name__: kind for kind in (ImageError, TooLargeError, TooCostlyError)}

_PACKAGE = Path(__file__).parents[1]

_WORKER_ENVIRONMENT = {
    # Threads' stacks and heaps would count as memory, and there is one picture at a time.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    # What a large picture took goes back to the system, whatever came after it.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 20),
}


@dataclass(frozen=True)
class Limits:
    """The most that one picture may cost.

    ``memory_bytes`` are beyond the worker's own, ``cpu_seconds`` are processor time, and
    ``wall_seconds`` the time until an answer must be there.
    """

    memory_bytes: int = MAX_BYTES + (80 << 20)
    cpu_seconds: float = 10.0
    wall_seconds: float = 60.0


# What a visitor's picture may cost: MAX_UPLOAD_MEMORY, and what converting it takes beside.
UPLOAD_LIMITS = Limits(memory_bytes=MAX_UPLOAD_MEMORY + (80 << 20))


class IsolatedDecoder:
    """A worker process, started with the first picture and again whenever it has died.

    One picture at a time; several threads may share it. ``decode`` and ``draw_rendition`` do what
    the functions of these names in ``decoding`` do, and raise the same errors. The worker ends
    with ``close``, with the object, or with the program.
    """

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        # At most one. The finalizer holds the list, so that the object can be forgotten.
        self._processes: list[subprocess.Popen[bytes]] = []
        self._closed = False
        weakref.finalize(self, _kill, self._processes)

    def decode(
        self,
        data: bytes,
        size: Size,
        crop: Crop | None = None,
        max_bytes: int = MAX_BYTES,
        scale: int = 1,
    ) -> Picture:
        """Decode a picture for a network that takes ``size``, (height, width) in pixels or any."""
        part = None if crop is None else (crop.x, crop.y, crop.width, crop.height)
        job = {
            "job": "decode",
            "size": size,
            "crop": part,
            "max_bytes": max_bytes,
            "scale": scale,
        }
        header, (pixels, thumbnail) = self._ask(job, data)
        return Picture(
            array=np.frombuffer(pixels, np.uint8).reshape(header["shape"]),
            thumbnail=thumbnail,
            width=header["width"],
            height=header["height"],
            format=header["format"],
            taken=header["taken"],
        )

    def draw_rendition(self, data: bytes, side: int) -> bytes:
        """Draw the picture anew as WebP, its longest side at most ``side`` pixels."""
        _, (webp,) = self._ask({"job": "rendition", "side": side}, data)
        return webp

    def is_picture(self, data: bytes) -> bool:
        """Return whether the header is that of a picture that can be read, as ``opening`` does."""
        try:
            header, _ = self._ask({"job": "is_picture"}, data)
        except ImageError:
            # Or else its header has cost the worker.
            return False
        return bool(header["is_picture"])

    def close(self) -> None:
        """End the worker. A picture that it is busy with is refused."""
        self._closed = True
        _kill(self._processes)

    def _ask(self, job: dict[str, Any], data: bytes) -> tuple[dict[str, Any], list[bytes]]:
        with self._lock:
            process = self._worker()
            try:
                answer = self._exchange(process, job, data)
            except (OSError, EOFError, ValueError):
                answer = None
            except BaseException:
                # Half a message is on its way: what comes next would be read as its rest.
                self._forget(process)
                raise
            if answer is None:
                raise self._failure(self._forget(process))
        header, parts = answer
        if "error" in header:
            raise _ERRORS[header["error"]](header["reason"])
        return header, parts

    def _exchange(
        self, process: subprocess.Popen[bytes], job: dict[str, Any], data: bytes
    ) -> tuple[dict[str, Any], list[bytes]] | None:
        assert process.stdin
        assert process.stdout
        # The kernel's limit of processor time doesn't end a decoder that waits.
        watch = threading.Timer(self._limits.wall_seconds, process.kill)
        watch.daemon = True
        watch.start()
        try:
            write_message(process.stdin, job, [data])
            return read_message(process.stdout)
        finally:
            watch.cancel()

    def _worker(self) -> subprocess.Popen[bytes]:
        if self._processes and self._processes[0].poll() is not None:
            self._forget(self._processes[0])
        if not self._processes and not self._closed:
            try:
                self._processes.append(_start(self._limits))
            except OSError as error:
                raise ImageError(f"no decoder can be started: {error.strerror}") from None
        if self._closed:
            _kill(self._processes)
            raise _ending()
        return self._processes[0]

    def _forget(self, process: subprocess.Popen[bytes]) -> int:
        """End a worker, and return its exit status."""
        process.kill()
        status = process.wait()
        _close_pipes(process)
        self._processes.clear()
        return status

    def _failure(self, status: int) -> ImageError:
        if self._closed:
            return _ending()
        if sys.platform != "win32" and status == -signal.SIGPROF:
            return ImageError(f"it takes more than {self._limits.cpu_seconds:g} seconds to decode")
        if sys.platform != "win32" and status == -signal.SIGKILL:
            return ImageError(
                f"decoding it did not end within {self._limits.wall_seconds:g} seconds"
            )
        return ImageError("its decoder crashed: the file is damaged")


def _start(limits: Limits) -> subprocess.Popen[bytes]:
    paths = [str(_PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [
            sys.executable,
            "-P",  # what lies in the current folder is nobody's module
            "-m",
            f"{__package__}.worker",
            str(limits.memory_bytes),
            str(limits.cpu_seconds),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **_WORKER_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(paths)},
    )


def _kill(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in list(processes):
        process.kill()
        process.wait()


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        try:
            if pipe:
                pipe.close()
        except OSError:
            # What was still to be written to the dead process.
            pass


def _ending() -> ImageError:
    return ImageError("pictures are no longer decoded, the program is ending")
