"""Pictures that are decoded by several threads: in processes, and huge ones one by one."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from datasette_revimg.pictures import decoding
from datasette_revimg.pictures.cost import decoded_bytes
from datasette_revimg.pictures.isolated import Limits
from datasette_revimg.pictures.opening import MAX_BYTES, ImageError, TooCostlyError, open_picture
from datasette_revimg.pictures.pool import HUGE_BYTES, DecoderPool, huge_apart, open_decoder
from kit.bombs import flat_jp2, png
from kit.pictures import mosaic

SIZE = (40, 30)
PICTURES = [mosaic(seed) for seed in range(12)]


@pytest.mark.parametrize("isolate", [False, True])
def test_every_thread_gets_its_own_picture(isolate):
    with open_decoder(3, isolate=isolate) as decode, ThreadPoolExecutor(3) as threads:
        decoded = list(threads.map(lambda data: decode(data, SIZE), PICTURES))
        bad = threads.submit(decode, b"no picture", SIZE).exception()
    for data, picture in zip(PICTURES, decoded, strict=True):
        expected = decoding.decode(data, SIZE)
        assert np.array_equal(picture.array, expected.array)
        assert picture.thumbnail == expected.thumbnail
    assert isinstance(bad, ImageError)


@pytest.mark.parametrize("isolate", [False, True])
def test_too_large_for_any_turn(isolate):
    with (
        open_decoder(1, isolate=isolate) as decode,
        pytest.raises(ImageError, match="at most 600 MB"),
    ):
        decode(png(13300, 13300, "RGBA"), SIZE)


def test_huge_pictures_go_elsewhere_and_the_others_are_decoded_at_the_same_time():
    together = threading.Barrier(3, timeout=30)
    picture = decoding.decode(PICTURES[0], SIZE)

    def decode(data, size, max_bytes):
        assert max_bytes == HUGE_BYTES
        if data == b"huge":
            raise TooCostlyError("too large")
        # Passed only by three at the same time.
        together.wait()
        return picture

    elsewhere = []

    def decode_huge(data, size):
        elsewhere.append((data, size))
        return picture

    decode_any = huge_apart(decode, decode_huge)
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda data: decode_any(data, SIZE), [b"huge"] * 3 + [b"small"] * 3))
    assert elsewhere == [(b"huge", SIZE)] * 3


# The workers of other tests' servers, which have some until they are collected.
STRANGERS: set[int] = set()


@pytest.fixture(autouse=True)
def know_strangers() -> None:
    STRANGERS.clear()
    if sys.platform == "linux":
        STRANGERS.update([pid for pid, _ in workers()])


def workers() -> Iterator[tuple[int, int]]:
    """The processes that the test has started to decode, and the memory of each in bytes."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            pages = int((folder / "statm").read_text().split()[1])
        except (OSError, IndexError, ValueError):
            continue
        ours = parent == os.getpid() and int(folder.name) not in STRANGERS
        if ours and b"datasette_revimg.pictures.worker" in command:
            yield int(folder.name), pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("isolate", [False, True])
def test_huge_pictures_come_one_after_another(isolate):
    huge = flat_jp2(4000)
    assert decoded_bytes(open_picture(huge)) > HUGE_BYTES
    with open_decoder(3, isolate=isolate) as decode, ThreadPoolExecutor(3) as threads:
        decoded = [threads.submit(decode, huge, SIZE) for _ in range(3)]
        most = 0
        while not all(each.done() for each in decoded):
            most = max(most, sum(size > 150 << 20 for _, size in workers()))
        assert [each.result().width for each in decoded] == [4000] * 3
    assert most == 1
    assert list(workers()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_crash_costs_one_picture():
    slow = flat_jp2(5500)
    with closing(DecoderPool(2, Limits())) as pool, ThreadPoolExecutor(2) as threads:
        crashing = threads.submit(pool.decode, slow, SIZE, MAX_BYTES)
        # What is large is busy with it.
        deadline = time.monotonic() + 60
        while not (busy := [pid for pid, size in workers() if size > 150 << 20]):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(busy[0], signal.SIGSEGV)
        with pytest.raises(ImageError, match="its decoder crashed"):
            crashing.result()
        decoded = threads.map(lambda data: pool.decode(data, SIZE, MAX_BYTES), PICTURES)
        assert [picture.width for picture in decoded] == [40] * 12
    assert list(workers()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_are_for_the_program_that_started_it(name):
    with closing(DecoderPool(1, Limits())) as pool:
        pool.decode(PICTURES[0], SIZE, MAX_BYTES)
        (before, _), *_ = workers()
        os.kill(before, getattr(signal, name))
        assert pool.decode(PICTURES[1], SIZE, MAX_BYTES).width == 40
        assert [pid for pid, _ in workers()] == [before]
