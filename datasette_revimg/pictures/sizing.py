"""The size that a picture gets for a network that takes any: its aspect kept, few sizes in all.

Sides are multiples of what VGG16's five poolings halve away, so that no pixel at an edge is lost,
and pictures of one shape can share a batch. The aspect is off by a few percent at most, except
for strips, longer than three times their width.
"""

from __future__ import annotations

import math

# (height, width) in pixels, or None for a network that takes any.
Size = tuple[int, int] | None

LONGEST_SIDE = 320
SHORTEST_SIDE = 96
MULTIPLE = 32

# What a picture of 3:2 or 4:3 gets. A square one is made smaller, so that none takes longer.
MOST_PIXELS = 320 * 224


def fitted(width: float, height: float) -> tuple[int, int]:
    """Return the (height, width) that a picture is resized to: one of 15 shapes."""
    scale = min(LONGEST_SIDE / max(width, height), math.sqrt(MOST_PIXELS / (width * height)))

    def rounded(side: float) -> int:
        multiple = MULTIPLE * round(side * scale / MULTIPLE)
        return min(max(multiple, SHORTEST_SIDE), LONGEST_SIDE)

    return rounded(height), rounded(width)
