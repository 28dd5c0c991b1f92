"""A linear classifier of unit vectors: what is learnt, and the probabilities that follow from it.

numpy alone applies it, so that SQL functions and pages need no machine learning library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

Label = str | int | float


@dataclass(frozen=True, eq=False)
class Classifier:
    """Weights float64 (C, D) and biases float64 (C,) of C classes.

    A picture belongs to exactly one class, whose probabilities are the softmax of the scores
    ``weights @ vector + biases``; or, if ``several``, to any number of classes, each with the
    logistic function of its score (one-vs-rest).
    """

    classes: tuple[Label, ...]
    weights: np.ndarray
    biases: np.ndarray
    several: bool = False

    @property
    def dimension(self) -> int:
        """The number of floats in a vector."""
        return int(self.weights.shape[1])

    @property
    def parameters(self) -> int:
        """How many numbers were learnt."""
        return self.weights.size + self.biases.size

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """Return the probability of each class, float64 (n, C), for vectors (n, D)."""
        return probabilities(vectors @ self.weights.T + self.biases, self.several)

    def place(self, label: object) -> int | None:
        """Return the place of a class by its value, else by its text; None without such a class."""
        try:
            return self._places.get(label)
        except TypeError:
            return None

    @cached_property
    def _places(self) -> dict[object, int]:
        places: dict[object, int] = {str(one): place for place, one in enumerate(self.classes)}
        places.update((one, place) for place, one in enumerate(self.classes))
        return places


def probabilities(scores: np.ndarray, several: bool) -> np.ndarray:
    """Return the probabilities, float64 (n, C), of scores (n, C); rows sum to 1 unless ``several``.

    They are the softmax, or, if ``several``, the logistic function of each score by itself.
    """
    if several:
        # No exponential of a large number.
        return np.asarray(np.exp(-np.logaddexp(0.0, -scores)))
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def best_two(
    classes: Sequence[Label], probability: np.ndarray
) -> tuple[Label, float, Label | None]:
    """Return the most probable class, its probability, and the second one, of float64 (C,)."""
    order = np.argsort(-probability, kind="stable")
    second = classes[order[1]] if len(order) > 1 else None
    return classes[order[0]], float(probability[order[0]]), second
