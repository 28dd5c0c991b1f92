"""``datasette revimg classify``, and what follows from it: suggestions, and values on request."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from kit.command import error_of, run
from kit.pictures import mosaic, photos_database
from kit.taught import KINDS, taught, vectors
from kit.vector_tables import store


@pytest.fixture
def path(tmp_path):
    taught(tmp_path / "photos.db").close()
    return tmp_path / "photos.db"


def query(path, sql, *parameters):
    with closing(sqlite3.connect(path)) as conn, conn:
        return conn.execute(sql, parameters).fetchall()


def test_suggests_the_kind_of_the_other_rows(path):
    before = query(path, "select * from photos")
    text = run("classify", path, "photos", "--column", "KIND").stdout
    assert "photos: kind learnt from 30 examples, 195 parameters" in text
    assert "classes: cat 10, dog 10, owl 10" in text
    assert "30 other rows have a suggestion now" in text
    assert "always the most common: 33.3%" in text
    assert max(map(len, text.splitlines())) <= 80
    found = query(path, "select id, label, probability, second from _revimg_photos_predictions")
    assert {id_: label for id_, label, _, _ in found} == {
        id_: KINDS[id_ % 3] for id_ in range(30, 60)
    }
    assert all(probability > 0.5 and second in KINDS for _, _, probability, second in found)
    assert query(path, "select * from photos") == before


def test_json_and_csv_have_the_least_certain_first(path):
    rows = json.loads(run("classify", path, "photos", "--column=kind", "--format=json").stdout)
    assert [row["probability"] for row in rows] == sorted(row["probability"] for row in rows)
    assert {row["row"] for row in rows} == {str(id_) for id_ in range(30, 60)}
    text = run("classify", path, "photos", "--column=kind", "--format=csv").stdout
    assert [row["row"] for row in csv.DictReader(io.StringIO(text))] == [row["row"] for row in rows]


def test_apply_writes_what_is_likely_and_keeps_what_is_there(path):
    query(path, "update photos set kind = ' ' where id = 31")
    text = error_of("classify", path, "photos", "--column=kind", "--apply", "--above=0.5")
    assert text == (
        "Error: --apply would write to 30 rows of photos, and there is nobody to ask: add --yes to "
        "write them"
    )
    assert query(path, "select count(*) from photos where trim(kind) != ''") == [(30,)]
    found = run("classify", path, "photos", "--column=kind", "--apply", "--above=0.5", "--yes")
    assert "kind of photos: 30 suggestions written" in found.stderr
    kinds = dict(query(path, "select id, kind from photos"))
    assert kinds == {id_: KINDS[id_ % 3] for id_ in range(60)}
    found = run("classify", path, "photos", "--column=kind", "--apply", "--yes")
    assert "no suggestion has a probability of 0.95 or more" in found.stderr


def test_values_keep_their_type(path):
    query(path, "alter table photos add column stars integer")
    query(path, "update photos set stars = 1 + id % 3 where id < 30")
    run("classify", path, "photos", "--column=stars", "--apply", "--above=0.3", "--yes")
    assert query(path, "select id, stars from photos") == [(n, 1 + n % 3) for n in range(60)]


def test_several_labels_in_json_arrays(path):
    sets = {0: ["cat", "pet"], 1: ["dog", "pet"], 2: ["owl"]}
    for id_ in range(30):
        query(path, "update photos set tags = ? where id = ?", json.dumps(sets[id_ % 3]), id_)
    result = run("classify", path, "photos", "--column=tags", "--apply", "--above=0.5", "--yes")
    assert "tags learnt from 30 examples" in result.stdout
    assert "all labels right, cross-validated" in result.stdout
    found = dict(query(path, "select id, tags from photos where id >= 30"))
    right = [set(json.loads(found[id_])) == set(sets[id_ % 3]) for id_ in found]
    assert len(found) == 30
    assert np.mean(right) > 0.9


def test_embed_suggests_for_new_rows_and_says_what_has_changed(tmp_path):
    """By pictures, through the whole job: a run predicts what the last one didn't know."""
    path = photos_database(tmp_path / "own.db", {number: mosaic(number) for number in range(1, 6)})
    query(path, "alter table photos add column kind text")
    query(path, "update photos set kind = iif(id < 3, 'a', 'b') where id < 5")
    run("embed", path, "photos")
    run("classify", path, "photos", "--column=kind")
    assert query(path, "select id from _revimg_photos_predictions") == [(5,)]
    query(path, "insert into photos (id, image) select 6, image from photos where id = 5")
    assert "labels have changed" not in run("embed", path, "photos").stderr
    found = query(path, "select label, probability from _revimg_photos_predictions order by id")
    assert len(found) == 2
    assert found[0] == pytest.approx(found[1])
    query(path, "update photos set kind = 'b' where id in (1, 5)")
    assert (
        "photos: kind: its labels have changed since they were learnt: run `datasette revimg "
        "classify` again" in run("embed", path, "photos").stderr
    )
    assert query(path, "select id from _revimg_photos_predictions") == [(6,)]


def test_vectors_of_another_model_are_refused(path):
    run("classify", path, "photos", "--column=kind")
    assert "  kind: learnt from 30 examples, accuracy " in run("status", path).stdout
    query(path, "update _revimg_tables set weights_sha256 = 'f'")
    assert (
        "  kind: the classifier was learnt from vectors of test, which the table no longer has: "
        "run `datasette revimg classify` for 'kind' of 'photos'" in run("status", path).stdout
    )


def test_forget_forgets_what_was_learnt(path):
    run("classify", path, "photos", "--column=kind")
    run("forget", path, "photos")
    assert not query(
        path, "select name from sqlite_master where name like '\\_revimg%' escape '\\'"
    )


@pytest.mark.parametrize(
    ("sql", "column", "sentence"),
    [
        ("select 1", "size", "'photos' has no column 'size'; it has colour, picture, kind, tags"),
        ("select 1", "id", "'id' is the key of 'photos', and can't be learnt"),
        ("update photos set kind = null", "kind", "no row of 'photos' with a vector has a value"),
        ("update photos set kind = '  '", "kind", "no row of 'photos' with a vector has a value"),
        ("update photos set kind = 'cat'", "kind", "all examples in 'kind' of 'photos' are 'cat'"),
        ("update photos set kind = id", "kind", "'kind' of 'photos' has 60 different values"),
        ("update photos set kind = 'x' where id = 4", "kind", "has too few of 'x': label more"),
        (
            "update photos set kind = x'00' where id = 4",
            "kind",
            "row 4 of 'photos' has a BLOB in 'kind', which is no label",
        ),
        (
            "update photos set tags = iif(id = 7, '[1', '[\"a\"]') where id < 20",
            "tags",
            "row 7 of 'photos' has '[1', which is no JSON array of labels as the other rows have",
        ),
        ("update photos set tags = '[]' where id < 9", "tags", "all arrays in 'tags' of 'photos'"),
        (
            "delete from _revimg_photos where id < 30",
            "kind",
            "no row of 'photos' with a vector has a value in 'kind'",
        ),
    ],
)
def test_too_little_to_learn_from(path, sql, column, sentence):
    query(path, sql)
    assert sentence in error_of("classify", path, "photos", "--column", column)
    assert not query(path, "select 1 from sqlite_master where name = '_revimg_classifiers'")


def test_options_that_go_together(path):
    result = run("classify", path, "photos", "--column=kind", "--above=0.9", status=2)
    assert "--above and --yes go with --apply" in result.stderr


def test_without_scikit_learn(path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.linear_model", None)
    assert "datasette install 'datasette-revimg[teach]'" in error_of(
        "classify", path, "photos", "--column=kind"
    )


def test_a_key_column_called_label(tmp_path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("create table photos (label text primary key, kind text, picture blob)")
        matrix, kinds = vectors(12)
        conn.executemany("insert into photos (label, kind) values (?, ?)", enumerate(kinds))
        conn.commit()
        store(conn, "photos", {(str(n),): vector for n, vector in enumerate(matrix)})
    assert "a name that the table of its predictions needs" in error_of(
        "classify", path, "photos", "--column=kind"
    )
