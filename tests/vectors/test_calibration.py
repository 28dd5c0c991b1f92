"""Error rates are bounds that hold, and thresholds are the lowest scores that keep them."""

from __future__ import annotations

import numpy as np
import pytest

from datasette_revimg.vectors.calibration import (
    EDITED_COPY,
    RATES,
    SAME_PICTURE,
    SIMILAR,
    Calibration,
)


def calibration(chance, copies=()):
    return Calibration(
        np.sort(np.array(chance, np.float32)),
        {"cropped": np.sort(np.array(copies, np.float32))},
        len(chance),
    )


@pytest.mark.parametrize(
    ("pictures", "vouched"),
    [
        (8, []),
        (9, [SIMILAR]),
        (98, [SIMILAR]),
        (99, [SIMILAR, EDITED_COPY]),
        (998, [SIMILAR, EDITED_COPY]),
        (999, [SIMILAR, EDITED_COPY, SAME_PICTURE]),
    ],
)
def test_few_pictures_vouch_for_little(pictures, vouched):
    some = calibration(np.linspace(-0.5, 0.9, pictures))
    assert {tier for tier in RATES if some.threshold(tier) is not None} == set(vouched)


def test_thresholds_leave_out_as_many_as_the_rate_allows():
    """Of 1,999 pictures, (1 + k) / 2,000 is at most 1 in 1,000 for k = 1, 1 in 100 for k = 19."""
    some = calibration(np.arange(1999) / 2000)
    for tier, allowed in ((SAME_PICTURE, 1), (EDITED_COPY, 19), (SIMILAR, 199)):
        lowest = some.threshold(tier)
        assert (some.chance >= lowest).sum() == allowed
        assert some.wrong(lowest) <= RATES[tier] < some.wrong(np.nextafter(lowest, -2, dtype="f4"))


def test_equal_scores_are_all_below_the_threshold():
    some = calibration([0.1] * 50 + [0.8] * 50)
    assert some.threshold(EDITED_COPY) > np.float32(0.8)
    assert some.threshold(SIMILAR) > np.float32(0.8)
    assert some.tier(float(np.float32(0.8))) is None


def test_tiers_from_the_strictest_on():
    some = calibration(np.arange(1999) / 2000)
    assert some.tier(1.0) == SAME_PICTURE
    assert some.tier(0.995) == EDITED_COPY
    assert some.tier(0.95) == SIMILAR
    assert some.tier(0.5) is None
    assert some.tier(-1.0) is None


def test_shares_of_copies():
    some = calibration([0.1] * 99, [0.2, 0.4, 0.6, 0.8])
    assert some.found(0.5, "cropped") == 0.5
    assert some.found(float(np.float32(0.6)), "cropped") == 0.5
    assert some.found(0.9, "cropped") == 0
    assert some.found(-1, "cropped") == 1


@pytest.mark.parametrize("tier", RATES)
def test_the_promise_holds_for_pictures_that_come_later(tier):
    """Whatever the distribution: 1999 sampled pictures and 20 later ones, 400 times."""
    rng = np.random.default_rng(3)
    draws = rng.beta(2, 5, (400, 2019)) + (rng.random((400, 2019)) < 0.03) * 0.3
    wrong = [
        np.mean(later.astype(np.float32) >= calibration(sampled).threshold(tier))
        for sampled, later in ((row[:1999], row[1999:]) for row in draws)
    ]
    rate = RATES[tier]
    # Three standard deviations of the mean of 8,000 trials.
    spread = 3 * (rate / 8000) ** 0.5
    assert rate / 4 - spread < np.mean(wrong) < rate + spread
