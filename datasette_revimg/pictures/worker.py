"""The process that decodes strangers' pictures: ``python -m datasette_revimg.pictures.worker``.

It reads one job after another from its standard input and answers on its standard output, until
the input ends. Its memory and its processor time are limited before it sees the first byte of a
picture, so that a decoder's crash, hang or hunger costs this process and nothing else. What the
decoders' libraries print goes nowhere: ``isolated`` starts it without a standard error.

A message is the length of a JSON header (4 bytes, big-endian), the header, and as many bytes as
the header's ``lengths`` say together.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from . import decoding, opening, raw
from .opening import ImageError, TooCostlyError, TooLargeError
from .quiet import silence_pillow
from .region import Crop

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_LENGTH = struct.Struct(">I")


def write_message(stream: IO[bytes], header: dict[str, Any], parts: Sequence[bytes] = ()) -> None:
    """Write a header and its parts, and flush."""
    text = json.dumps({**header, "lengths": [len(part) for part in parts]}).encode()
    stream.write(_LENGTH.pack(len(text)))
    stream.write(text)
    for part in parts:
        stream.write(part)
    stream.flush()


def read_message(stream: IO[bytes]) -> tuple[dict[str, Any], list[bytes]] | None:
    """Read a header and its parts; None at the end of the stream. EOFError within a message."""
    start = stream.read(_LENGTH.size)
    if not start:
        return None
    (length,) = _LENGTH.unpack(start)
    header = json.loads(_exactly(stream, length))
    return header, [_exactly(stream, size) for size in header["lengths"]]


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


def _limit_memory(most: int) -> None:
    """Limit the address space to ``most`` bytes more than the process has now."""
    if resource is None:
        return
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[0])
    except OSError:
        # Only Linux says how large the address space is; elsewhere it isn't limited either.
        return
    limit = pages * resource.getpagesize() + most
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _limit_time(seconds: float) -> None:
    """Let the kernel end the process, with SIGPROF, after ``seconds`` more of processor time.

    RLIMIT_CPU, the usual way, counts in whole seconds.
    """
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _leave_nothing_behind() -> None:
    """Let a crash write no core file: a stranger's picture would be in it."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _use_one_thread() -> None:
    """Let the decoders start no threads, whose stacks and heaps count as memory."""
    try:
        from PIL import AvifImagePlugin

        AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    except ImportError:
        pass
    try:
        import pillow_heif

        pillow_heif.options.DECODE_THREADS = 1
    except ImportError:
        pass


def _load_all_decoders() -> None:
    """Import what decodes, before the limits: its own size is not the picture's cost."""
    opening.formats()
    if raw.available():
        raw.load_library()


def _answer(job: dict[str, Any], data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    try:
        if job["job"] == "is_picture":
            return {"is_picture": opening.is_picture(data)}, []
        if job["job"] == "rendition":
            return {}, [decoding.draw_rendition(data, job["side"])]
        crop = Crop(*job["crop"]) if job["crop"] else None
        size = tuple(job["size"]) if job["size"] else None
        picture = decoding.decode(data, size, crop, job["max_bytes"], job["scale"])
    except ImageError as error:
        kinds = (TooCostlyError, TooLargeError, ImageError)
        kind = next(kind for kind in kinds if isinstance(error, kind))
        return {"error": kind.__name__, "reason": str(error)}, []
    header = {
        "shape": picture.array.shape,
        "width": picture.width,
        "height": picture.height,
        "format": picture.format,
        "taken": picture.taken,
    }
    return header, [np.ascontiguousarray(picture.array).tobytes(), picture.thumbnail]


def main() -> None:
    """Answer jobs until there are no more; the limits are the two arguments, bytes and seconds."""
    memory, seconds = int(sys.argv[1]), float(sys.argv[2])
    # The answers have a descriptor of their own: what a library prints must not stand between.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # They are for the program that started this one, which ends it when it has no more pictures:
    # a terminal or a service manager sends them to both.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if number := getattr(signal, name, None):
            signal.signal(number, signal.SIG_IGN)
    silence_pillow()
    _load_all_decoders()
    _use_one_thread()
    _leave_nothing_behind()
    _limit_memory(memory)
    while message := read_message(sys.stdin.buffer):
        job, (data,) = message
        _limit_time(seconds)
        header, parts = _answer(job, data)
        del data, message
        write_message(answers, header, parts)
        del parts


if __name__ == "__main__":
    main()
