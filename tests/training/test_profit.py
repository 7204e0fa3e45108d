"""Profit: thresholds follow from costs, order is all that matters, and impossible campaigns are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.measures.profit import (
    Campaign,
    Payoff,
    Profit,
    expected_most_profit,
    most_profit,
    profit_at,
    profit_of_best,
)


def crowd(seed: int, n: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and the probabilities that they follow."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1.2, 4.0, n)
    return (rng.random(n) < p).astype(float), p


def test_the_threshold_by_hand() -> None:
    # A contact costs 1 and saves 9 of those who would leave: it pays from 1 in 10 on.
    assert Payoff(hit=9.0, false_alarm=-1.0).threshold == pytest.approx(0.1)
    assert Payoff(hit=-1.0, false_alarm=-1.0, miss=-10.0).threshold == pytest.approx(0.1)
    assert Payoff(hit=-1.0, false_alarm=-1.0).threshold == np.inf
    assert Payoff(hit=5.0, false_alarm=0.0).threshold == 0.0
    # 0.3 of those who would leave accept: 0.3 * 190 - 1 = 56 against 11 in vain
    assert vars(Campaign().payoff()) == pytest.approx({"hit": 56.0, "false_alarm": -11.0, "miss": 0.0, "rest": 0.0})
    assert Campaign().payoff().threshold == pytest.approx(11 / 67)


# Seen to fail when the threshold was gain / (gain + cost).
@pytest.mark.parametrize("payoff", [Campaign().payoff(), Payoff(9.0, -1.0), Payoff(1.0, -2.0, -3.0, 0.5)])
def test_with_true_probabilities_no_threshold_beats_the_one_from_costs(payoff: Payoff) -> None:
    y, p = crowd(1, 200_000)
    by_costs = profit_at(y, p, payoff, payoff.threshold)
    best = most_profit(y, p, payoff)
    assert best.per_customer >= by_costs.per_customer
    assert by_costs.per_customer == pytest.approx(best.per_customer, abs=0.02)


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5), st.integers(0, 3)), min_size=2, max_size=40), st.integers(0, 99))
def test_row_order_and_the_scale_of_the_score_never_matter(rows: list[tuple[int, int, int]], seed: int) -> None:
    y, p, weight = np.array(rows, dtype=float).T
    if not weight.any():
        return
    mixed = np.random.default_rng(seed).permutation(len(y))
    for metric in (expected_most_profit, lambda *of, weights: most_profit(*of, Campaign().payoff(), weights)):
        first = metric(y, p, weights=weight)
        again = metric(y[mixed], np.exp(p[mixed]) - 3.0, weights=weight[mixed])
        np.testing.assert_allclose(list(vars(again).values()), list(vars(first).values()), rtol=1e-9, atol=1e-9)


def test_a_better_order_earns_more_and_none_less_than_contacting_nobody() -> None:
    y, p = crowd(2)
    blurred = p + np.random.default_rng(0).normal(0, 0.2, len(p))
    perfect, good, poor, none, wrong = (expected_most_profit(y, by).per_customer for by in (y, p, blurred, np.ones_like(p), -y))
    assert perfect > good > poor > none >= wrong - 1e-12
    assert wrong >= 0.0
    # Perfect by hand: those who leave are contacted where their acceptance pays, E[max(0, 190 g - 1)] of each.
    rates = np.random.default_rng(1).beta(6, 14, 400_000)
    assert perfect == pytest.approx(y.mean() * np.maximum(190 * rates - 1, 0).mean(), rel=0.005)


def test_a_campaign_that_costs_nothing_reaches_everybody_who_would_leave() -> None:
    # Seen to fail with 0 / 0 for the rows after the last who would leave.
    found = expected_most_profit([1, 1, 0, 0], [0.9, 0.8, 0.2, 0.1], Campaign(offer=0.0, contact=0.0))
    assert found.per_customer == pytest.approx(0.5 * 0.3 * 200)
    assert found.contacted >= 0.5


def test_one_class_leaves_the_expected_profit_undefined() -> None:
    for y in (np.zeros(5), np.ones(5)):
        assert np.isnan(list(vars(expected_most_profit(y, np.arange(5.0))).values())).all()
    assert most_profit(np.zeros(5), np.arange(5.0), Campaign().payoff()) == Profit(0.0, 0.0)


def test_what_cannot_be_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="a contact in vain that brings no more"):
        Payoff(hit=5.0, false_alarm=1.0)
    with pytest.raises(ValueError, match="finite amounts"):
        Payoff(hit=np.nan, false_alarm=-1.0)
    for wrong in ({"value": 5.0}, {"contact": -1.0}, {"alpha": 0.0}, {"beta": np.nan}):
        with pytest.raises(ValueError, match="needs value > offer"):
            Campaign(**wrong)
    with pytest.raises(ValueError, match=r"share is 1.5"):
        profit_of_best([0, 1], [0.1, 0.2], Payoff(1.0, -1.0), 1.5)
    with pytest.raises(ValueError, match=r"first: 2.0, row 1"):
        profit_at([0, 2], [0.1, 0.2], Payoff(1.0, -1.0), 0.5)
