"""A database whose vectors lie in one plane at known angles.

So geometry, not the program under test, says which are the most similar and what their cosines
are.
"""

from __future__ import annotations

import hashlib
import math
import sqlite3
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from datasette_revimg.pictures import decoding
from datasette_revimg.pictures.orientations import OTHERS
from datasette_revimg.store import (
    calibrations,
    classifiers,
    code_tables,
    comparisons,
    decisions,
    duplicates,
    orientations,
    own_tables,
    predictions,
    reading,
    tables,
    upkeep,
    writing,
)
from datasette_revimg.store.classifiers import StoredClassifier
from datasette_revimg.store.decisions import Decision
from datasette_revimg.store.duplicates import Member
from datasette_revimg.store.registry import EmbeddedTable
from datasette_revimg.store.sql import quote, quote_all
from datasette_revimg.store.tables import Table
from datasette_revimg.store.writing import Embedding, Failure
from datasette_revimg.vectors.calibration import Calibration
from datasette_revimg.vectors.classifier import Classifier
from datasette_revimg.vectors.rounded import round_vectors
from kit.pictures import encoded

DIMENSION = 16

# Degrees, by id. No two rows are equally far from row 1, and ids say nothing about the order.
ANGLES = {1: 0, 2: 64, 3: 4, 4: 121, 5: 25, 6: 9, 7: 100, 8: 1, 9: 49, 10: 16, 11: 81, 12: 36}

NO_PICTURE, DAMAGED = 13, 14

TITLES = {3: "<script>alert('title')</script>"}

# Keys that an address has to encode, by the id of the picture that the row has.
AWKWARD = {
    1: "a/b",
    2: "~tilde",
    3: "dot.json",
    4: "50%",
    5: "a b",
    6: "é,ü",
    7: "<b>&\"'",
    8: "-",
    9: "q?x=1#y",
}


def vector(degrees: float) -> np.ndarray:
    """Return the unit vector at this angle, in a plane that leans through all dimensions."""
    basis, _ = np.linalg.qr(np.random.default_rng(7).normal(size=(DIMENSION, 2)))
    turn = math.radians(degrees)
    return (basis @ [math.cos(turn), math.sin(turn)]).astype(np.float32)


def cosine(first: int, second: int) -> float:
    """Return the cosine of the vectors of two photos."""
    return math.cos(math.radians(ANGLES[first] - ANGLES[second]))


def share_below(score: float) -> float:
    """Return the percentage of pairs of photos whose cosine is smaller."""
    pairs = [cosine(first, second) for first, second in combinations(ANGLES, 2)]
    return 100 * sum(other < score - 1e-9 for other in pairs) / len(pairs)


def nearest(query: int, ids: Any = ANGLES) -> list[int]:
    """Return the ids of the other rows, the most similar first."""
    others = [other for other in ids if other != query]
    return sorted(others, key=lambda other: -cosine(query, other))


def png(number: int) -> bytes:
    """Return the file of a small picture: wide for even numbers, tall for odd ones."""
    size = (60, 40) if number % 2 == 0 else (40, 60)
    return encoded(Image.new("RGB", size, (number * 20 % 256, 90, 160)))


def entry(key: tuple[Any, ...], number: int) -> Embedding:
    """Return what is stored for a row with the picture of this number."""
    picture = decoding.decode(png(number))
    return Embedding(
        key,
        vector(ANGLES[number]),
        hashlib.sha256(png(number)).digest(),
        picture.thumbnail,
        picture.width,
        picture.height,
        [("tench", 0.75), ("goldfish", number / 100)],
    )


def embed(
    conn: sqlite3.Connection,
    table: str,
    column: str,
    keys: dict[int, tuple[Any, ...]],
    kind: str = "blob",
    failures: list[Failure] | None = None,
) -> None:
    """Store the vectors of a table's rows; ``keys`` gives the key that each picture has."""
    source = tables.find(conn, table)
    record = EmbeddedTable(
        table_name=table,
        column_name=column,
        kind=kind,
        base_dir=None,
        model="vgg16-rmac",
        weights_sha256="0" * 64,
        dimension=DIMENSION,
        preprocessing="vgg16",
    )
    writing.prepare(conn, source, record, labels=True)
    writing.write(
        conn, source, [entry(key, number) for number, key in keys.items()], failures or []
    )
    # So small a table is searched without codes; the pages shall go through them.
    assert upkeep.rebuild(conn, source)
    upkeep.finish(conn, source)
    compare(conn, source, record)


def compare(conn: sqlite3.Connection, source: Table, record: EmbeddedTable) -> None:
    """Record what the other commands would: a group of the first two, a decision, a classifier.

    A run would find no pair of them: each is of one colour.
    """
    comparisons.start(conn, source, record, 0.1)
    compared = dict.fromkeys(content for _, content in reading.content_hashes(conn, source))
    similar = comparisons.Pairs(np.array([1]), np.array([2]), np.array([0.5]))
    state = code_tables.read_state(conn, source.name)
    comparisons.add(
        conn,
        source.name,
        list(enumerate(compared, start=1)),
        [],
        similar,
        revision=state.revision if state else None,
    )
    members = [
        Member(1, key, content, 0.5, "similar", number == 0, "the first of equals")
        for number, (key, content) in enumerate(reading.content_hashes(conn, source)[:2])
    ]
    duplicates.write(conn, source, members)
    if len(compared) > 1:
        first, second = list(compared)[:2]
        decisions.record(conn, source.name, [Decision(first, second, decisions.SAME)], "root")
    orientations.start(conn, source, record)
    turned = np.repeat(vector(0)[np.newaxis], len(OTHERS), axis=0)
    orientations.write(
        conn, source, record, [(content, round_vectors(turned)) for content in compared]
    )
    chance = np.linspace(0.1, 0.9, 50, dtype=np.float32)
    calibrations.write(conn, record, Calibration(chance, {"mirrored": chance}, len(compared)))
    weights = np.ones((2, record.dimension))
    column = next(name for name in source.columns if name not in source.key_columns)
    learnt = StoredClassifier(column, Classifier(("a", "b"), weights, np.zeros(2)), 0.5, 2, "")
    classifiers.write(conn, record, learnt)
    predictions.predict(conn, source, learnt)
    keys = quote_all(source.stored_columns)
    # No row of some tables is without a label.
    with conn:
        conn.execute(
            f"insert or ignore into {quote(own_tables.predictions_table(source.name))} "
            f"({keys}, [column], label, probability) select {keys}, ?, 'a', 0.75 "
            f"from {quote(own_tables.vectors_table(source.name))} order by {keys} limit 1",
            [column],
        )


def build(file: Path) -> None:
    """Create a database of tables with every kind of key, all embedded but ``plain``."""
    conn = sqlite3.connect(file)
    conn.executescript(
        """
        create table photos (
            id integer primary key, title text, colour text, year integer, picture blob
        );
        create table awkward (name text primary key, picture blob);
        create table pairs (a integer, b text, picture blob, primary key (a, b));
        create table keyless (picture blob, words text);
        create table files (path text primary key, name text, place integer);
        create table plain (id integer primary key, picture blob);
        create table artists (id integer primary key, name text, token blob);
        """
    )
    for number in ANGLES:
        title = TITLES.get(number, f"Picture {number}")
        colour = "red" if number % 2 else "blue"
        conn.execute(
            "insert into photos values (?, ?, ?, ?, ?)",
            [number, title, colour, 1980 + number, png(number)],
        )
        conn.execute("insert into pairs values (?, ?, ?)", [number, f"b/{number}", png(number)])
        conn.execute("insert into keyless values (?, ?)", [png(number), f"word {number}"])
        conn.execute(
            "insert into files values (?, ?, ?)", [f"in/{number}.png", f"{number}.png", number]
        )
    conn.execute("insert into photos values (?, 'no picture', 'red', 1999, null)", [NO_PICTURE])
    conn.execute("insert into photos values (?, 'damaged', 'red', 1999, x'00')", [DAMAGED])
    conn.execute("insert into plain values (1, ?)", [png(1)])
    conn.execute("insert into artists values (1, 'Ann', x'00')")
    for number, key in AWKWARD.items():
        conn.execute("insert into awkward values (?, ?)", [key, png(number)])
    conn.commit()
    embed(
        conn,
        "photos",
        "picture",
        {number: (number,) for number in ANGLES},
        failures=[Failure((DAMAGED,), "damaged picture: truncated")],
    )
    embed(conn, "awkward", "picture", {number: (key,) for number, key in AWKWARD.items()})
    embed(conn, "pairs", "picture", {number: (number, f"b/{number}") for number in ANGLES})
    embed(conn, "keyless", "picture", {number: (number,) for number in ANGLES})
    embed(conn, "files", "path", {number: (f"in/{number}.png",) for number in ANGLES}, kind="path")
    conn.close()
