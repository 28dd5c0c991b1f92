"""The table of labels, beside tables with any key, name and origin, and in Datasette."""

import sqlite3

import pytest

from kit.asking import IS_1, cookies
from kit.colour_network import (
    CLASSES,
    RED_LIME_BLUE,
    change,
    embed,
    expected,
    plain,
    schema,
    stored,
)
from kit.command import error_of, run


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
                [*key, plain(colour)],
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
        (folder / f"{colour}.png").write_bytes(plain(colour))
    database = tmp_path / "files.db"
    embed(database, "files", folder)
    # The files are untouched, but they have no labels yet.
    assert embed(database, "files", folder, "--labels").startswith("files: 3 embedded")
    assert embed(database, "files", folder, "--labels").startswith("files: 0 embedded, 3 unchanged")
    (folder / "red.png").unlink()
    (folder / "lime.png").write_bytes(b"no picture")
    assert embed(database, "files", folder, "--labels") == (
        "files: 0 embedded, 1 unchanged, 1 failed, 0 removed, 1 missing"
    )
    # A file that is gone may come back, and keeps its labels until it is pruned.
    kept = {"blue.png": expected("blue"), "red.png": expected("red")}
    assert stored(database, "files") == {(path,): labels for path, labels in kept.items()}
    # Paths that start elsewhere take their labels along.
    embed(database, "files", folder, "--base-dir", folder.parent)
    assert stored(database, "files") == {(f"in/{path}",): labels for path, labels in kept.items()}
    embed(database, "files", folder, "--base-dir", folder.parent, "--prune", "--yes")
    assert stored(database, "files") == {("in/blue.png",): expected("blue")}


def test_paths_start_elsewhere_without_labels(installed, tmp_path):
    folder = tmp_path / "pictures" / "in"
    folder.mkdir(parents=True)
    (folder / "red.png").write_bytes(plain("red"))
    database = tmp_path / "files.db"
    embed(database, "files", folder)
    assert embed(database, "files", folder, "--base-dir", folder.parent).startswith(
        "files: 0 embedded, 1 unchanged"
    )


def test_forget_and_replace(installed, coloured):
    embed(coloured, "photos", "--labels")
    embed(coloured, "photos", "--labels", "--replace")
    assert stored(coloured) == RED_LIME_BLUE
    run("forget", coloured, "photos")
    left = sqlite3.connect(coloured).execute("select name from sqlite_master").fetchall()
    assert left == [("photos",)]


def test_name_in_other_letters(installed, coloured):
    """SQLite doesn't mind."""
    embed(coloured, "photos", "--labels")
    change(coloured, "alter table photos rename to other")
    change(coloured, "alter table other rename to Photos")
    change(coloured, "update Photos set image = ? where id = 1", plain("blue", (41, 30)))
    change(coloured, "delete from Photos where id = 2")
    assert embed(coloured, "PHOTOS") == "Photos: 1 embedded, 1 unchanged, 0 failed, 1 removed"
    assert stored(coloured) == {(3,): expected("blue")}


def test_status_is_the_same(installed, coloured):
    def status() -> str:
        return run("status", coloured).stdout.split(", updated")[0]

    embed(coloured, "photos")
    without = status()
    embed(coloured, "photos", "--labels")
    assert status() == without
    assert "3 of 3 rows embedded" in without


@pytest.mark.parametrize("column", ["label", "Score"])
def test_key_columns_of_that_name(installed, tmp_path, column):
    database = tmp_path / "keys.db"
    with sqlite3.connect(database) as conn:
        conn.execute(f"create table photos ({column} text primary key, image blob)")
        conn.execute("insert into photos values ('a', ?)", [plain("red")])
    embed(database, "photos")
    for options in (["--labels"], ["--labels", "--replace"]):
        error = error_of("embed", database, "photos", *options)
        assert f"key column named {column.lower()!r}" in error
        assert "without --labels" in error
        assert "1 of 1 rows embedded" in run("status", database).stdout


@pytest.mark.parametrize("name", ["photos_labels", "photos_Labels"])
def test_table_names_that_collide(installed, coloured, name):
    embed(coloured, "photos", "--labels")
    change(coloured, f"create table {name} (id integer primary key, image blob)")
    change(coloured, f"insert into {name} select id, image from photos")
    assert "is taken" in error_of("embed", coloured, name)
    assert stored(coloured) == RED_LIME_BLUE


@pytest.mark.asyncio
async def test_facet(installed, coloured, serve):
    change(coloured, "insert into photos (id, image) values (4, ?)", plain("red", (9, 9)))
    embed(coloured, "photos", "--labels")
    ds = serve(coloured)
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
async def test_as_private_as_the_table(installed, coloured, serve):
    embed(coloured, "photos", "--labels")
    ann = {"id": "ann"}
    tables = {"photos": {"allow": ann}, "_revimg_photos_labels": {"allow": True}}
    # Anyone who may run SQL sees the names of all tables.
    config = {"databases": {"photos": {"tables": tables}}, "allow_sql": ann}
    ds = serve(coloured, config=config)
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
