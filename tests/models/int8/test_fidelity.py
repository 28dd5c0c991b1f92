"""How near int8 is to float32."""

import numpy as np
import pytest

from datasette_revimg.models.int8.fidelity import recall


def on_circle(*degrees: float) -> np.ndarray:
    """Return unit vectors, one for each angle."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_recall_counts_neighbours_kept():
    expected = on_circle(0, 1, 3, 90, 92, 95)
    assert recall(expected, expected, 2) == 1
    # Two pictures have changed sides: their four old neighbours have lost one each, and they both.
    swapped = on_circle(0, 1, 95, 90, 92, 3)
    assert recall(expected, swapped, 2) == pytest.approx((4 * 1 + 2 * 0) / (6 * 2))
