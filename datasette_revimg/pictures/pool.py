"""Decoding of many pictures at a time, with a bound on the memory that they take together."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

from . import decoding
from .decoding import Picture
from .isolated import IsolatedDecoder, Limits
from .opening import TooCostlyError
from .sizing import Size

# A picture that takes more memory to decode is huge: of these there is only one at a time. Phones'
# twelve megapixels are less in every format.
HUGE_BYTES = 256 << 20

# For huge pictures of one's own: they may take their time.
OWN_LIMITS = Limits(cpu_seconds=120.0, wall_seconds=600.0)

# The bytes of a picture and the (height, width) that a network takes → the picture.
Decode = Callable[[bytes, Size], Picture]


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

    def decode(self, data: bytes, size: Size, max_bytes: int) -> Picture:
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
    """Yield a function that decodes in as many ``threads`` as call it.

    Huge pictures come one after another, in a process of their own: in this one, the memory that
    they take would not go back to the system. With ``isolate``, all pictures are decoded in such
    processes, which have limits of memory and time. The function raises ImageError when a picture
    can't be used.
    """
    with ExitStack() as stack:
        limits = Limits() if isolate else OWN_LIMITS
        huge = stack.enter_context(closing(IsolatedDecoder(limits)))
        if isolate:
            decode = stack.enter_context(closing(DecoderPool(threads, limits))).decode
        else:
            decode = _decode_here
        yield huge_apart(decode, huge.decode)


def huge_apart(decode: Callable[[bytes, Size, int], Picture], decode_huge: Decode) -> Decode:
    """Return a function that decodes with ``decode``, and a huge picture with ``decode_huge``.

    ``decode`` takes the bytes, the size and the most bytes of memory, and raises TooCostlyError
    before it takes more.
    """

    def decode_any(data: bytes, size: Size) -> Picture:
        try:
            return decode(data, size, HUGE_BYTES)
        except TooCostlyError:
            pass
        return decode_huge(data, size)

    return decode_any


def _decode_here(data: bytes, size: Size, max_bytes: int) -> Picture:
    return decoding.decode(data, size, max_bytes=max_bytes)
