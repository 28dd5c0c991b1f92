"""R-MAC's regions.

Tolias, Sicre & Jégou, "Particular object retrieval with integral max-pooling of CNN activations",
2016, section 3.
"""

from __future__ import annotations

RMAC_LEVELS = 3

# Avoids 0/0 for a region, or a picture, in which no channel fires.
EPSILON = 1e-12


def rmac_regions(side: int, level: int) -> tuple[int, int]:
    """Return the side and the stride, in cells, of the regions at ``level`` on a square map.

    Tolias et al.: regions at level l have the side 2·side/(l+1), l of them along each edge,
    evenly spread.
    """
    region = 2 * side // (level + 1)
    stride = (side - region) // (level - 1) if level > 1 else 1
    return region, stride
