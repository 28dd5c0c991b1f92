"""The least similarity of the results: the slider, and the threshold in the JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ...search.similar import Answer
from ...vectors.percentiles import in_words
from ..requests.parameters import Pairs, Parameters, address
from . import wording


@dataclass(frozen=True)
class Threshold:
    """The slider, from ``least`` to a cosine of 1, and what it says beside it.

    ``tier`` is what the cosine means, "" if nothing, and None where no tier can be claimed: then it
    is the ``percentile``, None where the table's pairs weren't sampled. ``count_url`` is the JSON
    that counts the pictures while the slider moves, None where that would compute a vector each
    time.
    """

    hidden: Pairs
    least: str
    step: float
    value: str
    score: str
    tier: str | None
    percentile: str | None
    count: str
    count_url: str | None


def threshold(parameters: Parameters, answer: Answer, here: str) -> Threshold:
    """Return the slider of the page ``here``: cosines from the median of the table's pairs up."""
    distribution, minimum = answer.distribution, answer.minimum
    least = _least(answer)
    value = least if minimum is None else minimum
    percentile = in_words(distribution.percentile(value)) + " %" if distribution else None
    counted = wording.at_least(answer.candidates, "picture", answer.counted_all)
    # What a picture is searched with, or a part of it, would be computed again each time.
    cheap = answer.row is not None and not parameters.looked_at
    kept = parameters.without("_min", "_size", "_facet", "_shape")
    return Threshold(
        hidden=parameters.without("_min"),
        least=f"{least:g}",
        step=0.01 if least < 0.5 else 0.005 if least < 0.8 else 0.001,
        value=f"{value:.6g}",
        score="any" if minimum is None else f"≥ {value:.3f}",
        tier=_tier(answer),
        percentile=percentile and ("" if minimum is None else percentile),
        count="" if minimum is None else counted,
        count_url=address(here + ".json", kept) if cheap else None,
    )


def _tier(answer: Answer) -> str | None:
    if not answer.tiers.claimed:
        return None
    return "" if answer.minimum is None else answer.tiers.of_score(answer.minimum) or ""


def _least(answer: Answer) -> float:
    """Return the lowest cosine of the slider, rounded down to two digits."""
    least = answer.distribution.score(50) if answer.distribution else 0.0
    if answer.minimum is not None:
        least = min(least, answer.minimum)
    return math.floor(least * 100) / 100


def minimum_json(answer: Answer) -> dict[str, Any]:
    """Return the JSON's member ``minimum``, if there is a threshold."""
    if answer.minimum is None:
        return {}
    distribution = answer.distribution
    percentile = distribution.percentile(answer.minimum) if distribution else None
    tier = answer.tiers.of_score(answer.minimum)
    return {"minimum": {"score": answer.minimum, "percentile": percentile, "tier": tier}}
