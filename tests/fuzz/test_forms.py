"""Forms of any bytes, with any boundary, in any pieces: the picture, or a problem in a sentence."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

from datasette.utils.asgi import Request
from hypothesis import example, given
from hypothesis import strategies as st

from datasette_revimg.web.problems import Problem, TooLargeError
from datasette_revimg.web.requests.forms import Form, read_form
from datasette_revimg.web.work.room import Room, Shares
from kit.fuzzing import examples

LIMIT = 2000


def read(content_type: bytes, chunks: Sequence[bytes]) -> Form:
    """Read a form whose body arrives in these pieces."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(b"content-type", content_type)],
    }
    return asyncio.run(
        read_form(Request(scope, receive), LIMIT, Room(1, "busy", 1), Shares(1, "busy", 1))
    )


def pieces(body: bytes, cuts: list[int]) -> list[bytes]:
    """Cut a body at these places, wherever they lie."""
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    return [body[a:b] for a, b in itertools.pairwise(places)]


def check(content_type: bytes, chunks: Sequence[bytes]) -> None:
    """Check that a form is read, or that its problem has a status and words of its own."""
    try:
        form = read(content_type, chunks)
    except (Problem, TooLargeError) as error:
        problem = error
    else:
        assert 1 <= len(form.picture) <= LIMIT
        return
    assert str(problem)
    assert getattr(problem, "status", 413) in (400, 413)


cuts = st.lists(st.integers(0, 10_000), max_size=8)

# RFC 2046, 5.1.1.
BOUNDARY_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_-./:=?"
boundaries = st.text(BOUNDARY_CHARACTERS, min_size=1, max_size=70)
names = st.text(
    st.characters(codec="utf-8", exclude_characters='\r\n"\\%\0'), min_size=1, max_size=20
)


@examples(150)
@given(
    boundary=boundaries,
    picture=st.binary(min_size=1, max_size=500),
    fields=st.lists(st.tuples(names, st.text(max_size=50).filter(lambda text: text.isprintable()))),
    place=st.integers(0, 5),
    cuts=cuts,
)
def test_what_was_sent_arrives_in_any_pieces(
    boundary: str, picture: bytes, fields: list[tuple[str, str]], place: int, cuts: list[int]
) -> None:
    """As a browser writes a form (RFC 7578); whatever the boundary, it isn't in the parts."""
    fields = [field for field in fields if field[0] != "image"]
    parts = [(f'name="{name}"', value.encode()) for name, value in fields]
    parts.insert(place, ('name="image"; filename="x.jpg"', picture))
    line = f"--{boundary}".encode()
    if any(line in content for _, content in parts):
        return
    body = b"".join(
        line + f"\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    )
    content_type = f'multipart/form-data; boundary="{boundary}"'.encode()
    form = read(content_type, pieces(body + line + b"--\r\n", cuts))
    assert form.picture == picture
    assert form.fields == fields


B = b"b"
LINE = b"--" + B

# What a form is made of, and what looks like it.
fragments = st.sampled_from(
    [
        LINE + b"\r\n",
        b"\r\n" + LINE + b"\r\n",
        b"\r\n" + LINE + b"--",
        LINE,
        b"\r\n",
        b"\r",
        b"\n",
        b"--",
        b'Content-Disposition: form-data; name="image"; filename="x.jpg"\r\n\r\n',
        b'Content-Disposition: form-data; name="image"\r\n\r\n',
        b'Content-Disposition: form-data; name="\xff"; filename=""\r\n\r\n',
        b"Content-Disposition: form-data; name*=utf-8''%e2%82; filename*=x''%\r\n\r\n",
        b"Content-Disposition: form-data\r\n\r\n",
        b'Content-Disposition: attachment; name="image"; filename="x"\r\n\r\n',
        b"Content-Type: text/plain; charset=no-such\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b": \r\n",
        b"x" * 5000,
        b"\0",
    ]
) | st.binary(max_size=12)
bodies = st.lists(fragments, max_size=14).map(b"".join)


@examples(600)
@given(body=bodies, cuts=cuts)
def test_bodies_that_look_like_forms(body: bytes, cuts: list[int]) -> None:
    check(b"multipart/form-data; boundary=" + B, pieces(body, cuts))


kinds = st.lists(
    st.sampled_from(
        [b"multipart/form-data", b"; ", b"boundary=", b"boundary*=utf-8''", b'"', b"\\", b"b", b"="]
    )
    | st.binary(max_size=6),
    max_size=8,
).map(b"".join)


@examples(300)
@given(content_type=kinds, body=bodies)
@example(b"multipart/form-data; boundary=" + b"x" * 257, b"")
@example(b"multipart/form-data; boundary=" + b"x" * 5000, b"")
@example(b'multipart/form-data; boundary="a\nb"', b"--a\nb--")
@example(b"multipart/form-data; boundary=\xff", b"--\xff--")
@example(b"multipart/form-data; boundary*=utf-8''%E2%82%AC", b"")
def test_any_content_type(content_type: bytes, body: bytes) -> None:
    check(content_type, [body])
