"""Amounts: the level is mended within limits, and the interval holds the share that it promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.amounts import SMALLEST_TIER, TIERS, AmountInterval, fit_interval


def crowd(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Amounts that are often nothing, and predictions of them that know the mean; larger ones vary more."""
    dice = np.random.default_rng(seed)
    expected = dice.gamma(1.0, 40.0, n)
    return dice.gamma(1.5, expected * 2 / 1.5) * (dice.random(n) < 0.5), expected


# Seen to fail with tails of 0.2 instead of 0.1 each, and with the residual's sign turned round.
@pytest.mark.parametrize("n", [120, 1_000])
def test_four_in_five_of_others_come_to_lie_within(n: int) -> None:
    held = []
    for seed in range(60):
        interval = fit_interval(*crowd(seed, n))
        y, expected = crowd(1_000 + seed, 500)
        low, high = interval.around(expected)
        held.append(np.mean((y >= low) & (y <= high)))
    assert 0.79 <= np.mean(held) <= 0.88


def test_four_in_five_hold_among_the_large_predictions_too() -> None:
    # Seen to fail with a single tier: the interval was then too narrow where most money is.
    held = []
    for seed in range(40):
        interval = fit_interval(*crowd(seed, 1_000))
        y, expected = crowd(1_000 + seed, 1_000)
        top = expected > np.quantile(expected, 0.8)
        low, high = interval.around(expected[top])
        held.append(np.mean((y[top] >= low) & (y[top] <= high)))
    assert 0.76 <= np.mean(held) <= 0.88


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 10_000), st.integers(1, 400), st.floats(-1, 1))
def test_the_expected_amount_lies_within(seed: int, n: int, shift: float) -> None:
    # Seen to fail without the outer minimum of `around`.
    y, expected = crowd(seed, n)
    interval = fit_interval(y + shift * 500, expected)
    asked = np.r_[crowd(seed + 1, 50)[1], 0.0, 1e9]
    low, high = interval.around(asked)
    assert (low <= asked).all()
    assert (asked <= high).all()
    assert (low >= np.minimum(interval.least, asked)).all()
    assert len(interval.low) == len(interval.high) == len(interval.edges) + 1 <= min(TIERS, max(1, n // SMALLEST_TIER))


def test_nobody_is_promised_less_than_nothing_unless_somebody_gave_it_back() -> None:
    # Seen to fail without `least`.
    y, expected = crowd(0, 500)
    low, _ = fit_interval(y, expected).around(expected)
    assert low.min() >= 0.0
    with_refunds = fit_interval(np.where(y == 0, -30.0, y), expected)
    assert with_refunds.least == -30.0
    assert with_refunds.around(expected)[0].min() < 0.0


def test_equal_predictions_make_one_tier() -> None:
    interval = fit_interval(np.arange(500.0), np.full(500, 10.0))
    assert len(interval.low) <= 2
    low, high = interval.around(np.full(3, 10.0))
    assert ((low <= 60) & (high >= 440)).all()


def test_json_keeps_it() -> None:
    interval = fit_interval(*crowd(1, 300))
    assert AmountInterval.from_json(interval.to_json()) == interval
