"""Reads that hang are given up, in order, and the others go on."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from datasette_revimg.embedding.ahead import MOST_HANGING, work_ahead
from datasette_revimg.embedding.jobs import Job, refuse
from datasette_revimg.errors import RevimgError
from datasette_revimg.pictures.files import MissingError
from datasette_revimg.pictures.opening import ImageError


@pytest.fixture
def hang():
    """A read that doesn't end before the test."""
    ended = threading.Event()

    def read() -> bytes:
        ended.wait()
        return b"too late"

    yield read
    ended.set()


def work(job, content):
    """The job's number, and its content or why there is none."""
    return job.key[0], content if isinstance(content, bytes) else type(content), str(content)


def results(jobs, **options):
    with closing(work_ahead(iter(jobs), work, **options)) as found:
        return list(found)


def test_results_come_in_order():
    jobs = [Job((n,), lambda n=n: b"%d" % n) for n in range(30)]
    jobs[7] = Job((7,), refuse(ImageError("none")))
    found = results(jobs, ahead=5, threads=3)
    assert [number for number, *_ in found] == list(range(30))
    assert [content for _, content, _ in found[:7]] == [b"%d" % n for n in range(7)]
    assert found[7][1:] == (ImageError, "none")


@pytest.mark.parametrize("threads", [1, 2])
def test_what_hangs_is_given_up_and_the_others_go_on(hang, threads):
    """As many as there are threads, and more: each gets another thread in its place."""
    hanging = (1, 2, 5)
    jobs = [Job((n,), hang if n in hanging else lambda: b"read") for n in range(8)]
    found = results(jobs, ahead=8, threads=threads, read_seconds=0.05)
    assert [number for number, *_ in found] == list(range(8))
    for number, content, text in found:
        if number in hanging:
            assert content is MissingError
            assert text == "reading it did not end within 0.05 seconds"
        else:
            assert content == b"read"


def test_decoding_has_all_the_time_it_needs():
    def slow_work(job, content):
        threading.Event().wait(0.3)
        return content

    with closing(
        work_ahead(
            iter([Job((1,), lambda: b"read")]), slow_work, ahead=1, threads=1, read_seconds=0.05
        )
    ) as found:
        assert list(found) == [b"read"]


def test_a_disk_that_is_gone_ends_the_run(hang):
    jobs = [Job((f"{n}.jpg",), hang) for n in range(MOST_HANGING + 3)]
    with pytest.raises(RevimgError) as caught:
        results(jobs, ahead=30, threads=4, read_seconds=0.02)
    assert str(caught.value) == (
        f"{MOST_HANGING} files can't be read, the last one is {MOST_HANGING - 1}.jpg: reading it "
        "did not end within 0.02 seconds. Is their disk or network share there? What was finished "
        "is kept"
    )


def test_an_error_of_the_work_is_raised():
    def broken(job, content):
        raise ZeroDivisionError

    with (
        closing(work_ahead(iter([Job((1,), bytes)]), broken, ahead=1, threads=1)) as found,
        pytest.raises(ZeroDivisionError),
    ):
        list(found)
