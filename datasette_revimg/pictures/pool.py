"""Decoding of many pictures at a time, with a bound on the memory that they take together."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from . import decoding
from .decoding import Picture
from .isolated import IsolatedDecoder, Limits
from .opening import MAX_BYTES, TooCostlyError

# A picture that takes more memory to decode is huge: of these there is only one at a time.
HUGE_BYTES = 150 << 20

# The bytes of a picture and the (height, width) that a network takes → the picture.
Decode = Callable[[bytes, tuple[int, int]], Picture]


class DecoderPool:
    """Worker processes for several threads, each for one picture at a time.

    A process is started when it is first needed, and ends with ``close``. What kills or exhausts
    one costs the picture that it was busy with.
    """

    def __init__(self, count: int, limits: Limits) -> None:
        self._decoders = [IsolatedDecoder(limits) for _ in range(count)]
        # The last one used is the first to be used again: the others may never be needed.
        self._free: queue.LifoQueue[IsolatedDecoder] = queue.LifoQueue()
        for decoder in self._decoders:
            self._free.put(decoder)

    def decode(self, data: bytes, size: tuple[int, int], max_bytes: int) -> Picture:
        """Decode a picture, as ``decoding.decode``, as soon as a process is free."""
        decoder = self._free.get()
        try:
            return decoder.decode(data, size, max_bytes=max_bytes)
        finally:
            self._free.put(decoder)

    def close(self) -> None:
        """End all processes. The pictures that they are busy with are refused."""
        for decoder in self._decoders:
            decoder.close()


@contextmanager
def open_decoder(threads: int, *, isolate: bool) -> Iterator[Decode]:
    """Yield a function that decodes in as many ``threads`` as call it, huge pictures in turn.

    With ``isolate``, decoding happens in processes of its own, which have limits of memory and
    time. The function raises ImageError when a picture can't be used.
    """
    if isolate:
        with closing(DecoderPool(threads, Limits())) as pool:
            yield huge_in_turn(pool.decode)
    else:
        yield huge_in_turn(lambda data, size, most: decoding.decode(data, size, max_bytes=most))


def huge_in_turn(decode: Callable[[bytes, tuple[int, int], int], Picture]) -> Decode:
    """Return a function that decodes, but only one picture of more than HUGE_BYTES at a time.

    ``decode`` takes the bytes, the size and the most bytes of memory, and raises TooCostlyError
    before it takes more.
    """
    turn = threading.Lock()

    def decode_in_turn(data: bytes, size: tuple[int, int]) -> Picture:
        try:
            return decode(data, size, HUGE_BYTES)
        except TooCostlyError:
            with turn:
                return decode(data, size, MAX_BYTES)

    return decode_in_turn
