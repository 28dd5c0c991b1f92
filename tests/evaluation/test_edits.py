"""Measures by edits: of vectors whose ranking is known."""

from __future__ import annotations

import numpy as np
import pytest

from datasette_revimg.evaluation import edits
from datasette_revimg.evaluation.sample import Described
from datasette_revimg.pictures.edits import EDITS


def described(files: bytes, vectors: np.ndarray, edited: np.ndarray) -> Described:
    """What a network has made of rows, each of which has one of ``files``."""
    return Described(
        keys=[(number,) for number in range(len(vectors))],
        hashes=[bytes([file]) for file in files],
        vectors=vectors,
        edits=edited,
        pictures=0,
        seconds=0.0,
    )


def test_by_hand():
    rows = np.eye(4, dtype=np.float32)
    edited = np.repeat(rows[:2, None], len(EDITS), axis=1)
    # Of the second row, the mirrored picture looks like another row more, and like its own next.
    mirrored = list(EDITS).index("mirrored")
    edited[1, mirrored] = [0, 0.6, 0.8, 0]
    found = edits.measure(described(b"abcd", rows, edited))
    assert found["mirrored"].queries == 2
    assert (found["mirrored"].recall_at_1, found["mirrored"].recall_at_5) == (0.5, 1.0)
    assert found["mirrored"].curve[:2] == [0.5, 1.0]
    # In one ranking: right at 1.0, wrong at 0.8, right at 0.6.
    assert found["mirrored"].micro_average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert found["blurred"].recall_at_1 == found["blurred"].micro_average_precision == 1.0
    assert found["all"].queries == 2 * len(EDITS)
    assert found["all"].recall_at_1 == pytest.approx(1 - 1 / (2 * len(EDITS)))


def test_copies_of_a_file_are_right_answers_too():
    rows = np.eye(3, dtype=np.float32)[[0, 0, 1]]
    edited = np.repeat(rows[1:2, None], len(EDITS), axis=1)
    found = edits.measure(described(b"aab", rows, edited))
    assert found["all"].recall_at_1 == 1.0
    assert found["all"].micro_average_precision == 1.0
