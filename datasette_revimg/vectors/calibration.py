"""What a cosine means in one collection: how often chance reaches it, and how many copies do.

Two samples of a collection say it. Chance: for some pictures, the cosine with the most similar
other picture that is no copy of theirs. Copies: the cosines of some pictures with edits of
themselves.

An error rate read from the first is a conformal p-value (V. Vovk, A. Gammerman, G. Shafer,
"Algorithmic Learning in a Random World", 2005). For a picture that has no copy in the table, the
probability that any other picture scores s or more with it is at most

    (2 + number of sampled pictures whose nearest other scores s or more) / (1 + number sampled)

The one assumption is that this picture and the sampled ones are exchangeable: drawn alike from the
same kind of pictures. No shape of a distribution is assumed, and nothing is extrapolated: a
sample of m pictures can't vouch for a rate below 2 / (m + 1).

The 2 would be a 1 if the picture were among those that the sampled ones are compared with. Without
it, a sampled picture may have lost its nearest other. But of those that score more than this
picture, only one can have: the one that is its own nearest other in turn, with the same score (no
two pairs have exactly the same). So among the picture and the sample, at most the first k + 2 by
their scores can be taken for one that only k sampled ones reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

SAME_FILE = "same file"
SAME_PICTURE = "same picture"
EDITED_COPY = "edited copy"
SIMILAR = "similar"

# The tiers that a score can have, the strictest first, and how often each may be wrong: the share
# of the pictures without a copy that have any other picture at this tier.
RATES = {SAME_PICTURE: 1 / 1000, EDITED_COPY: 1 / 100, SIMILAR: 1 / 10}

TIERS = (SAME_FILE, *RATES)

# The tiers of copies; what is only similar is another picture.
COPIES = (SAME_FILE, SAME_PICTURE, EDITED_COPY)

# The picture itself, and the one that may have lost it as its nearest other.
_FIRST = 2


def needed(tier: str) -> int:
    """Return how many sampled pictures can vouch for the rate of a tier."""
    return round(_FIRST / RATES[tier]) - 1


@dataclass(frozen=True)
class Calibration:
    """Two samples of a collection's cosines.

    ``chance`` are those of pictures with the most similar other one, float32 (m,) ascending;
    ``copies`` those of pictures with their edits, by the edit's name, float32 (n,) ascending.
    ``vectors`` is how many vectors the collection had.
    """

    chance: np.ndarray
    copies: Mapping[str, np.ndarray]
    vectors: int

    def wrong(self, score: float) -> float:
        """Return the upper bound of the error rate at this score, at most 1."""
        reached = len(self.chance) - int(np.searchsorted(self.chance, score, side="left"))
        return min(1.0, (_FIRST + reached) / (1 + len(self.chance)))

    def found(self, score: float, edit: str) -> float:
        """Return the share of the sampled copies of one kind that score this or more."""
        copies = self.copies[edit]
        return 1 - float(np.searchsorted(copies, score, side="left")) / max(1, len(copies))

    def threshold(self, tier: str) -> float | None:
        """Return the lowest score of a tier, None where too few pictures vouch for its rate."""
        allowed = int(RATES[tier] * (1 + len(self.chance)) + 1e-9) - _FIRST
        if allowed < 0:
            return None
        # The score that all but the allowed number stay below.
        highest = self.chance[len(self.chance) - 1 - allowed]
        return float(np.nextafter(highest, np.float32(2), dtype=np.float32))

    def tier(self, score: float) -> str | None:
        """Return the strictest tier that a score reaches, None when it reaches none."""
        for tier in RATES:
            lowest = self.threshold(tier)
            if lowest is not None and score >= lowest:
                return tier
        return None
