"""Learn a last layer: logistic regression on the vectors, and how good it is.

The network stays as it is; only the weights and biases of ``Classifier`` are learnt, which is
transfer learning at its simplest and takes a handful of examples. Regularisation is chosen by
cross-validation, by the mean log loss. The probabilities are calibrated on the scores that the
cross-validation gives rows it hasn't seen: a temperature (C. Guo et al., "On Calibration of Modern
Neural Networks", 2017) and a bias of each class (A. Alexandari et al., "Maximum Likelihood with
Bias-Corrected Calibration is Hard-To-Beat at Label Shift Adaptation", 2020), both of which leave
the classifier a linear one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import RevimgError
from ..vectors.classifier import Classifier, probabilities
from .examples import Examples

# Inverse strengths of the regularisation that are tried. Vectors are of unit length, so that
# weights must be large.
STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)

# At most; a class with fewer examples has as many as that.
FOLDS = 5

# Singular values below this share of the largest are rounding errors.
_RANK = 1e-5


@dataclass(frozen=True, eq=False)
class Learnt:
    """A classifier, and what cross-validation says of it.

    ``predicted`` is bool (n, C): what was predicted for each example by a classifier that was
    learnt, and calibrated, without it. ``accuracy`` is the share of rows that this is right for,
    and of a row with several labels all of them must be right; ``nearest`` is the accuracy of the
    nearest neighbour's labels on the same folds, ``majority`` that of the most common label, or
    set of labels, for every row. ``strength`` is the one chosen.
    """

    classifier: Classifier
    predicted: np.ndarray
    accuracy: float
    nearest: float
    majority: float
    strength: float


def check_library() -> None:
    """Raise RevimgError without scikit-learn."""
    try:
        import sklearn.linear_model  # noqa: F401
    except ImportError:
        raise RevimgError(
            "learning needs scikit-learn: run `datasette install 'datasette-revimg[teach]'`"
        ) from None


def learn(examples: Examples, seed: int) -> Learnt:
    """Learn a classifier of these examples; the same ones and the same seed give the same one."""
    check_library()
    rows, span = _in_their_span(examples.vectors)
    members, several = examples.members, examples.several
    folds = _folds(examples, seed)
    # The strength is chosen by the same folds that the accuracy is measured with. Among five, what
    # that flatters it by is far below the interval of the accuracy.
    held_out = {
        strength: _held_out_scores(rows, members, several, folds, strength)
        for strength in STRENGTHS
    }
    strength = min(STRENGTHS, key=lambda one: _log_loss(held_out[one], members, several))
    scores = held_out[strength]
    weights, biases = _fit(rows, members, several, strength)
    scale, shift = calibration(scores, members, several)
    classifier = Classifier(
        classes=examples.classes,
        weights=scale[:, None] * (weights @ span),
        biases=scale * biases + shift,
        several=several,
    )
    predicted = np.zeros_like(members)
    for fold in np.unique(folds):
        there, others = folds == fold, folds != fold
        scale, shift = calibration(scores[others], members[others], several)
        predicted[there] = _chosen(scale * scores[there] + shift, several)
    return Learnt(
        classifier=classifier,
        predicted=predicted,
        accuracy=_share_right(predicted, members),
        nearest=_share_right(_nearest(rows, members, folds), members),
        majority=_majority(members),
        strength=strength,
    )


def interval(share: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of ``count`` independent rows.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
    """
    z = 1.959964
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (share * (1 - share) / count + (z / (2 * count)) ** 2) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def _in_their_span(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors in the coordinates of their span, float64 (n, r), and its axes (r, D).

    Weights that are regularised by their length lie in the span of the examples, so that nothing
    is lost; with fewer examples than floats it is the faster way.
    """
    if len(vectors) >= vectors.shape[1]:
        return vectors.astype(np.float64), np.eye(vectors.shape[1])
    left, singular, axes = np.linalg.svd(vectors.astype(np.float64), full_matrices=False)
    kept = singular > _RANK * singular[0]
    return left[:, kept] * singular[kept], axes[kept]


def _folds(examples: Examples, seed: int) -> np.ndarray:
    """Return the fold of each example, int64 (n,); each class is spread evenly over them."""
    from sklearn.model_selection import StratifiedKFold

    counts = examples.members.sum(axis=0)
    if examples.several:
        # Of a class, two rows at least must be in the folds that are learnt from. Rows are spread
        # by the rarest of their classes.
        rarest = np.where(examples.members, counts, len(examples.members) + 1).argmin(axis=1)
        strata = np.where(examples.members.any(axis=1), rarest, len(counts))
    else:
        strata = examples.places
    number = int(min(FOLDS, max(2, np.bincount(strata)[np.unique(strata)].min())))
    folds = np.zeros(len(strata), np.int64)
    splitter = StratifiedKFold(number, shuffle=True, random_state=seed)
    for fold, (_, there) in enumerate(splitter.split(strata, strata)):
        folds[there] = fold
    return folds


def _held_out_scores(
    rows: np.ndarray, members: np.ndarray, several: bool, folds: np.ndarray, strength: float
) -> np.ndarray:
    """Return each row's scores (n, C) by a classifier that was learnt without its fold."""
    scores = np.empty(members.shape)
    for fold in np.unique(folds):
        there = folds == fold
        weights, biases = _fit(rows[~there], members[~there], several, strength)
        scores[there] = rows[there] @ weights.T + biases
    return scores


def _fit(
    rows: np.ndarray, members: np.ndarray, several: bool, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (C, r) and biases (C,); each class weighs the same, whatever its number."""
    from sklearn.linear_model import LogisticRegression

    def fitted(targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        model = LogisticRegression(C=strength, class_weight="balanced", max_iter=1000)
        model.fit(rows, targets)
        return model.coef_, model.intercept_

    if several:
        parts = [
            fitted(column) if 0 < column.sum() < len(column) else _constant(rows, column)
            for column in members.T
        ]
        return np.concatenate([w for w, _ in parts]), np.concatenate([b for _, b in parts])
    weights, biases = fitted(members.argmax(axis=1))
    if len(weights) == 1:
        # Of two classes the library has the difference only.
        return np.concatenate([-weights, weights]) / 2, np.concatenate([-biases, biases]) / 2
    return weights, biases


def _constant(rows: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (1, r) and bias (1,) for a class that all rows of a fold have, or none."""
    return np.zeros((1, rows.shape[1])), np.array([5.0 if column.all() else -5.0])


def calibration(
    scores: np.ndarray, members: np.ndarray, several: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return factor (C,) and shift (C,) of the scores with which the probabilities fit best.

    A shift costs what a standard normal prior makes it cost: few examples don't move it far.
    """
    from scipy.optimize import minimize

    count = members.shape[1]
    targets = members.astype(np.float64)

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        scale, shift = np.exp(parameters[:-count]), parameters[-count:]
        moved = scale * scores + shift
        error = probabilities(moved, several) - targets
        slope = error * scores * scale
        by_scale = slope.sum(axis=0) if several else np.array([slope.sum()])
        gradient = np.concatenate([by_scale + parameters[:-count], error.sum(axis=0) + shift])
        value = _log_loss(moved, members, several) * len(scores)
        return value + (parameters @ parameters) / 2, gradient

    start = np.zeros((count if several else 1) + count)
    found = minimize(loss, start, jac=True, method="L-BFGS-B")
    return np.broadcast_to(np.exp(found.x[:-count]), (count,)), found.x[-count:]


def _log_loss(scores: np.ndarray, members: np.ndarray, several: bool) -> float:
    """Return the mean of a row's negative log-likelihood."""
    if several:
        return float(np.logaddexp(0.0, np.where(members, -scores, scores)).sum(axis=1).mean())
    highest = scores.max(axis=1)
    total = highest + np.log(np.exp(scores - highest[:, None]).sum(axis=1))
    return float((total - (scores * members).sum(axis=1)).mean())


def _chosen(scores: np.ndarray, several: bool) -> np.ndarray:
    """Return which classes are predicted, bool (n, C): the best, or all more likely than not."""
    if several:
        return np.asarray(scores > 0)
    return np.asarray(np.eye(scores.shape[1], dtype=bool)[scores.argmax(axis=1)])


def _nearest(rows: np.ndarray, members: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return the labels of each row's nearest neighbour outside its fold, bool (n, C)."""
    labels = np.zeros_like(members)
    for fold in np.unique(folds):
        there = folds == fold
        labels[there] = members[~there][(rows[there] @ rows[~there].T).argmax(axis=1)]
    return labels


def _majority(members: np.ndarray) -> float:
    _, counts = np.unique(members, axis=0, return_counts=True)
    return float(counts.max() / len(members))


def _share_right(predicted: np.ndarray, members: np.ndarray) -> float:
    return float((predicted == members).all(axis=1).mean())


def confusion(members: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return how often each class, by row, was taken for each, by column, int64 (C, C)."""
    counts: np.ndarray = members.T.astype(np.int64) @ predicted.astype(np.int64)
    return counts


def f1_scores(members: np.ndarray, predicted: np.ndarray) -> Sequence[float]:
    """Return the F1 score of each class, 0 where it was never predicted right."""
    right = (members & predicted).sum(axis=0)
    scores = 2 * right / np.maximum(1, members.sum(axis=0) + predicted.sum(axis=0))
    return [float(score) for score in scores]
