"""``revimg_probability`` and ``revimg_label``, beside scikit-learn's own probabilities."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest
import sqlite_utils
from sklearn.linear_model import LogisticRegression

from datasette_revimg.store import classifiers, registry
from datasette_revimg.store.classifiers import StoredClassifier
from datasette_revimg.teaching import functions
from datasette_revimg.vectors.classifier import Classifier
from kit.taught import taught, vectors
from kit.vector_tables import DIMENSION

PROBABILITY = "revimg_probability('photos', 'kind', ?, embedding)"


def their_model(classes: int) -> tuple[LogisticRegression, Classifier]:
    """Return a classifier of scikit-learn's, and ours with its numbers."""
    matrix, kinds = vectors(60, spread=2.0)
    names = np.array([kind if classes == 3 else kind == "cat" for kind in kinds])
    model = LogisticRegression(C=100.0).fit(matrix, names)
    weights, biases = model.coef_, model.intercept_
    if classes == 2:
        weights, biases = np.vstack([0 * weights, weights]), np.append(0 * biases, biases)
    return model, Classifier(tuple(model.classes_.tolist()), weights, biases)


def keep(conn: sqlite3.Connection, classifier: Classifier, column: str = "kind") -> None:
    embedded = registry.require_embedded(conn, "photos")
    classifiers.write(conn, embedded, StoredClassifier(column, classifier, 0.9, 60, ""))


@pytest.fixture
def conn():
    with closing(taught(":memory:")) as conn:
        functions.register(conn)
        yield conn


@pytest.mark.parametrize("classes", [2, 3])
def test_equal_scikit_learns_probabilities(conn, classes):
    model, classifier = their_model(classes)
    keep(conn, classifier)
    matrix, _ = vectors(60)
    expected = model.predict_proba(matrix)
    labels = classifier.classes
    columns = ", ".join([PROBABILITY] * len(labels))
    got = conn.execute(f"select {columns} from _revimg_photos order by id", labels).fetchall()
    assert np.abs(np.array(got) - expected).max() < 1e-6
    best = "select revimg_label('photos', 'kind', embedding) from _revimg_photos order by id"
    assert [label for (label,) in conn.execute(best)] == model.predict(matrix).tolist()


def test_one_versus_rest(conn):
    matrix, kinds = vectors(60, spread=2.0)
    models = [
        LogisticRegression(C=100.0).fit(matrix, [kind == name for kind in kinds])
        for name in ("cat", "dog")
    ]
    weights = np.vstack([model.coef_ for model in models])
    biases = np.concatenate([model.intercept_ for model in models])
    keep(conn, Classifier(("cat", "dog"), weights, biases, several=True))
    expected = models[1].predict_proba(vectors(60)[0])[:, 1]
    got = conn.execute(f"select {PROBABILITY} from _revimg_photos order by id", ["dog"])
    assert np.abs(np.array([value for (value,) in got]) - expected).max() < 1e-6


def test_null_where_there_is_no_answer(conn):
    keep(conn, their_model(3)[1])
    unit = np.eye(DIMENSION, dtype="<f4")[0].tobytes()
    ask = "select revimg_probability(?, ?, ?, ?), revimg_label(?1, ?2, ?4)"
    assert None not in conn.execute(ask, ("PHOTOS", "Kind", "cat", unit)).fetchone()
    for arguments in (
        ("photos", "kind", "cat", None),
        ("photos", "kind", "cat", unit[:-4]),
        ("photos", "kind", "cat", bytes(len(unit))),
        ("photos", "kind", "cat", "text"),
        ("photos", "colour", "cat", unit),
        ("nothing", "kind", "cat", unit),
        (None, 3, "cat", unit),
        (b"photos", b"kind", "cat", unit),
    ):
        assert conn.execute(ask, arguments).fetchone() == (None, None)
    assert conn.execute(ask, ("photos", "kind", "horse", unit)).fetchone()[0] is None


def test_vectors_of_another_model_are_not_answered(conn):
    keep(conn, their_model(3)[1])
    conn.execute("update _revimg_tables set preprocessing = 'other'")
    answers = conn.execute(f"select distinct {PROBABILITY} from _revimg_photos", ["cat"])
    assert answers.fetchall() == [(None,)]


@pytest.mark.parametrize("damage", ["weights = x'00'", "biases = null", "classes = '[1'"])
def test_damage_is_not_answered(conn, damage):
    keep(conn, their_model(3)[1])
    conn.execute(f"update _revimg_classifiers set {damage}")
    answers = conn.execute(f"select distinct {PROBABILITY} from _revimg_photos", ["cat"])
    assert answers.fetchall() == [(None,)]


def test_what_is_learnt_anew_is_answered_at_once(tmp_path, monkeypatch):
    """Also when another connection has learnt it."""
    path = tmp_path / "photos.db"
    with closing(taught(path)) as conn, closing(sqlite3.connect(path)) as other:
        functions.register(conn)
        monkeypatch.setattr(functions.time, "monotonic", iter(range(1000)).__next__)
        model = their_model(3)[1]
        ask = f"select {PROBABILITY} from _revimg_photos where id = 0"
        assert conn.execute(ask, ["cat"]).fetchone() == (None,)
        keep(other, model)
        (first,) = conn.execute(ask, ["cat"]).fetchone()
        keep(other, Classifier(model.classes, 2 * model.weights, model.biases))
        (second,) = conn.execute(ask, ["cat"]).fetchone()
        keep(conn, model)
        assert conn.execute(ask, ["cat"]).fetchone() == (first,)
        assert first != second


def test_in_sqlite_utils(tmp_path):
    path = tmp_path / "photos.db"
    with closing(taught(path)) as conn:
        keep(conn, their_model(3)[1])
    database = sqlite_utils.Database(path)
    (row,) = database.query(
        "select revimg_label('photos', 'kind', embedding) as label from _revimg_photos where id = 1"
    )
    assert row == {"label": "dog"}
    database.close()
