"""What README.md says is true: its commands and queries run, its reference is up to date."""

import io
import json
import os
import socket
import sqlite3
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kit.docs import README, blocks

HERE = Path(sys.executable).parent


def photo(seed: int) -> Image.Image:
    colours = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize((200, 150), Image.Resampling.BICUBIC)


def shell(command: str, folder: Path) -> str:
    environment = {**os.environ, "PATH": f"{HERE}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder as the reader has it: photos, and a museum's database."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "Pictures").mkdir()
    for seed, name in enumerate(["beach", "dune", "harbour", "forest"]):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = f"201{5 + seed}:07:01 12:00:00"
        photo(seed).save(folder / "Pictures" / f"{name}.jpg", exif=exif)
    with sqlite3.connect(folder / "museum.db") as conn:
        conn.execute("create table objects (number text primary key, photo blob)")
        for seed in range(3):
            buffer = io.BytesIO()
            photo(seed).save(buffer, "PNG")
            conn.execute("insert into objects values (?, ?)", [f"A {seed}", buffer.getvalue()])
    return folder


@pytest.fixture(scope="module")
def printed(folder):
    """What the marked commands print, by command."""
    output = {}
    for block in blocks("bash"):
        for command in block.splitlines():
            # A server would run on; asking it for one page starts it all the same.
            serves = command.endswith(".db") and "revimg" not in command
            output[command] = shell(f"{command} --get /" if serves else command, folder)
    return output


def test_commands(printed):
    assert len(printed) == 4
    outputs = list(printed.values())
    assert outputs[0].startswith("photos: 4 embedded, 0 unchanged, 0 failed, 0 removed (vgg16-rmac")
    assert "dune.jpg" in outputs[1]
    assert "<title>" in outputs[2]
    assert outputs[3].startswith("objects: 3 embedded")


@pytest.mark.parametrize("query", blocks("sql", "photos.db"))
def test_queries(printed, folder, query):
    rows = json.loads(shell('sqlite-utils photos.db "$QUERY"'.replace("$QUERY", query), folder))
    similarities = [row["similarity"] for row in rows]
    assert similarities == sorted(similarities, reverse=True)
    assert all(0 <= similarity < 0.9999 for similarity in similarities)
    # Four photos: three others, one pair asked for, or all six pairs.
    assert len(rows) in (3, 1, 6)


def test_search_by_image(printed, folder):
    """The request, to a server like the one that the reader has started."""
    (command,) = blocks("bash", "search by image")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "datasette", "photos.db", "--port", str(port)],
        cwd=folder,
        stderr=subprocess.DEVNULL,
    )
    try:
        # Until it listens, curl tries again.
        retry = "curl -sS --retry 60 --retry-delay 1 --retry-connrefused"
        answer = json.loads(
            shell(command.replace("8001", str(port)).replace("curl", retry, 1), folder)
        )
    finally:
        server.terminate()
        server.wait(timeout=60)
    assert answer["rows"][0]["row"]["path"] == "beach.jpg"
    assert len(answer["rows"]) == 3
    assert (answer["query"]["width"], answer["query"]["format"]) == (200, "JPEG")


def test_compared_rows(printed, folder):
    (command,), (example,) = blocks("bash", "compare"), blocks("json", "compare")
    expected, found = json.loads(example), json.loads(shell(command, folder))
    # To the digits that README shows; another processor may round the network otherwise.
    assert found.pop("score") == pytest.approx(expected.pop("score"), abs=0.01)
    assert found.pop("percentile") == pytest.approx(expected.pop("percentile"), abs=0.1)
    assert found == expected


def test_diagnostics(printed, folder):
    (command,), (example,) = blocks("bash", "revimg.json"), blocks("json", "revimg.json")
    expected, found = json.loads(example), json.loads(shell(command, folder))
    for body in (expected, found):
        assert datetime.fromisoformat(body["tables"][0].pop("updated"))
    assert found == expected


def test_command_reference_is_up_to_date():
    done = subprocess.run(
        [HERE / "cog", "--check", README], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_pictures_and_links_exist():
    text = README.read_text(encoding="utf-8")
    targets = [part.split(")")[0] for part in text.split("](")[1:]]
    local = [target for target in targets if "://" not in target]
    assert local
    for target in local:
        assert (README.parent / target).is_file(), target
