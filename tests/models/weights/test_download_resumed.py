"""Interrupted downloads: continued where that is safe, else started over."""

import threading

import pytest

from datasette_revimg.models.weights import download as module
from datasette_revimg.models.weights.download import download
from kit.downloads import OTHER, PAYLOAD, expected


@pytest.mark.parametrize("wanted", [expected(), None])
def test_broken_and_continued(files, target, wanted):
    files.breaks = [60_000, 40_000]
    target.fetch(files.url, wanted)
    target.has()
    assert [request["Range"] for request in files.requests] == [
        None,
        "bytes=60000-",
        "bytes=100000-",
    ]
    assert [request["If-Range"] for request in files.requests] == [None, '"one"', '"one"']


def test_broken_chunks_are_noticed(files, target):
    files.chunked, files.breaks = True, [60_000]
    target.fetch(files.url, None)
    target.has()
    assert len(files.requests) == 2


@pytest.mark.parametrize("wanted", [expected(), None])
def test_broken_for_good_and_resumed_by_the_next_run(files, target, wanted):
    files.breaks = [20_000] * 4
    sentence = target.refused(files.url, wanted, "interrupted .*80,000 bytes .*again to continue")
    assert str(target.part) in sentence
    assert target.part.read_bytes() == PAYLOAD[:80_000]
    target.fetch(files.url, wanted)
    target.has()
    assert target.reports[0] == (80_000, len(PAYLOAD))
    assert files.requests[-1]["Range"] == "bytes=80000-"


@pytest.mark.parametrize("wanted", [expected(), None])
def test_server_without_ranges_starts_over(files, target, wanted):
    files.ranges, files.breaks = False, [60_000]
    target.fetch(files.url, wanted)
    target.has()
    assert files.requests[1]["Range"] == "bytes=60000-"


@pytest.mark.parametrize("obeys", [True, False])
@pytest.mark.parametrize("wanted", [expected(), None])
def test_another_version_is_not_continued(files, target, wanted, obeys):
    files.obeys_if_range = obeys
    target.leave(OTHER[:60_000], files.url, '"zero"')
    target.fetch(files.url, wanted)
    target.has()


def test_changed_while_it_came(files, target):
    files.breaks = [60_000]

    def change(done, total):
        if done >= 60_000 and files.payload is OTHER:
            files.payload, files.version = PAYLOAD, '"two"'

    files.payload = OTHER
    download(files.url, target.file, None, change)
    assert target.file.read_bytes() == PAYLOAD


def test_date_instead_of_a_weak_etag(files, target):
    files.version, files.date = 'W/"one"', "Mon, 01 Jan 2024 00:00:00 GMT"
    files.breaks = [60_000]
    target.fetch(files.url, None)
    target.has()
    assert files.requests[1]["If-Range"] == files.date


def test_without_a_version_the_hash_allows_to_continue(files, target):
    files.version = None
    target.part.write_bytes(PAYLOAD[:60_000])
    target.fetch(files.url, expected())
    target.has()
    assert (files.requests[0]["Range"], files.requests[0]["If-Range"]) == ("bytes=60000-", None)


@pytest.mark.parametrize("source", [None, 'elsewhere\n"one"\n', "", "\xff"])
def test_without_version_and_hash_it_starts_over(files, target, source):
    target.part.write_bytes(OTHER[:60_000])
    if source is not None:
        target.source.write_bytes(source.encode("latin-1"))
    target.fetch(files.url, None)
    target.has()
    assert files.requests[0]["Range"] is None


def test_wrongly_continued_is_never_accepted(files, target):
    """Nothing but the hash can know: no version, the right size."""
    files.version = None
    target.part.write_bytes(OTHER[:60_000])
    target.refused(files.url, expected(), "sha256 [0-9a-f]{64} instead of " + expected().digest)
    target.is_empty()
    target.fetch(files.url, expected())
    assert target.file.read_bytes() == PAYLOAD


@pytest.mark.parametrize("span", ["bytes 5-149999/150000", "bytes 60000-149999/*", "nonsense"])
def test_other_range_than_asked_for(files, target, span):
    files.span = span
    target.leave(PAYLOAD[:60_000], files.url)
    target.fetch(files.url, expected())
    target.has()
    assert [request["Range"] for request in files.requests] == ["bytes=60000-", None]


def test_whole_part_needs_no_server(target):
    target.part.write_bytes(PAYLOAD)
    target.fetch("http://127.0.0.1:1/vgg16.h5", expected())
    target.has()


@pytest.mark.parametrize("wrong", [OTHER, PAYLOAD + b"more"])
def test_wrong_part_of_full_length_starts_over(files, target, wrong):
    target.leave(wrong, files.url)
    target.fetch(files.url, expected())
    target.has()
    assert files.requests[0]["Range"] is None


def test_range_not_satisfiable(files, target):
    target.leave(PAYLOAD + b"more", files.url)
    target.fetch(files.url, None)
    target.has()
    assert [request["Range"] for request in files.requests] == ["bytes=150004-", None]


def test_wrong_size_keeps_an_earlier_part(files, target):
    files.payload = PAYLOAD + b"x"
    target.leave(PAYLOAD[:60_000], files.url)
    target.refused(files.url, expected(), "150,001 bytes instead of 150,000")
    assert target.part.read_bytes() == PAYLOAD[:60_000]


def test_refusal_keeps_the_part(files, target):
    files.status = 503
    target.leave(PAYLOAD[:60_000], files.url)
    target.refused(files.url, expected(), "503 Service Unavailable")
    assert target.part.read_bytes() == PAYLOAD[:60_000]


def test_silence_is_a_broken_connection(files, target, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    files.gate = threading.Event()
    monkeypatch.setattr(module.time, "sleep", lambda _: files.gate.set())
    target.fetch(files.url, expected())
    target.has()
    assert files.requests[1]["Range"]


def test_gone_after_it_broke_off(files, target, monkeypatch):
    files.breaks = [60_000]
    monkeypatch.setattr(module.time, "sleep", lambda _: files.socket.close())
    target.refused(files.url, expected(), "interrupted .*60,000 bytes")
    assert target.part.read_bytes() == PAYLOAD[:60_000]
