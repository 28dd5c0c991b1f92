"""Run the commands and queries of README.md and docs/, and check links and the reference."""

import io
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kit.docs import PAGES, README, ROOT, blocks, marked
from kit.tiny_network import Tiny

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
    """What README's marked commands print, by command."""
    output = {}
    for block in blocks("bash", pages=[README]):
        for command in block.splitlines():
            # A server would run on; asking it for one page starts it all the same.
            serves = command.endswith(".db") and "revimg" not in command
            output[command] = shell(f"{command} --get /" if serves else command, folder)
    return output


def rows(query: str, folder: Path) -> list[dict[str, object]]:
    return json.loads(shell('sqlite-utils photos.db "$QUERY"'.replace("$QUERY", query), folder))


def test_commands(printed):
    assert len(printed) == 4
    outputs = list(printed.values())
    assert outputs[0].startswith("photos: 4 embedded, 0 unchanged, 0 failed, 0 removed (vgg16-rmac")
    assert "dune.jpg" in outputs[1]
    assert "<title>" in outputs[2]
    assert outputs[3].startswith("objects: 3 embedded")


WITH_COMMANDS = [page for page in PAGES[1:] if blocks("bash", pages=[page])]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.stem)
def test_commands_of_docs(printed, folder, tmp_path, page):
    """Each page's commands work after README's, in the order in which they stand there."""
    copy = shutil.copytree(folder, tmp_path / "reader")
    for command in blocks("bash", pages=[page]):
        shell(command, copy)


@pytest.mark.parametrize("query", blocks("sql", "photos.db"))
def test_queries(printed, folder, query):
    found = rows(query, folder)
    similarities = [row["similarity"] for row in found]
    assert similarities == sorted(similarities, reverse=True)
    assert all(-1 <= similarity < 0.9999 for similarity in similarities)
    # Of four photos: the three others, one pair, or all six.
    assert len(found) in (3, 1, 6)


def test_duplicates(printed, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "reader")
    shutil.copy(copy / "Pictures" / "beach.jpg", copy / "Pictures" / "beach again.jpg")
    shell("datasette revimg embed photos.db photos Pictures", copy)
    shell("datasette revimg duplicates photos.db photos", copy)
    others, groups = (rows(query, copy) for query in blocks("sql", "duplicates"))
    assert [(row["group"], row["tier"]) for row in others] == [(1, "same file")]
    assert [(row["group"], row["copies"]) for row in groups] == [(1, 2)]
    assert {others[0]["path"], groups[0]["best"]} == {"beach.jpg", "beach again.jpg"}


def test_classify(printed, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "reader")
    for number in (1, 2, 3):
        for name in ("beach", "harbour"):
            path = copy / "Pictures" / f"{name}.jpg"
            shutil.copy(path, path.with_name(f"{name} {number}.jpg"))
    shell("datasette revimg embed photos.db photos Pictures", copy)
    shell("sqlite-utils add-column photos.db photos kind text", copy)
    kind = "substr(path, 1, length(path) - 6)"
    shell(
        f"""sqlite-utils photos.db "update photos set kind = {kind} where path glob '* ?.jpg'" """,
        copy,
    )
    install, apply = blocks("bash", "classify")
    classify = install.splitlines()[1]
    assert "6 examples" in shell(classify, copy)
    suggested, answered = (rows(query, copy) for query in blocks("sql", "classify"))
    labels = {row["path"]: row["label"] for row in suggested}
    assert (labels["beach.jpg"], labels["harbour.jpg"]) == ("beach", "harbour")
    assert answered[0]["path"].startswith("beach")
    assert [row["beach"] for row in answered] == sorted(
        (row["beach"] for row in answered), reverse=True
    )
    shell(f"{apply} --yes".replace("0.95", "0.5"), copy)
    query = "select kind from photos where path in ('beach.jpg', 'harbour.jpg') order by path"
    assert [row["kind"] for row in rows(query, copy)] == ["beach", "harbour"]


def test_evaluate(printed, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "reader")
    shell("sqlite-utils add-column photos.db photos kind text", copy)
    shell("""sqlite-utils photos.db "update photos set kind = path < 'e'" """, copy)
    by_groups, by_edits = blocks("bash", "evaluate")
    assert "4 rows ask for the others of their group among 4" in shell(by_groups, copy)
    assert (copy / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "56 edited pictures ask for their row among 4" in shell(by_edits, copy)


@pytest.mark.parametrize("query", blocks("sql", "rows of photos.db"))
def test_other_queries(printed, folder, query):
    found = rows(query, folder)
    assert found
    assert all(value not in (None, 0, "") for row in found for value in row.values())


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
    # To the digits that the page shows; another processor may round the network otherwise.
    assert found.pop("score") == pytest.approx(expected.pop("score"), abs=0.01)
    assert found.pop("percentile") == pytest.approx(expected.pop("percentile"), abs=0.1)
    assert found == expected


def test_diagnostics(printed, folder):
    (command,), (example,) = blocks("bash", "revimg.json"), blocks("json", "revimg.json")
    expected, found = json.loads(example), json.loads(shell(command, folder))
    for body in (expected, found):
        assert datetime.fromisoformat(body["tables"][0].pop("updated"))
    assert found == expected


def test_similar_rows(printed, folder):
    (command,) = blocks("bash", "similar")
    body = json.loads(shell(command, folder))
    assert body["query"]["row"]["path"] == "beach.jpg"
    (row,) = body["rows"]
    scores = {"score", "percentile", "tier"}
    urls = {"url", "similar_url", "thumbnail_url", "duplicates", "duplicates_url"}
    assert {*scores, "row", *urls} == set(row)


def test_a_network_of_ones_own(printed, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "reader")
    Tiny(copy / "network.onnx", size=(224, 224), dimension=384).save()
    describe, trial = blocks("bash", "own network")
    (output,), (example,) = blocks("text", "own network"), blocks("json", "own network")
    assert shell(describe, copy).strip() == output
    description, whole = copy / "network.json", json.loads(example)
    assert json.loads(description.read_text()).items() <= whole.items()
    description.write_text(example)
    printed_by_trial = shell(trial, copy)
    assert "photos: 4 embedded, 0 unchanged, 0 failed, 0 removed (network, 384" in printed_by_trial
    assert "dune.jpg" in printed_by_trial


def test_error(printed, folder):
    (example,) = blocks("json", "error")
    shown = shell(
        "datasette photos.db --get /photos/photos/nowhere~2Ejpg/-/similar.json || true", folder
    )
    assert json.loads(shown) == json.loads(example)


def test_every_marked_block_is_run():
    """A misspelt label would be run by no test."""
    known = {
        "bash": {
            None,
            "installation",
            "search by image",
            "classify",
            "compare",
            "evaluate",
            "similar",
            "revimg.json",
            "matrix",
            "own network",
        },
        "sql": {"photos.db", "rows of photos.db", "query results", "duplicates", "classify"},
        "json": {
            "compare",
            "error",
            "facets",
            "map.json",
            "matrix.json",
            "model.json",
            "own network",
            "revimg.json",
        },
        "text": {"own network"},
        "python": {None},
    }
    for match in marked():
        assert match["label"] in known[match["kind"]], match["code"]


def test_command_reference_is_up_to_date():
    page = ROOT / "docs" / "command-line.md"
    done = subprocess.run(
        [HERE / "cog", "--check", page], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


LINKED = [
    *PAGES,
    *(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    ROOT / "docs" / "pictures" / "LICENSE.md",
    ROOT / "tests" / "benchmarks" / "README.md",
]


def anchors(page: Path) -> set[str]:
    """The fragments by which GitHub addresses the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_pictures_and_links_exist(page):
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for target in targets:
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path) if path else page
        assert linked.is_file(), target
        assert not anchor or anchor in anchors(linked), target


def test_every_page_is_linked_from_the_readme():
    text = README.read_text(encoding="utf-8")
    for page in PAGES[1:]:
        assert f"(docs/{page.name}" in text, page.name
