"""``embed --labels``: ImageNet's classes, told by a network whose answers are known.

It stands for the installed VGG16 and tells the colour of a picture: each of red, green and blue
has classes of its own, with scores of its own.
"""

from __future__ import annotations

import io
import json
import sqlite3
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from datasette_revimg.models import labels
from datasette_revimg.models.catalogue import Installed
from datasette_revimg.store import connection, reading
from kit.asking import IS_1, cookies
from kit.command import error_of, run, summary

SCORES = (0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625)

# By colour: the classes of the scores above, as index and name. The last one is one too many.
CLASSES = {
    "red": {
        281: "tabby",
        999: "toilet tissue",
        0: "tench",
        517: "crane",
        134: "crane bird",
        340: "zebra",
    },
    "lime": {
        638: "maillot",
        639: "maillot tank suit",
        474: "cardigan",
        263: "Pembroke",
        264: "Cardigan Welsh corgi",
        1: "goldfish",
    },
    "blue": {
        404: "airliner",
        817: "sports car",
        207: "golden retriever",
        388: "giant panda",
        285: "Egyptian cat",
        954: "banana",
    },
}


def expected(colour: str) -> list[tuple[str, float]]:
    return list(zip(CLASSES[colour].values(), SCORES, strict=True))[:5]


def png(colour: str, size: tuple[int, int] = (40, 30)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def network(file: Path, *, top: bool) -> None:
    """Mean colours → fc2 by a random matrix, predictions by the one above."""
    predictions = np.zeros((3, 1000), np.float32)
    for channel, classes in zip(predictions, CLASSES.values(), strict=True):
        channel[list(classes)] = SCORES
    fc2 = np.random.default_rng(3).random((3, 4096), np.float32)
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("Div", ["means", "white"], ["colours"]),
        helper.make_node("MatMul", ["colours", "dense"], ["long"]),
        helper.make_node("LpNormalization", ["long"], ["fc2"], axis=1, p=2),
    ]
    outputs = {"fc2": 4096}
    if top:
        nodes.append(helper.make_node("MatMul", ["colours", "classes"], ["predictions"]))
        outputs["predictions"] = 1000
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", 224, 224, 3])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width])
            for name, width in outputs.items()
        ],
        initializer=[
            numpy_helper.from_array(array, name)
            for name, array in {
                "white": np.array(255, np.float32),
                "dense": fc2,
                "classes": predictions,
            }.items()
        ],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), file)


def install(folder: Path, *, top: bool = True) -> None:
    record = Installed(
        file="vgg16-colours.onnx",
        sha256="c" * 64,
        source="colours",
        source_sha256="0" * 64,
        licence="CC0",
        preprocessing="caffe",
        float16=False,
        top=top,
    )
    network(folder / record.file, top=top)
    (folder / "vgg16.json").write_text(json.dumps(asdict(record)))


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A folder of models, with nothing in it."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("DATASETTE_REVIMG_MODELS", str(folder))
    return folder


@pytest.fixture
def installed(models):
    install(models)


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "photos.db"
    with sqlite3.connect(path) as conn:
        conn.execute("create table photos (id integer primary key, image blob)")
        conn.executemany(
            "insert into photos values (?, ?)",
            [(n, png(colour)) for n, colour in enumerate(CLASSES, start=1)],
        )
    return path


def embed(*arguments: object, status: int = 0) -> str:
    """The last line, without the speed."""
    return summary(run("embed", *arguments, status=status).stdout)


def change(database: Path, sql: str, *parameters: object) -> None:
    with sqlite3.connect(database) as conn:
        conn.execute(sql, parameters)


def stored(database: Path, table: str = "photos") -> dict:
    """The labels by key, in the order of their scores."""
    found: dict = {}
    conn = sqlite3.connect(database)
    for *key, label, score in conn.execute(
        f'select * from "_revimg_{table}_labels" order by score desc'
    ):
        found.setdefault(tuple(key), []).append((label, score))
    return found


def schema(database: Path, table: str) -> list[tuple]:
    """(name, type, place in the primary key) of every column."""
    conn = sqlite3.connect(database)
    info = conn.execute("select name, type, pk from pragma_table_info(?)", [table])
    return info.fetchall()


RED_LIME_BLUE = {
    (1,): expected("red"),
    (2,): expected("lime"),
    (3,): expected("blue"),
}


def test_names():
    names = labels.class_names()
    assert len(names) == 1000
    # Also for a reader who doesn't look at the case.
    assert len({name.lower() for name in names}) == 1000
    assert all(name == name.strip() != "" for name in names)
    for classes in CLASSES.values():
        assert {index: names[index] for index in classes} == classes


def test_best_of_equals_are_always_the_same():
    probabilities = np.zeros((2, 1000), np.float32)
    probabilities[1, 700:] = 0.5
    names = labels.class_names()
    assert labels.best(probabilities) == [
        [(name, 0.0) for name in names[:5]],
        [(name, 0.5) for name in names[700:705]],
    ]


def test_five_labels_of_each_picture(installed, database):
    assert embed(database, "photos", "--labels") == (
        "photos: 3 embedded, 0 unchanged, 0 failed, 0 removed"
    )
    assert stored(database) == RED_LIME_BLUE
    assert schema(database, "_revimg_photos_labels") == [
        ("id", "INTEGER", 1),
        ("label", "TEXT", 2),
        ("score", "REAL", 0),
    ]


def test_same_vectors_with_labels_and_without(installed, database):
    def vectors():
        return next(reading.vectors(connection.connect(database), "photos"))[1]

    embed(database, "photos", "--labels")
    with_labels = vectors()
    embed(database, "photos", "--replace")
    assert np.array_equal(vectors(), with_labels)
    assert not schema(database, "_revimg_photos_labels")


def test_mixed_colours(installed, database):
    """Scores are what the network says, in its own numbers."""
    change(database, "update photos set image = ? where id = 1", png("#ff8000"))
    embed(database, "photos", "--labels")
    green = np.float32(128) / np.float32(255)
    assert stored(database)[(1,)] == [
        ("tabby", 0.5),
        ("maillot", pytest.approx(green * 0.5)),
        ("toilet tissue", 0.25),
        ("maillot tank suit", pytest.approx(green * 0.25)),
        ("tench", 0.125),
    ]


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_batches(installed, database, batch_size):
    embed(database, "photos", "--labels", "--batch-size", batch_size)
    assert stored(database) == RED_LIME_BLUE


def test_again_computes_nothing(installed, database):
    embed(database, "photos", "--labels")
    assert embed(database, "photos", "--labels") == (
        "photos: 0 embedded, 3 unchanged, 0 failed, 0 removed"
    )
    assert embed(database, "photos") == "photos: 0 embedded, 3 unchanged, 0 failed, 0 removed"
    assert stored(database) == RED_LIME_BLUE


def test_labels_later(installed, database):
    embed(database, "photos")
    assert not schema(database, "_revimg_photos_labels")
    first = embed(database, "photos", "--labels", "--limit", 2, "--batch-size", 1)
    assert first.startswith("photos: 2 embedded")
    assert stored(database) == {key: RED_LIME_BLUE[key] for key in [(1,), (2,)]}
    assert embed(database, "photos", "--labels") == (
        "photos: 1 embedded, 2 unchanged, 0 failed, 0 removed"
    )
    assert stored(database) == RED_LIME_BLUE


def test_changed_removed_and_failed_pictures(installed, database):
    embed(database, "photos", "--labels")
    change(database, "update photos set image = ? where id = 1", png("blue"))
    change(database, "delete from photos where id = 2")
    change(database, "update photos set image = x'00' where id = 3")
    assert embed(database, "photos", "--labels") == (
        "photos: 1 embedded, 0 unchanged, 1 failed, 1 removed"
    )
    assert stored(database) == {(1,): expected("blue")}
    change(database, "update photos set image = null where id = 1")
    embed(database, "photos", "--labels", status=1)
    assert stored(database) == {}


def test_without_labels_no_stale_ones_stay(installed, database):
    embed(database, "photos", "--labels")
    change(database, "update photos set image = ? where id = 1", png("lime", (8, 8)))
    change(database, "delete from photos where id = 2")
    assert embed(database, "photos") == "photos: 1 embedded, 1 unchanged, 0 failed, 1 removed"
    assert stored(database) == {(3,): expected("blue")}
    embed(database, "photos", "--labels")
    assert stored(database) == {(1,): expected("lime"), (3,): expected("blue")}


def test_one_transaction_with_the_vectors(installed, database):
    embed(database, "photos", "--labels")
    conn = connection.connect(database)
    before = reading.vector(conn, "photos", (1,))
    change(database, "update photos set image = ? where id = 1", png("blue"))
    change(
        database,
        "create trigger full before insert on _revimg_photos_labels "
        "begin select raise(abort, 'no more labels'); end",
    )
    assert "no more labels" in error_of("embed", database, "photos", "--labels")
    assert np.array_equal(reading.vector(conn, "photos", (1,)), before)
    assert stored(database) == RED_LIME_BLUE


@pytest.mark.parametrize(
    ("columns", "key_schema", "keys"),
    [
        (
            "b integer, a text, image blob, primary key (b, a)",
            [("b", "INTEGER", 1), ("a", "TEXT", 2)],
            [(1, "x"), (1, "y"), (2, "x")],
        ),
        ('"odd "" name" text primary key, image blob', [('odd " name', "TEXT", 1)], None),
        ("id blob primary key, image blob", [("id", "BLOB", 1)], [(b"",), (b"\0",), (b"a",)]),
        ("image blob", [("rowid_", "INTEGER", 1)], None),
        ("label text, score integer, image blob", [("rowid_", "INTEGER", 1)], None),
    ],
)
def test_any_key(installed, tmp_path, columns, key_schema, keys):
    database = tmp_path / "keys.db"
    names = [name.replace('"', '""') for name, _, _ in key_schema]
    with sqlite3.connect(database) as conn:
        conn.execute(f'create table "my photos" ({columns})')
        if names == ["rowid_"]:
            names, keys = ["rowid"], [(1,), (2,), (5,)]
        keys = keys or [("a/b",), ("é",), ("",)]
        quoted = ", ".join(f'"{name}"' for name in names)
        marks = ", ".join("?" * len(names))
        for key, colour in zip(keys, CLASSES, strict=True):
            conn.execute(
                f'insert into "my photos" ({quoted}, image) values ({marks}, ?)',
                [*key, png(colour)],
            )
    embed(database, "my photos")
    assert embed(database, "my photos", "--labels").startswith("my photos: 3 embedded")
    assert embed(database, "my photos", "--labels").startswith("my photos: 0 embedded, 3 unch")
    assert stored(database, "my photos") == {
        key: expected(colour) for key, colour in zip(keys, CLASSES, strict=True)
    }
    assert schema(database, "_revimg_my photos_labels") == [
        *key_schema,
        ("label", "TEXT", len(key_schema) + 1),
        ("score", "REAL", 0),
    ]
    change(database, 'delete from "my photos" where rowid = (select max(rowid) from "my photos")')
    assert embed(database, "my photos").endswith("1 removed")
    assert len(stored(database, "my photos")) == 2


def test_files(installed, tmp_path):
    folder = tmp_path / "pictures" / "in"
    folder.mkdir(parents=True)
    for colour in CLASSES:
        (folder / f"{colour}.png").write_bytes(png(colour))
    database = tmp_path / "files.db"
    embed(database, "files", folder)
    # The files are untouched, but they have no labels yet.
    assert embed(database, "files", folder, "--labels").startswith("files: 3 embedded")
    assert embed(database, "files", folder, "--labels").startswith("files: 0 embedded, 3 unchanged")
    (folder / "red.png").unlink()
    (folder / "lime.png").write_bytes(b"no picture")
    assert embed(database, "files", folder, "--labels") == (
        "files: 0 embedded, 1 unchanged, 1 failed, 1 removed"
    )
    assert stored(database, "files") == {("blue.png",): expected("blue")}
    # Paths that start elsewhere take their labels along.
    embed(database, "files", folder, "--base-dir", folder.parent)
    assert stored(database, "files") == {("in/blue.png",): expected("blue")}


def test_paths_start_elsewhere_without_labels(installed, tmp_path):
    folder = tmp_path / "pictures" / "in"
    folder.mkdir(parents=True)
    (folder / "red.png").write_bytes(png("red"))
    database = tmp_path / "files.db"
    embed(database, "files", folder)
    assert embed(database, "files", folder, "--base-dir", folder.parent).startswith(
        "files: 0 embedded, 1 unchanged"
    )


def test_forget_and_replace(installed, database):
    embed(database, "photos", "--labels")
    embed(database, "photos", "--labels", "--replace")
    assert stored(database) == RED_LIME_BLUE
    run("forget", database, "photos")
    left = sqlite3.connect(database).execute("select name from sqlite_master").fetchall()
    assert left == [("photos",)]


def test_name_in_other_letters(installed, database):
    """SQLite doesn't mind."""
    embed(database, "photos", "--labels")
    change(database, "alter table photos rename to other")
    change(database, "alter table other rename to Photos")
    change(database, "update Photos set image = ? where id = 1", png("blue"))
    change(database, "delete from Photos where id = 2")
    assert embed(database, "PHOTOS") == "Photos: 1 embedded, 1 unchanged, 0 failed, 1 removed"
    assert stored(database) == {(3,): expected("blue")}


def test_status_is_the_same(installed, database):
    def status() -> str:
        return run("status", database).stdout.split(", updated")[0]

    embed(database, "photos")
    without = status()
    embed(database, "photos", "--labels")
    assert status() == without
    assert "3 of 3 rows embedded" in without


@pytest.mark.parametrize("column", ["label", "Score"])
def test_key_columns_of_that_name(installed, tmp_path, column):
    database = tmp_path / "keys.db"
    with sqlite3.connect(database) as conn:
        conn.execute(f"create table photos ({column} text primary key, image blob)")
        conn.execute("insert into photos values ('a', ?)", [png("red")])
    embed(database, "photos")
    for options in (["--labels"], ["--labels", "--replace"]):
        error = error_of("embed", database, "photos", *options)
        assert f"key column named {column.lower()!r}" in error
        assert "without --labels" in error
        assert "1 of 1 rows embedded" in run("status", database).stdout


@pytest.mark.parametrize("name", ["photos_labels", "photos_Labels"])
def test_table_names_that_collide(installed, database, name):
    embed(database, "photos", "--labels")
    change(database, f"create table {name} (id integer primary key, image blob)")
    change(database, f"insert into {name} select * from photos")
    assert "is taken" in error_of("embed", database, name)
    assert stored(database) == RED_LIME_BLUE


def test_bundled_network_has_no_classes(models, database):
    error = error_of("embed", database, "photos", "--labels")
    assert error == (
        "Error: vgg16-rmac knows no classes, --labels needs the whole network: run `datasette "
        "revimg install vgg16-fc2`, embed with --model vgg16-fc2, and with --replace where there "
        "are vectors already"
    )
    embed(database, "photos")
    install(models)
    error = error_of("embed", database, "photos", "--labels")
    assert "network: embed with --model vgg16-fc2, and with --replace" in error
    error = error_of("embed", database, "photos", "--labels", "--model", "vgg16-rmac")
    assert "knows no classes" in error
    assert "vgg16-rmac" in run("status", database).stdout
    assert not schema(database, "_revimg_photos_labels")
    embed(database, "photos", "--labels", "--model", "vgg16-fc2", "--replace")
    assert stored(database) == RED_LIME_BLUE


def test_installed_weights_without_the_last_layer(models, database):
    install(models, top=False)
    embed(database, "photos")
    for options in ([], ["--replace"]):
        error = error_of("embed", database, "photos", "--labels", *options)
        assert error == (
            "Error: the installed weights (colours) are without the last layer, which --labels "
            "needs: `datasette revimg install vgg16-fc2` installs weights that have it"
        )
    assert "3 of 3 rows embedded" in run("status", database).stdout


@pytest.mark.asyncio
async def test_facet(installed, database, serve):
    change(database, "insert into photos values (4, ?)", png("red", (9, 9)))
    embed(database, "photos", "--labels")
    ds = serve(database)
    path = "/photos/_revimg_photos_labels"
    body = (await ds.client.get(f"{path}.json?_facet=label&_extra=facet_results")).json()
    facets = body["facet_results"]
    counts = {
        result["value"]: result["count"]
        for result in (facets["results"] if IS_1 else facets)["label"]["results"]
    }
    assert len(counts) == 15
    assert counts["tabby"] == counts["crane bird"] == 2
    assert counts["maillot"] == counts["maillot tank suit"] == counts["airliner"] == 1
    assert "tabby" in (await ds.client.get(f"{path}?_facet=label")).text
    # The labels of a picture, and the pictures of a label.
    rows = (await ds.client.get(f"{path}.json?label=tabby&_shape=array&_col=id")).json()
    assert {row["id"] for row in rows} == {1, 4}


@pytest.mark.asyncio
async def test_as_private_as_the_table(installed, database, serve):
    embed(database, "photos", "--labels")
    ann = {"id": "ann"}
    tables = {"photos": {"allow": ann}, "_revimg_photos_labels": {"allow": True}}
    # Who may run SQL is told the names of all tables.
    config = {"databases": {"photos": {"tables": tables}}, "allow_sql": ann}
    ds = serve(database, config=config)
    for path in (
        "/photos/_revimg_photos_labels",
        "/photos/_revimg_photos_labels.json?_facet=label",
        "/photos/_revimg_photos_labels.csv?_stream=1",
        "/photos/_revimg_photos_labels/1,tabby",
    ):
        for actor, status in ((None, 403), ("bob", 403), ("ann", 200)):
            response = await ds.client.get(path, cookies=cookies(ds, actor) if actor else {})
            assert response.status_code == status, (path, actor)
    assert "labels" not in (await ds.client.get("/photos.json")).text
