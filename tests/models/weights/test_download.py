"""Downloads of whole files, and everything that is refused."""

import http.client

import pytest

from datasette_revimg.models.weights.download import Expected
from kit.downloads import OTHER, PAYLOAD, expected
from kit.file_server import file_server


@pytest.mark.parametrize("wanted", [expected(), expected(algorithm="md5"), None])
def test_whole(files, target, wanted):
    target.fetch(files.url, wanted)
    target.has()
    assert {total for _, total in target.reports} == {len(PAYLOAD)}
    (request,) = files.requests
    assert "datasette-revimg" in request["User-Agent"]
    assert request["Range"] is None


def test_replaces_an_older_file_and_makes_the_folder(files, target):
    target.folder.rmdir()
    target.fetch(files.url, expected())
    target.file.write_bytes(b"older")
    target.fetch(files.url, expected())
    target.has()


def test_digest_in_capitals(files, target):
    wanted = expected()
    target.fetch(files.url, Expected(wanted.size, wanted.algorithm, wanted.digest.upper()))
    target.has()


def test_redirection(files, target):
    files.status = 302
    target.fetch(files.url.replace("vgg16", "elsewhere"), expected())
    target.has()


@pytest.mark.parametrize("wanted", [expected(), None])
def test_file_address(target, tmp_path, wanted):
    (tmp_path / "weights.h5").write_bytes(PAYLOAD)
    target.leave(OTHER[:9], "elsewhere")
    target.fetch((tmp_path / "weights.h5").as_uri(), wanted)
    target.has()


def test_file_address_of_nothing(target, tmp_path):
    target.refused(
        (tmp_path / "none.h5").as_uri(), expected(), "none.h5 can't be reached .*No such"
    )
    target.is_empty()


@pytest.mark.parametrize("url", ["ftp://localhost/a", "data:,a", "/home/a", "", "httpx://a/b"])
def test_other_schemes(target, url):
    target.refused(url, None, "give an https, http or file address")
    target.is_empty()


@pytest.mark.parametrize("url", ["http://", "http://[::1/a", "http://127.0.0.1:x/a", "http://a b/"])
def test_not_an_address(target, url):
    target.refused(url, None, "can't be reached")
    target.is_empty()


def test_chunks_have_no_total(files, target):
    files.chunked = True
    target.fetch(files.url, None)
    target.has()
    assert {total for _, total in target.reports[:-1]} == {None}


def test_unasked_part(files, target):
    files.status = 206
    target.refused(files.url, None, "the server answered 206")
    target.is_empty()


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_wrong_hash(files, target, algorithm):
    files.payload = OTHER
    wanted, received = expected(PAYLOAD, algorithm), expected(OTHER, algorithm)
    target.refused(
        files.url, wanted, f"the {algorithm} {received.digest} instead of {wanted.digest}"
    )
    target.is_empty()


@pytest.mark.parametrize("change", [-1, 1])
def test_wrong_size_is_refused_at_once(files, target, change):
    files.payload = (PAYLOAD + b"x")[: len(PAYLOAD) + change]
    sizes = f"{len(PAYLOAD) + change:,} bytes instead of {len(PAYLOAD):,}"
    target.refused(files.url, expected(), sizes)
    target.is_empty()
    assert target.reports == []


@pytest.mark.parametrize("payload", [PAYLOAD + OTHER, PAYLOAD[:-1]])
def test_wrong_size_found_out_while_reading(files, target, payload):
    files.chunked, files.payload = True, payload
    target.refused(files.url, expected(), "bytes instead of 150,000")
    target.is_empty()
    assert max(done for done, _ in target.reports) <= len(PAYLOAD)


def test_neither_length_nor_hash(files, target):
    files.length = False
    target.refused(files.url, None, "doesn't say how long")
    target.is_empty()
    target.fetch(files.url, expected())
    target.has()


@pytest.mark.parametrize("status", [204, 403, 404, 500, 503])
def test_refusals(files, target, status):
    files.status = status
    sentence = target.refused(files.url, expected(), f"the server answered {status}")
    assert files.url in sentence
    target.is_empty()


def test_no_network(target):
    with file_server(PAYLOAD) as gone:
        url = gone.url
    wanted = expected(algorithm="md5")
    sentence = target.refused(url, wanted, "can't be reached .*refused")
    assert url in sentence
    assert f"150,000 bytes, md5 {wanted.digest}" in sentence
    target.is_empty()


def test_unknown_host(target, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr(http.client.HTTPConnection, "connect", fail)
    target.refused("http://nowhere.invalid/a", None, r"reached \(Name or service not known\)$")
    target.is_empty()


def test_proxy(files, target, monkeypatch):
    """The proxy gets an address that exists nowhere, and answers itself."""
    monkeypatch.setenv("http_proxy", files.url)
    target.fetch("http://weights.invalid/vgg16.h5", expected())
    target.has()
    assert files.lines == ["GET http://weights.invalid/vgg16.h5 HTTP/1.1"]


def test_no_proxy(files, target, monkeypatch):
    with file_server(PAYLOAD) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        target.fetch(files.url, expected())
        assert proxy.lines == []
    target.has()
    assert files.lines == ["GET /vgg16.h5 HTTP/1.1"]


def test_https_goes_through_the_proxys_tunnel(files, target, monkeypatch):
    monkeypatch.setenv("https_proxy", files.url)
    target.refused("https://weights.invalid/vgg16.h5", expected(), "can't be reached .*Tunnel")
    target.is_empty()
