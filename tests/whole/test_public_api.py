"""The Python functions, used as a stranger uses them: real pictures and the bundled network."""

import importlib.metadata
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import datasette_revimg
from kit import scenes
from kit.docs import ROOT, blocks

NAMES = ["beach", "dune", "forest", "harbour"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photos, one of them in a second, smaller version, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("stranger")
    pictures = folder / "Pictures"
    (pictures / "small").mkdir(parents=True)
    for seed, name in enumerate(NAMES):
        (pictures / f"{name}.jpg").write_bytes(scenes.saved(scenes.scene(seed)))
    (pictures / "small" / "beach.png").write_bytes(
        scenes.saved(scenes.scene(0).resize((160, 120)), "PNG")
    )
    (pictures / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n, and no more")
    return folder


@pytest.fixture(scope="module")
def first(folder: Path) -> datasette_revimg.Summary:
    """What the first run says; the database is photos.db in the folder."""
    return datasette_revimg.embed(folder / "photos.db", "photos", folder / "Pictures")


@pytest.fixture(scope="module")
def database(folder: Path, first: datasette_revimg.Summary) -> Path:
    return folder / "photos.db"


def test_names() -> None:
    assert sorted(datasette_revimg.__all__) == [
        "Match",
        "RevimgError",
        "Summary",
        "__version__",
        "connect",
        "embed",
        "similar",
    ]
    assert set(datasette_revimg.__all__) <= set(dir(datasette_revimg))
    for name in datasette_revimg.__all__:
        assert getattr(datasette_revimg, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'find'"):
        datasette_revimg.find  # noqa: B018


def test_version_is_that_of_the_package() -> None:
    assert datasette_revimg.__version__ == importlib.metadata.version("datasette-revimg")


def test_importing_imports_nothing_heavy() -> None:
    heavy = ["numpy", "PIL", "onnxruntime", "sqlite3", "click", "datasette"]
    code = (
        "import sys, datasette_revimg; datasette_revimg.__version__;"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_embed_says_what_it_did(first: datasette_revimg.Summary, folder: Path) -> None:
    assert (first.embedded, first.unchanged, first.failed, first.removed) == (5, 0, 1, 0)
    assert (first.table, first.model, first.dimension) == ("photos", "vgg16-rmac", 1024)
    assert first.rate == pytest.approx(5 / first.seconds)
    again = datasette_revimg.embed(str(folder / "photos.db"), "photos", folder / "Pictures")
    assert (again.embedded, again.unchanged, again.failed, again.removed) == (0, 5, 1, 0)


def test_similar_to_a_row(database: Path) -> None:
    matches = datasette_revimg.similar(database, "photos", "beach.jpg")
    assert matches[0].key == ("small/beach.png",)
    assert (matches[0].row["width"], matches[0].row["format"]) == (160, "PNG")
    assert {match.key[0] for match in matches[1:]} == {"dune.jpg", "forest.jpg", "harbour.jpg"}
    scores = [match.score for match in matches]
    assert scores == sorted(scores, reverse=True)
    # Ten pairs of pictures; this one is more similar than the nine others.
    assert matches[0].percentile is not None
    assert matches[0].percentile > 89
    with pytest.raises(AttributeError):
        matches[0].score = 1.0  # type: ignore[misc]


def test_the_scores_are_cosines(database: Path) -> None:
    with closing(datasette_revimg.connect(database)) as conn:
        vectors = {
            path: np.frombuffer(blob, "<f4")
            for path, blob in conn.execute("select path, embedding from _revimg_photos")
        }
        for match in datasette_revimg.similar(database, "photos", "dune.jpg"):
            expected = float(vectors["dune.jpg"] @ vectors[match.key[0]])
            assert match.score == pytest.approx(expected, abs=1e-6)
            (in_sql,) = conn.execute(
                "select cosine_similarity(?, ?)", [vectors["dune.jpg"], vectors[match.key[0]]]
            ).fetchone()
            assert match.score == pytest.approx(in_sql, abs=1e-6)
        (top,) = conn.execute("select revimg_top('photos', ?, 1)", [vectors["dune.jpg"]]).fetchone()
        assert json.loads(top)[0]["path"] == "dune.jpg"


def test_similar_to_a_file_or_a_vector(database: Path, folder: Path) -> None:
    file = folder / "Pictures" / "forest.jpg"
    for query in (file, str(file)):
        match = datasette_revimg.similar(database, "photos", query, k=1)[0]
        assert match.key == ("forest.jpg",)
        assert match.score == pytest.approx(1, abs=1e-5)
    with closing(sqlite3.connect(database)) as conn:
        (blob,) = conn.execute(
            "select embedding from _revimg_photos where path = 'dune.jpg'"
        ).fetchone()
    for factor in (1, 1000):
        match = datasette_revimg.similar(
            database, "photos", np.frombuffer(blob, "<f4") * factor, k=1
        )[0]
        assert match.key == ("dune.jpg",)
        assert match.score == pytest.approx(1, abs=1e-6)


def test_conditions(database: Path) -> None:
    def keys(**options: object) -> list[str]:
        matches = datasette_revimg.similar(database, "photos", "beach.jpg", **options)  # type: ignore[arg-type]
        return [match.key[0] for match in matches]

    assert keys(where="format = ?", parameters=["PNG"]) == ["small/beach.png"]
    assert keys(where="width = :w", parameters={"w": 160}) == ["small/beach.png"]
    assert len(keys(k=2)) == 2
    every = datasette_revimg.similar(database, "photos", "beach.jpg")
    assert keys(minimum=every[1].score) == [match.key[0] for match in every[:2]]
    # Of ten pairs, the most similar one alone is above nine.
    assert keys(minimum="90%") == ["small/beach.png"]


def test_pictures_of_a_table(tmp_path: Path) -> None:
    """A compound key, and a column that is named because another one holds pictures too."""
    database = tmp_path / "museum.db"
    with closing(sqlite3.connect(database)) as conn, conn:
        conn.execute(
            "create table objects (room text, number integer, icon blob, photo blob, "
            "primary key (room, number))"
        )
        icon = scenes.saved(scenes.scene(9, (32, 32)), "PNG")
        conn.executemany(
            "insert into objects values (?, ?, ?, ?)",
            [
                ("A", 1, icon, scenes.saved(scenes.scene(1))),
                ("A", 2, icon, scenes.saved(scenes.scene(2))),
                ("B", 1, icon, scenes.saved(scenes.scene(1).rotate(2))),
            ],
        )
    summary = datasette_revimg.embed(database, "objects", column="photo", limit=2)
    assert summary.embedded == 2
    summary = datasette_revimg.embed(database, "objects")
    assert (summary.embedded, summary.unchanged) == (1, 2)
    matches = datasette_revimg.similar(database, "objects", ("A", 1))
    assert [match.key for match in matches] == [("B", 1), ("A", 2)]
    assert matches[0].row == {"room": "B", "number": 1}


def test_what_cannot_be_done(database: Path, folder: Path, tmp_path: Path) -> None:
    for words, call in {
        "no such database file": lambda: datasette_revimg.connect(tmp_path / "none.db"),
        "no table 'cats'": lambda: datasette_revimg.embed(database, "cats"),
        "no such file or folder": lambda: datasette_revimg.embed(
            tmp_path / "new.db", "photos", tmp_path / "gone"
        ),
        "neither the key": lambda: datasette_revimg.similar(database, "photos", "gone.jpg"),
        "there is no such file": lambda: datasette_revimg.similar(
            database, "photos", folder / "gone.jpg"
        ),
        "there is no row 7": lambda: datasette_revimg.similar(database, "photos", 7),
        "has no vector": lambda: datasette_revimg.similar(database, "photos", ("broken.png",)),
        "not a picture|damaged": lambda: datasette_revimg.similar(
            database, "photos", folder / "Pictures" / "broken.png"
        ),
        "no such column: colour": lambda: datasette_revimg.similar(
            database, "photos", "beach.jpg", where="colour = 1"
        ),
        r"shape \(3,\)": lambda: datasette_revimg.similar(database, "photos", np.ones(3)),
        "all zeros": lambda: datasette_revimg.similar(database, "photos", np.zeros(1024)),
        "can't be compared": lambda: datasette_revimg.embed(
            database, "photos", model=tiny_model(tmp_path)
        ),
    }.items():
        with pytest.raises(datasette_revimg.RevimgError, match=words):
            call()
    assert not (tmp_path / "new.db").exists()


def tiny_model(folder: Path) -> str:
    """Write a model of the user's own, which is not the one that the table has."""
    from kit.tiny_network import Tiny

    tiny = Tiny(folder / "tiny.onnx")
    tiny.describe()
    return str(tiny.save())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"column": "path"}, "column goes with"),
        ({"limit": 0}, "limit must be at least 1, not 0"),
        ({"threads": 0}, "threads must be at least 1"),
        (
            {"device": "tpu"},
            "device is one of auto, cpu, cuda, .* not 'tpu'",
        ),
    ],
)
def test_embed_with_senseless_arguments(
    tmp_path: Path, options: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        datasette_revimg.embed(tmp_path / "new.db", "photos", tmp_path, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="store goes with paths"):
        datasette_revimg.embed(tmp_path / "new.db", "photos", store=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"k": 0}, "k must be at least 1, not 0"),
        ({"minimum": 2}, "minimum is a cosine"),
        ({"minimum": "101%"}, "not '101%'"),
        ({"device": "tpu"}, "device is one of"),
    ],
)
def test_similar_with_senseless_arguments(
    database: Path, options: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        datasette_revimg.similar(database, "photos", "beach.jpg", **options)  # type: ignore[arg-type]


def test_the_examples_of_the_documentation(folder: Path, tmp_path: Path) -> None:
    """Each as a script of its own, in a folder with the reader's photos."""
    (tmp_path / "Pictures").mkdir()
    for name in NAMES:
        file = f"Pictures/{name}.jpg"
        (tmp_path / file).write_bytes((folder / file).read_bytes())
    printed = []
    for code in blocks("python", pages=[ROOT / "docs" / "python.md"]):
        script = tmp_path / "example.py"
        script.write_text(code, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout.splitlines())
    summary, *lines = printed[0]
    assert summary == "4 embedded, 0 failed"
    assert {line.split()[1] for line in lines} == {"dune.jpg", "forest.jpg", "harbour.jpg"}
    best = json.loads(printed[1][0])
    assert (best["path"], round(best["score"], 4)) == ("beach.jpg", 1.0)
    assert len(printed[1]) == 4
