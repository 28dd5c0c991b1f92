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
    needed,
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
        (18, []),
        (19, [SIMILAR]),
        (198, [SIMILAR]),
        (199, [SIMILAR, EDITED_COPY]),
        (1998, [SIMILAR, EDITED_COPY]),
        (1999, [SIMILAR, EDITED_COPY, SAME_PICTURE]),
    ],
)
def test_few_pictures_vouch_for_little(pictures, vouched):
    some = calibration(np.linspace(-0.5, 0.9, pictures))
    assert {tier for tier in RATES if some.threshold(tier) is not None} == set(vouched)
    assert set(vouched) == {tier for tier in RATES if pictures >= needed(tier)}


def test_thresholds_leave_out_as_many_as_the_rate_allows():
    """Of 1,999 pictures, (2 + k) / 2,000 is at most 1 in 1,000 for k = 0, 1 in 100 for k = 18."""
    some = calibration(np.arange(1999) / 2000)
    for tier, allowed in ((SAME_PICTURE, 0), (EDITED_COPY, 18), (SIMILAR, 198)):
        lowest = some.threshold(tier)
        assert (some.chance >= lowest).sum() == allowed
        assert some.wrong(lowest) <= RATES[tier] < some.wrong(np.nextafter(lowest, -2, dtype="f4"))


def test_equal_scores_are_all_below_the_threshold():
    some = calibration([0.1] * 150 + [0.8] * 50)
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


@pytest.mark.parametrize("kind", ["pairs", "stars", "any"])
def test_the_promise_holds_where_pictures_are_each_others_nearest(kind):
    """Each of 300 pictures in turn is the one that the others, calibrated, know nothing of.

    If all orders are equally likely, it is wrong as often as any is: the share that is taken for
    copies of others must not be above the rate.
    """
    count = 300
    rng = np.random.default_rng(5)
    scores = rng.random((count, count))
    partner = np.arange(count) ^ 1 if kind == "pairs" else np.arange(count) // 8 * 8
    if kind != "any":
        rows = np.arange(count)
        scores[rows, partner] += 1
    scores = np.maximum(scores, scores.T)
    np.fill_diagonal(scores, -1)
    for tier in (EDITED_COPY, SIMILAR):
        wrong = 0
        for number in range(count):
            others = np.delete(np.delete(scores, number, 0), number, 1)
            lowest = calibration(others.max(axis=1)).threshold(tier)
            wrong += np.float32(scores[number].max()) >= lowest
        assert wrong <= RATES[tier] * count
        assert wrong >= RATES[tier] * count / 2
