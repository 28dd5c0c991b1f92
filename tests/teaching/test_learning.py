"""A last layer that is learnt: as good as scikit-learn's own, calibrated, the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from datasette_revimg.teaching import learning
from datasette_revimg.teaching.examples import Examples
from kit.taught import clouds


def examples_of(vectors: np.ndarray, places: np.ndarray) -> Examples:
    number = int(places.max()) + 1
    members = np.eye(number, dtype=bool)[places]
    names = tuple(f"class {place}" for place in range(number))
    return Examples(names, vectors, members, False, len(vectors), "")


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("each", [5, 50])
def test_as_accurate_as_scikit_learn_on_the_raw_vectors(classes, each):
    vectors, places = clouds(classes * each, classes, spread=2.0)
    unseen, truth = clouds(3000, classes, spread=2.0, seed=1)
    learnt = learning.learn(examples_of(vectors, places), seed=0)
    theirs = LogisticRegression(C=learnt.strength, max_iter=5000).fit(vectors, places)
    ours = learnt.classifier.probabilities(unseen).argmax(axis=1)
    assert np.mean(ours == truth) >= np.mean(theirs.predict(unseen) == truth) - 0.01


def test_without_calibration_it_is_scikit_learns_own_classifier(monkeypatch):
    """The way over the span of the examples, and of two classes the half of each side."""
    for classes in (2, 4):
        vectors, places = clouds(40, classes, dimension=300, spread=2.0)
        count = np.ones(classes), np.zeros(classes)
        monkeypatch.setattr(learning, "calibration", lambda *_, count=count: count)
        learnt = learning.learn(examples_of(vectors, places), seed=0)
        theirs = LogisticRegression(C=learnt.strength, tol=1e-10, max_iter=10_000)
        expected = theirs.fit(vectors, places).predict_proba(vectors)
        got = learnt.classifier.probabilities(vectors)
        assert np.allclose(got, expected, atol=2e-3)


def test_probabilities_are_calibrated_on_rows_it_has_not_seen():
    vectors, places = clouds(600, 3, spread=3.0)
    unseen, truth = clouds(30_000, 3, spread=3.0, seed=1)
    probability = learning.learn(examples_of(vectors, places), 0).classifier.probabilities(unseen)
    best, right = probability.max(axis=1), probability.argmax(axis=1) == truth
    for low in (0.5, 0.6, 0.7, 0.8, 0.9):
        there = (best >= low) & (best < low + 0.1)
        assert there.sum() > 300
        assert abs(best[there].mean() - right[there].mean()) < 0.05


def test_a_rare_class_keeps_its_share():
    rng = np.random.default_rng(0)
    places = (rng.random(2000) < 0.1).astype(int)
    middles = np.random.default_rng(5).normal(size=(2, 64))
    rows = middles[places] + 4.0 * rng.normal(size=(2000, 64))
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    learnt = learning.learn(examples_of(vectors[:1000], places[:1000]), 0)
    share = learnt.classifier.probabilities(vectors[1000:])[:, 1].mean()
    assert abs(share - places[1000:].mean()) < 0.03


def test_the_same_seed_gives_the_same_classifier():
    examples = examples_of(*clouds(60, 3, spread=2.0))
    first, second = learning.learn(examples, 7), learning.learn(examples, 7)
    assert np.array_equal(first.classifier.weights, second.classifier.weights)
    assert np.array_equal(first.predicted, second.predicted)


def test_parameters_of_the_article():
    vectors, places = clouds(12, 2, dimension=4096)
    assert learning.learn(examples_of(vectors, places), 0).classifier.parameters == 4096 * 2 + 2


def test_what_is_not_in_the_pictures_is_not_learnt():
    vectors, _ = clouds(200, 2)
    places = np.random.default_rng(3).integers(0, 2, 200)
    learnt = learning.learn(examples_of(vectors, places), 0)
    low, high = learning.interval(learnt.accuracy, 200)
    assert low <= learnt.majority
    assert low < 0.5 < high or learnt.accuracy < 0.5


def test_interval_of_wilson():
    """Figures of Newcombe, 1998, table I: 81 of 263, and 15 of 148."""
    assert learning.interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert learning.interval(15 / 148, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert learning.interval(1.0, 10)[1] == pytest.approx(1.0)


def test_confusion_and_f1_by_hand():
    members = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], bool)
    predicted = np.array([[1, 0], [0, 1], [0, 1], [0, 1]], bool)
    assert learning.confusion(members, predicted).tolist() == [[1, 1], [0, 2]]
    # Of the first: precision 1, recall 1/2; of the second: precision 2/3, recall 1.
    assert learning.f1_scores(members, predicted) == pytest.approx([2 / 3, 4 / 5])
