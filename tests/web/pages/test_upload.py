"""Reverse image search: a picture that somebody brings along, as a browser or curl sends it."""

from __future__ import annotations

import asyncio
import html
import io
import os
import re
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing

import pytest
from datasette.utils import StartupError
from PIL import Image

from datasette_revimg.web.problems import Problem
from datasette_revimg.web.requests import forms
from datasette_revimg.web.requests.uploads import is_guarded
from datasette_revimg.web.work.state import state_of
from kit import scenes
from kit.asking import IS_1, cookies, ids
from kit.clients import OWN, task_of
from kit.uploads import BOUNDARY, PAGE, PICTURE, START, form, part, post, uploaded

pytestmark = pytest.mark.asyncio

ANN = {"id": "ann"}


@pytest.fixture
def served(scenes_db, serve):
    def make(config=None, **arguments):
        return serve(scenes_db, config=config, **arguments)

    return make


@pytest.fixture
def ds(served):
    return served()


async def refused(ds, content: bytes, status: int, *words: str, path=PAGE, **options):
    """The same sentence as JSON and as HTML."""
    name, _, query = path.partition("?")
    response = await post(ds, content, f"{name}.json?{query}", **options)
    assert response.status_code == status, response.text
    body = response.json()
    assert body["status"] == status
    assert body["ok"] is False
    for word in words:
        assert word in body["error"]
    page = await post(ds, content, path, **options)
    assert page.status_code == status
    assert body["error"][1:] in html.unescape(page.text)
    return response


async def test_picture_of_a_row_finds_that_row(ds):
    body = await uploaded(ds, PICTURE)
    assert body["rows"][0]["row"] == {"id": 3, "title": "Scene 3", "colour": "red"}
    assert body["rows"][0]["score"] >= 0.999
    assert len(body["rows"]) == body["filtered_table_rows_count"] == scenes.COUNT + 1
    scores = [row["score"] for row in body["rows"]]
    assert scores == sorted(scores, reverse=True)
    del body["rows"], body["ms"]
    assert body == {
        "ok": True,
        "database": "scenes",
        "table": "photos",
        "model": "vgg16-rmac",
        "query": {
            "width": 320,
            "height": 240,
            "format": "JPEG",
            "bytes": len(PICTURE),
            "like": [],
            "unlike": [],
            "ways": ["whole", "middle"],
        },
        "filtered_table_rows_count": scenes.COUNT + 1,
        "count_truncated": False,
    }


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP"])
async def test_other_formats_and_sizes(ds, kind):
    picture = scenes.scene(3).resize((900, 675))
    body = await uploaded(ds, scenes.saved(picture, kind))
    assert ids(body)[0] == 3
    assert (body["query"]["width"], body["query"]["format"]) == (900, kind)


async def test_picture_that_lies_on_its_side(ds):
    """A camera held upright: the pixels are turned, and EXIF says so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = scenes.scene(3).transpose(Image.Transpose.ROTATE_90)
    body = await uploaded(ds, scenes.saved(turned, exif=exif))
    assert ids(body)[0] == 3
    assert body["rows"][0]["score"] > 0.99
    assert (body["query"]["width"], body["query"]["height"]) == scenes.SIZE


async def test_filters_size_and_minimum(ds):
    every = await uploaded(ds, PICTURE)
    blue = await uploaded(ds, PICTURE, PAGE + ".json?colour=blue&_size=2")
    assert ids(blue) == [id_ for id_ in ids(every) if id_ % 2 == 0][:2]
    assert blue["filtered_table_rows_count"] == scenes.COUNT // 2
    assert ids(await uploaded(ds, PICTURE, PAGE + ".json?_min=0.999")) == [3]
    unlike = await uploaded(ds, PICTURE, PAGE + ".json?unlike=3&like=5")
    assert unlike["query"]["like"] == ["5"]
    assert not {3, 5} & set(ids(unlike))


async def test_fields_of_the_form_count_like_parameters(ds):
    fields = [
        part(b"2", "_size", None),
        part(b"blue", "colour", None),
        part(b"x", "csrftoken", None),
    ]
    response = await post(ds, form(*fields, part(PICTURE)))
    assert ids(response.json()) == ids(
        await uploaded(ds, PICTURE, PAGE + ".json?colour=blue&_size=2")
    )
    await refused(ds, form(part(b"many", "_size", None), part(PICTURE)), 400, "_size")


async def test_page(ds):
    page = await post(ds, form(part(PICTURE)), PAGE + "?colour=blue&_size=2")
    assert page.status_code == 200
    text = html.unescape(page.text)
    assert "Similar to your picture" in text
    pictures = re.findall(r'<img src="([^"]+)"', text)
    assert pictures[0].startswith("data:image/webp;base64,")
    assert len(pictures) == 3
    assert all(re.fullmatch(r"/scenes/photos/\d+/-/thumbnail", src) for src in pictures[1:])
    assert "320 × 240 JPEG" in text
    # Another picture is searched for among the same rows, and the next page too.
    assert f'action="{PAGE}?colour=blue&_size=2"' in text
    assert f'href="{PAGE}?_size=2"' in text
    assert f'{PAGE}?colour=blue&_size=4">Show 4</a>' in text


async def test_form(ds):
    page = await ds.client.get(PAGE + "?colour=blue&_min=0.5&_crop=0,0,500,500")
    text = html.unescape(page.text)
    assert page.status_code == 200
    assert f'action="{PAGE}?colour=blue&_min=0.5"' in text
    assert 'enctype="multipart/form-data"' in text
    assert re.search(r'<input type="file" name="image" accept="image/\*" required>', text)
    assert re.findall(r"<li><span>(.+?)</span>", text) == ['colour = "blue"', "cosine ≥ 0.5"]
    assert (await ds.client.head(PAGE)).status_code == 200
    assert (await ds.client.get(PAGE + "?nonsense=1")).status_code == 400
    response = await ds.client.get(PAGE + ".json")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert "POST" in response.json()["error"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (form(), ["no picture"]),
        (form(part(b"", filename="")), ["no picture"]),
        (form(part(b"")), ["empty"]),
        (form(part(PICTURE, filename=None)), ["text"]),
        (form(part(PICTURE, "photo")), ["'image'", "'photo'"]),
        (form(part(PICTURE), part(PICTURE)), ["2 files"]),
        (form(part(PICTURE), part(PICTURE, "other")), ["2 files"]),
        (part(PICTURE), ["whole"]),
        (part(PICTURE)[:5000], ["whole"]),
        (b"", ["whole"]),
        (b"nonsense" * 100, ["damaged"]),
        (form(part(b"no picture")), ["not a picture"]),
        (form(part(PICTURE[:3000])), ["damaged picture"]),
        (form(*[part(b"x", f"f{n}", None) for n in range(60)], part(PICTURE)), ["fields"]),
        (form(part(b"x" * 70_000, "f", None), part(PICTURE)), ["too long"]),
        # Headers of a part, too long and too many.
        (form(START + b"X: " + b"x" * 20_000 + b"\r\n\r\n\r\n", part(PICTURE)), ["damaged"]),
        (form(START + b"X: 1\r\n" * 1000 + b"\r\n\r\n", part(PICTURE)), ["damaged"]),
    ],
)
async def test_forms_that_cannot_be(ds, content, words):
    await refused(ds, content, 400, *words)


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "image/jpeg",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/mixed; boundary=x",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
    ],
)
async def test_other_content_types(ds, kind):
    await refused(ds, PICTURE, 400, "multipart/form-data", headers={"content-type": kind})


@pytest.mark.parametrize("length", [1, 70, 257, 1024])
async def test_boundaries_of_any_length(ds, length):
    boundary = "b" * length
    content = form(part(PICTURE)).replace(BOUNDARY.encode(), boundary.encode())
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    assert ids((await post(ds, content, headers=headers)).json())[0] == 3


@pytest.mark.parametrize("boundary", ["b" * 1025, "b" * 10_000, '"a\nb"', '"a\0b"'])
async def test_boundaries_that_cannot_be(ds, boundary):
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    await refused(ds, form(part(PICTURE)), 400, headers=headers)


async def test_parts_in_pieces(ds):
    """However the network cuts a form up, and whatever follows its end."""
    for content, status in (
        (form(part(b"blue", "colour", None), part(PICTURE)), 200),
        (form(part(PICTURE)) + b"\r\nanything at all", 200),
        (b"\r\n" + form(part(PICTURE)), 200),
        (form(part(PICTURE))[:-4], 400),
        (form(part(PICTURE)).replace(b"form-data", b"attachment"), 400),
    ):
        for size in (1, 7, 1000):
            pieces = (content[at : at + size] for at in range(0, len(content), size))
            assert await sent(ds, Whole(pieces)) == status


async def test_names_in_any_encoding(ds):
    content = part(PICTURE, filename="é.jpg").decode("latin-1").encode("latin-1")
    assert (await post(ds, form(content))).status_code == 200
    latin = part(PICTURE, filename="E.jpg").replace(b"E.jpg", b"\xe9.jpg")
    assert (await post(ds, form(latin))).status_code == 200
    await refused(ds, form(part(PICTURE, "bílé")), 400, "'bílé'")


async def test_bomb(ds):
    buffer = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(buffer, "PNG")
    await refused(ds, form(part(buffer.getvalue())), 413, "too large", "megapixels")


def slow_picture() -> bytes:
    """Five kilobytes that take seconds: Pillow's JPEG 2000 decoder lets no other thread run."""
    buffer = io.BytesIO()
    options = {"quality_mode": "rates", "quality_layers": [2000]}
    Image.new("RGB", (4700, 4700), (10, 120, 200)).save(buffer, "JPEG2000", **options)
    return buffer.getvalue()


async def longest_wait_during(work) -> tuple[float, float]:
    """How long the event loop stood still at most, and how long ``work`` took, in seconds."""
    task = asyncio.ensure_future(work)
    begun = last = time.monotonic()
    longest = 0.0
    while not task.done():
        await asyncio.sleep(0.005)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    await task
    return longest, last - begun


async def test_other_pages_go_on_while_a_picture_is_decoded(ds):
    await uploaded(ds, PICTURE)
    longest, total = await longest_wait_during(uploaded(ds, slow_picture()))
    assert longest < total / 2


async def test_rendition_of_a_slow_picture_stops_nobody(ds, scenes_db):
    """What is stored may come from strangers too."""
    assert (await ds.client.get("/scenes/photos/2/-/picture")).status_code == 200
    with closing(sqlite3.connect(scenes_db)) as conn, conn:
        conn.execute("update photos set picture = ? where id = 1", [slow_picture()])

    async def seen():
        assert (await ds.client.get("/scenes/photos/1/-/picture")).status_code == 200

    longest, total = await longest_wait_during(seen())
    assert longest < total / 2


@pytest.mark.parametrize("query", ["_size=0", "_min=2", "nonsense=1", "like=99", "_crop=1,2,3"])
async def test_bad_parameters(ds, query):
    await refused(ds, form(part(PICTURE)), 400, path=f"{PAGE}?{query}")


async def test_too_large(served):
    ds = served({"plugins": {"datasette-revimg": {"max_upload_bytes": len(PICTURE)}}})
    assert ids(await uploaded(ds, PICTURE))[0] == 3
    await refused(ds, form(part(PICTURE + b"x")), 413, "larger than")


class Sender:
    """An ASGI client that sends a body chunk by chunk, and counts what is taken."""

    def __init__(self, chunks):
        self.chunks = chunks
        self.taken = 0
        self.messages = []

    async def receive(self):
        chunk = next(self.chunks, None)
        if chunk is None:
            return {"type": "http.disconnect"}
        self.taken += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": True}

    async def send(self, message):
        self.messages.append(message)


class Whole(Sender):
    """A client that says where its body ends."""

    async def receive(self):
        chunk = next(self.chunks, None)
        if chunk is None:
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.request", "body": chunk, "more_body": True}


async def sent(ds, sender, headers=()):
    await ds.invoke_startup()
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": PAGE + ".json",
        "raw_path": (PAGE + ".json").encode(),
        "query_string": b"",
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", f"multipart/form-data; boundary={BOUNDARY}".encode()),
            *headers,
        ],
        "client": (OWN, 1),
    }
    await ds.app()(scope, sender.receive, sender.send)
    return sender.messages[0]["status"]


def endless(chunk):
    yield part(b"")[:-2]
    while True:
        yield b"\0" * chunk


async def test_body_is_cut_off_while_it_is_read(served):
    limit, chunk = 100_000, 10_000
    ds = served({"plugins": {"datasette-revimg": {"max_upload_bytes": limit}}})
    sender = Sender(endless(chunk))
    assert await sent(ds, sender) == 413
    assert limit < sender.taken <= limit + forms.OTHER_BYTES + 2 * chunk
    # What is announced as too long isn't read at all.
    sender = Sender(endless(chunk))
    assert await sent(ds, sender, [(b"content-length", b"99999999")]) == 413
    assert sender.taken == 0


async def test_client_that_goes_away(ds):
    assert await sent(ds, Sender(iter([part(PICTURE)[:5000]]))) == 400


async def test_slow_clients(ds, monkeypatch):
    monkeypatch.setattr(forms, "SECONDS", 0.05)

    class Slow(Sender):
        async def receive(self):
            await asyncio.sleep(0.02)
            return await super().receive()

    slow = Slow(iter([b""] * 100))
    assert await sent(ds, slow) == 408
    assert (b"connection", b"close") in {
        (name.lower(), value.lower()) for name, value in slow.messages[0]["headers"]
    }
    # Nor does it wait so long for somebody who sends nothing.
    monkeypatch.setattr(forms, "SECONDS", 300)
    monkeypatch.setattr(forms, "IDLE_SECONDS", 0.01)
    assert await sent(ds, Slow(iter([b""] * 100))) == 408
    assert state_of(ds).forms.taken == 0
    state_of(ds).forms.size = 0
    response = await refused(ds, form(part(PICTURE)), 503, "sent")
    assert int(response.headers["retry-after"]) >= 1


async def test_full_queue(ds):
    go = threading.Event()
    queue = state_of(ds).inference
    jobs = [task_of(OWN, queue.run(go.wait)) for _ in range(queue.room.size)]
    await asyncio.sleep(0)
    sender = Sender(endless(1000))
    try:
        response = await refused(ds, form(part(PICTURE)), 503, "try again")
        # Not read for nothing.
        assert await sent(ds, sender) == 503
    finally:
        go.set()
        await asyncio.gather(*jobs)
    assert int(response.headers["retry-after"]) >= 1
    assert sender.taken == 0
    assert ids(await uploaded(ds, PICTURE))[0] == 3


async def test_who_searches_a_lot_keeps_nobody_else_waiting(ds):
    """One client's searches filled the queue, and everybody else got status 503."""
    begun, go = threading.Event(), threading.Event()
    queue = state_of(ds).inference
    job = queue.submit(lambda: (begun.set(), go.wait(60)))
    assert await asyncio.to_thread(begun.wait, 60)
    body = form(part(PICTURE))
    try:
        many = [
            asyncio.create_task(post(ds, body, cookies=cookies(ds, "ann")))
            for _ in range(queue.room.size - 1)
        ]
        while queue.room.taken < queue.room.size:
            await asyncio.sleep(0.01)
        one = asyncio.create_task(post(ds, body, cookies=cookies(ds, "bob")))
        (first,), _ = await asyncio.wait(many, return_when=asyncio.FIRST_COMPLETED)
        assert first.result().status_code == 503
        assert not one.done()
    finally:
        go.set()
        await asyncio.wrap_future(job)
    assert (await one).status_code == 200
    statuses = [answer.status_code for answer in await asyncio.gather(*many)]
    assert sorted(statuses) == [200] * (len(many) - 1) + [503]


async def test_several_at_once(ds):
    seeds = [1, 2, 3, 4, 5]
    answers = await asyncio.gather(*(uploaded(ds, scenes.saved(scenes.scene(s))) for s in seeds))
    assert [ids(answer)[0] for answer in answers] == seeds


WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND
_opened: list[str] | None = None


def _audit(event, arguments):
    if event == "open" and _opened is not None and (arguments[2] or 0) & WRITING:
        _opened.append(str(arguments[0]))


async def test_nothing_is_written(ds, monkeypatch):
    """No file is opened for writing, not even one that is deleted again."""
    await uploaded(ds, PICTURE)
    large = scenes.saved(scenes.scene(3, (2700, 2025)), "BMP")
    assert len(large) > 15_000_000
    sys.addaudithook(_audit)
    monkeypatch.setattr(sys.modules[__name__], "_opened", [])
    with tempfile.TemporaryFile():
        before = len(_opened)
    assert before
    assert ids(await uploaded(ds, large))[0] == 3
    assert (await post(ds, form(part(large)), PAGE)).status_code == 200
    assert _opened[before:] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://localhost"},
        {"origin": "https://example.com"},
        {"origin": "null"},
        {"origin": "http://localhost:81"},
    ],
)
async def test_other_sites_cannot_send(ds, headers):
    for path in (PAGE, PAGE + ".json"):
        response = await post(ds, form(part(PICTURE)), path, headers=headers)
        assert response.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "same-origin", "origin": "http://localhost"},
        {"origin": "http://localhost"},
        {"sec-fetch-site": "none"},
    ],
)
async def test_own_page_and_programs_can(ds, headers):
    # With a cookie, which is what makes 0.65 look for a token.
    signed = cookies(ds, "ann")
    await uploaded(ds, PICTURE, headers=headers, cookies=signed)


async def test_only_these_paths_skip_the_token(served):
    ds = served(settings={"base_url": "/prefix/"})
    for path, expected in (
        ("/scenes/photos/-/similar", True),
        ("/prefix/scenes/photos/-/similar.json", True),
        ("/scenes/photos/-/duplicates", True),
        ("/scenes/photos/-/duplicates.csv", False),
        ("/scenes/photos/1/-/similar", False),
        ("/scenes/photos/-/insert", False),
        ("/-/similar", False),
        ("/-/permissions", False),
        ("/scenes/photos/-/similar/x", False),
        ("/scenes/photos/-%2Fsimilar", False),
    ):
        assert is_guarded(ds, {"path": path, "raw_path": path.encode()}) is expected, path


SWITCHES = {
    "top": {"plugins": {"datasette-revimg": {"upload": False}}},
    "database": {"databases": {"scenes": {"plugins": {"datasette-revimg": {"upload": False}}}}},
}


@pytest.mark.parametrize(
    "setting",
    [
        {"upload": "no"},
        {"upload": 1},
        {"embed_changes": "no"},
        {"max_upload_bytes": 0},
        {"max_upload_bytes": "20 MB"},
        {"max_upload_bytes": True},
        {"device": "gpu"},
        {"threads": 0},
        {"threads": 1.5},
        {"models_dir": 1},
        {"models_dir": "/there/is/none"},
    ],
)
async def test_settings_that_cannot_be(served, setting):
    ds = served({"plugins": {"datasette-revimg": setting}})
    with pytest.raises(StartupError, match=next(iter(setting))):
        await ds.invoke_startup()


@pytest.mark.parametrize("where", SWITCHES)
async def test_switched_off(served, where):
    ds = served(SWITCHES[where])
    await refused(ds, form(part(PICTURE)), 403, "switched off")
    assert (await ds.client.get(PAGE)).status_code == 403
    assert (await ds.client.get("/scenes/photos/1/-/similar?_crop=0,0,500,500")).status_code == 403
    for path in ("/scenes/photos", "/scenes/photos/1/-/similar"):
        assert "Search by image" not in (await ds.client.get(path)).text
    sender = Sender(endless(1000))
    assert await sent(ds, sender) == 403
    assert sender.taken == 0


def only_ann(where):
    allow = {"permissions": {"revimg-upload": ANN}}
    return {
        "top": allow,
        "database": {"databases": {"scenes": allow}},
        "table": {"databases": {"scenes": {"tables": {"photos": allow}}}},
    }[where]


@pytest.mark.parametrize("where", ["top", "database", "table"])
async def test_permission(served, where):
    ds = served(only_ann(where))
    for actor, status in ((None, 403), ("bob", 403), ("ann", 200)):
        signed = cookies(ds, actor) if actor else {}
        for path in (PAGE, PAGE + ".json"):
            response = await post(ds, form(part(PICTURE)), path, cookies=signed)
            assert response.status_code == status
        assert (await ds.client.get(PAGE, cookies=signed)).status_code == status
        crop = await ds.client.get("/scenes/photos/1/-/similar?_crop=0,0,9,9", cookies=signed)
        assert crop.status_code == status
        for path in ("/scenes/photos", "/scenes/photos/1/-/similar"):
            page = await ds.client.get(path, cookies=signed)
            assert page.status_code == 200
            assert ("Search by image" in page.text) == (status == 200)
    # The other table of the database.
    other = 403 if where != "table" else 200
    assert (await ds.client.get("/scenes/files/-/similar")).status_code == other


async def test_closer_permission_decides(served):
    tables = {"photos": {"permissions": {"revimg-upload": True}}}
    ds = served(
        {
            "permissions": {"revimg-upload": False},
            "databases": {"scenes": {"tables": tables}},
        }
    )
    assert ids(await uploaded(ds, PICTURE))[0] == 3
    assert (await ds.client.get("/scenes/files/-/similar")).status_code == 403


@pytest.mark.skipif(not IS_1, reason="0.65 has no --default-deny")
async def test_denied_by_default(serve, scenes_db):
    permissions = {"view-instance": ANN, "view-database": ANN, "view-table": ANN}
    for given, status in ({}, 403), ({"revimg-upload": ANN}, 200):
        ds = serve(scenes_db, config={"permissions": {**permissions, **given}}, default_deny=True)
        signed_in = cookies(ds, "ann")
        assert (await ds.client.get(PAGE, cookies=signed_in)).status_code == status
        row = await ds.client.get("/scenes/photos/1/-/similar.json", cookies=signed_in)
        assert row.status_code == 200


@pytest.mark.parametrize(
    "config",
    [
        {"allow": ANN},
        {"databases": {"scenes": {"allow": ANN}}},
        {"databases": {"scenes": {"tables": {"photos": {"allow": ANN}}}}},
    ],
)
async def test_who_may_not_view_the_table(served, config):
    ds = served({**config, "permissions": {"revimg-upload": True}})
    sender = Sender(endless(1000))
    assert await sent(ds, sender) == 403
    assert sender.taken == 0
    assert (await ds.client.get(PAGE)).status_code == 403
    assert ids(await uploaded(ds, PICTURE, cookies=cookies(ds, "ann")))[0] == 3
    # Before anything is said about what is there.
    if "databases" not in config or "allow" in config["databases"]["scenes"]:
        for table in ("photos", "absent"):
            assert (await ds.client.get(f"/scenes/{table}/-/similar")).status_code == 403


async def test_what_is_not_there(ds):
    for path, word in (("/absent/photos", "absent"), ("/scenes/absent", "absent")):
        response = await post(ds, form(part(PICTURE)), f"{path}/-/similar.json")
        assert response.status_code == 404
        assert word in response.json()["error"]


async def test_model_that_is_not_here(serve):
    """The other tests' database, whose vectors no network has made."""
    ds = serve()
    response = await post(ds, form(part(PICTURE)), "/data/photos/-/similar.json")
    assert response.status_code == 409
    assert "vgg16-rmac" in response.json()["error"]
    # Rows can be compared all the same.
    assert (await ds.client.get("/data/photos/1/-/similar")).status_code == 200


async def test_base_url(served):
    ds = served(settings={"base_url": "/prefix/"})
    page = html.unescape((await ds.client.get(PAGE)).text)
    assert 'action="/prefix/scenes/photos/-/similar"' in page
    for path in ("/scenes/photos", "/scenes/photos/1/-/similar"):
        text = (await ds.client.get(path)).text
        assert re.search(r'href="/prefix/scenes/photos/-/similar"', text)
    body = await uploaded(ds, PICTURE)
    assert body["rows"][0]["url"] == "/prefix/scenes/photos/3"


async def test_immutable_and_without_threads(served, serve, scenes_db):
    assert ids(await uploaded(served(settings={"num_sql_threads": 0}), PICTURE))[0] == 3
    assert ids(await uploaded(serve(immutables=[str(scenes_db)]), PICTURE))[0] == 3


async def test_action_menu(ds):
    page = (await ds.client.get("/scenes/photos")).text
    assert f'href="{PAGE}"' in page
    assert "Search by image" in page
    # Not where there is nothing to search.
    assert "Search by image" not in (await ds.client.get("/scenes/_revimg_photos")).text


async def test_megabytes():
    assert forms.megabytes(20_000_000) == "20 MB"
    assert forms.megabytes(2_345_678) == "2.3 MB"
    assert forms.megabytes(999) == "999 bytes"


async def test_problem_carries_headers():
    assert Problem(503, "x", headers={"Retry-After": "1"}).headers == {"Retry-After": "1"}


@pytest.mark.skipif(not IS_1, reason="0.65 has no list of actions")
async def test_action_is_registered(ds):
    await ds.invoke_startup()
    assert ds.actions["revimg-upload"].also_requires == "view-table"
