"""A row's edited picture asks for the row: cropped, turned, compressed, written on and so on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..pictures.edits import EDITS
from ..vectors import measures
from .sample import Described

# Depths at which the curve has a value.
DEPTHS = range(1, 21)


@dataclass(frozen=True)
class EditMeasures:
    """Means over ``queries`` edited pictures, each from 0 to 1.

    ``micro_average_precision`` also says whether one threshold fits all queries. ``curve`` is the
    recall at each of DEPTHS.
    """

    queries: int
    recall_at_1: float
    recall_at_5: float
    micro_average_precision: float
    curve: list[float]


def measure(described: Described) -> dict[str, EditMeasures]:
    """Return the measures of each edit by its name, and of all together as ``all``.

    Rows that have the same file are all right answers.
    """
    files = np.array([content.hex() for content in described.hashes])
    right = files[: len(described.edits), None] == files
    by_edit = {
        name: (described.edits[:, number] @ described.vectors.T, right)
        for number, name in enumerate(EDITS)
    }
    everything = (
        np.concatenate([scores for scores, _ in by_edit.values()]),
        np.tile(right, (len(by_edit), 1)),
    )
    return {name: _measured(*pair) for name, pair in {"all": everything, **by_edit}.items()}


def _measured(scores: np.ndarray, relevant: np.ndarray) -> EditMeasures:
    curve = [float(measures.found_at(scores, relevant, depth).mean()) for depth in DEPTHS]
    return EditMeasures(
        queries=len(scores),
        recall_at_1=curve[0],
        recall_at_5=curve[4],
        micro_average_precision=measures.micro_average_precision(scores, relevant),
        curve=curve,
    )
