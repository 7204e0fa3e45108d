"""Metrics: hand-worked numbers, and laws that every public metric meets without being asked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.measures import metrics
from training.measures.metrics import (
    auc,
    average_precision,
    bias,
    brier,
    calibration_error,
    calibration_line,
    capture_at,
    capture_of_best,
    decile_mape,
    expected_auc,
    gains,
    lift_at,
    lift_of_best,
    log_loss,
    mae,
    normalized_gini,
    reliability,
    spearman,
    tweedie_deviance,
    value_capture_at,
)

METRICS: dict[str, Callable[..., Any]] = {
    name: function
    for name, function in inspect.getmembers(metrics, inspect.isfunction)
    if function.__module__ == "training.measures.metrics" and not name.startswith("_")
}
WEIGHTED = [name for name, function in METRICS.items() if "weights" in inspect.signature(function).parameters]
FOR_AMOUNTS = [name for name, function in METRICS.items() if "actual" in inspect.signature(function).parameters]

# Few distinct predictions, so that ties are the rule and not the exception.
Table = list[tuple[int, int, int, int]]
ROW = st.tuples(st.integers(0, 1), st.integers(0, 6), st.integers(0, 3), st.integers(0, 9))
ROWS = st.lists(ROW, min_size=20, max_size=60)


def columns(rows: Table, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What happened, what was predicted (both in the metric's domain) and how often each row counts."""
    y, p, weight, size = np.array(rows, dtype=float).T
    return (y * size, p * 10.0, weight) if name in FOR_AMOUNTS else (y, p / 6.0, weight)


def value(name: str, y: np.ndarray, p: np.ndarray, **more: Any) -> np.ndarray:
    asked = inspect.signature(METRICS[name]).parameters
    more |= {"share": 0.3} if "share" in asked else {"count": 7} if "count" in asked else {}
    result = METRICS[name](*((y, p) if len(asked) > 1 else (p,)), **more)
    parts = vars(result).values() if isinstance(result, metrics.Reliability) else np.atleast_1d(result)
    return np.concatenate([np.atleast_1d(part) for part in parts]).astype(float)


def test_the_laws_meet_every_metric_that_was_asked_for() -> None:
    assert len(METRICS) == 21
    assert set(WEIGHTED) >= {"auc", "average_precision", "log_loss", "brier", "tweedie_deviance", "normalized_gini"}


# Seen to fail when `running` kept one step a row instead of one a distinct prediction, and when bins cut through ties.
@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=25, deadline=None)
@given(rows=ROWS, seed=st.integers(0, 999))
def test_row_order_never_matters(name: str, rows: Table, seed: int) -> None:
    y, p, _ = columns(rows, name)
    shuffled = np.random.default_rng(seed).permutation(len(y))
    np.testing.assert_allclose(value(name, y[shuffled], p[shuffled]), value(name, y, p), rtol=1e-9, atol=1e-12)


# Seen to fail when average_precision took hits unweighted and when brier ignored its weights.
@pytest.mark.parametrize("name", WEIGHTED)
@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_weights_mean_repetition(name: str, rows: Table) -> None:
    y, p, weight = columns(rows, name)
    if not weight.any():
        return
    again = np.repeat(np.arange(len(y)), weight.astype(int))
    repeated = value(name, y[again], p[again])
    np.testing.assert_allclose(value(name, y, p, weights=weight), repeated, rtol=1e-9, atol=1e-12)


# Seen to fail when `checked` took the length of p on trust, and when it let NaN through.
@pytest.mark.parametrize("name", METRICS)
def test_rows_that_cannot_be_used_are_refused_with_a_sentence(name: str) -> None:
    y, p, _ = columns([(i % 2, i % 7, 1, 3) for i in range(30)], name)
    if name != "expected_auc":  # which has one column, and nothing to fit it to
        with pytest.raises(ValueError, match=r"\(30,\).*\(29,\).*give one of each a row"):
            value(name, y, p[:-1])
    p[4] = np.nan
    with pytest.raises(ValueError, match=r"1 of 30 rows cannot be used \(first: nan, row 4\)"):
        value(name, y, p)


@pytest.mark.parametrize("name", ["log_loss", "brier", "calibration_error", "calibration_gap", "calibration_line", "expected_auc", "reliability"])
def test_a_margin_in_place_of_a_probability_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"probabilities: 1 of 20 rows cannot be used \(first: 2.5, row 3\)"):
        value(name, np.arange(20) % 2, np.where(np.arange(20) == 3, 2.5, 0.5))


def test_outcomes_other_than_0_and_1_and_unusable_weights_are_refused() -> None:
    with pytest.raises(ValueError, match=r"outcomes in \{0, 1\}: 1 of 2 rows cannot be used \(first: 2.0, row 1\)"):
        auc([0, 2], [0.1, 0.2])
    with pytest.raises(ValueError, match=r"weights: 1 of 2 rows cannot be used \(first: -1.0, row 0\)"):
        auc([0, 1], [0.1, 0.2], weights=[-1, 1])
    with pytest.raises(ValueError, match="weights: all 2 are 0"):
        brier([0, 1], [0.1, 0.2], weights=[0, 0])


# Seen to fail when ties counted whole (0.9167 became 1).
def test_auc_by_hand() -> None:
    # positives at 0.9 and 0.5, negatives at 0.5, 0.2, 0.1: of 6 pairs 5 are right, 1 is a tie
    assert auc([1, 1, 0, 0, 0], [0.9, 0.5, 0.5, 0.2, 0.1]) == pytest.approx(5.5 / 6)
    assert auc([1, 0], [0.3, 0.3]) == 0.5
    assert auc([0, 1], [0.9, 0.1]) == 0.0


def test_expected_auc_by_hand() -> None:
    # 0.8 and 0.2: both orders of one hit and one miss weigh .8 * .8 and .2 * .2, a customer against itself .8 * .2 as a
    # tie, twice; in all (0.64 + 0.16) / 1
    assert expected_auc([0.8, 0.2]) == pytest.approx(0.64 + (0.16 + 0.16) / 2)
    assert expected_auc([1.0, 0.0]) == 1.0
    assert expected_auc([0.3, 0.3, 0.3]) == 0.5


def test_average_precision_by_hand() -> None:
    # hits at depth 1 (1 of 1) and depth 3 (2 of 3)
    assert average_precision([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]) == pytest.approx((1 + 2 / 3) / 2)


def test_log_loss_and_brier_by_hand() -> None:
    assert log_loss([1, 0], [0.5, 0.5]) == pytest.approx(np.log(2))
    assert log_loss([1, 0], [0.8, 0.4], weights=[3, 1]) == pytest.approx(-(3 * np.log(0.8) + np.log(0.6)) / 4)
    assert brier([1, 0], [0.8, 0.4], weights=[3, 1]) == pytest.approx((3 * 0.04 + 0.16) / 4)
    assert 36.0 < log_loss([0], [1.0]) < 36.1  # certain and wrong costs much, but not infinity


# Seen to fail when the gaps were averaged over bins without regard to the customers in them.
def test_calibration_error_by_hand() -> None:
    y = np.array([0, 0, 0, 1, 1, 1, 1, 0])
    p = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9])
    # six customers promised 0.1 and 3 did it (gap 0.4); two promised 0.9 and 1 did it (gap 0.4)
    assert calibration_error(y, p, bins=4) == pytest.approx(0.4)
    y[0] = 1  # gaps 4/6 - 0.1 for six customers, 0.4 for two
    assert calibration_error(y, p, bins=4) == pytest.approx((6 * (4 / 6 - 0.1) + 2 * 0.4) / 8)


def test_reliability_keeps_equal_scores_together_and_counts_everyone() -> None:
    points = reliability([0, 1, 0, 1, 1, 1], [0.2, 0.2, 0.2, 0.2, 0.7, 0.8], bins=3)
    np.testing.assert_array_equal(points.count, [4, 2])
    np.testing.assert_allclose(points.predicted, [0.2, 0.75])
    np.testing.assert_allclose(points.observed, [0.5, 1.0])
    assert (points.low <= points.observed).all()
    assert (points.observed <= points.high).all()


def test_reliability_without_ties_has_equal_bins() -> None:
    np.testing.assert_array_equal(reliability(np.arange(100) % 2, np.arange(100) / 100, bins=10).count, [10] * 10)


# Seen to fail when the line was fitted on p instead of its logit.
def test_calibration_line_tells_too_bold_from_too_low() -> None:
    rng = np.random.default_rng(5)
    margin = rng.normal(size=100_000)
    y = rng.random(100_000) < 1 / (1 + np.exp(-margin))
    np.testing.assert_allclose(calibration_line(y, 1 / (1 + np.exp(-margin))), (0.0, 1.0), atol=0.03)
    np.testing.assert_allclose(calibration_line(y, 1 / (1 + np.exp(-2 * margin))), (0.0, 0.5), atol=0.03)
    np.testing.assert_allclose(calibration_line(y, 1 / (1 + np.exp(1 - margin))), (1.0, 1.0), atol=0.03)


# Seen to fail when a tied row was taken whole (capture 0.5 or 1 by row order).
def test_capture_lift_and_gains_by_hand() -> None:
    y, p = [1, 1, 0, 0], [0.9, 0.5, 0.5, 0.1]
    assert capture_at(y, p, 0.25) == 0.5
    assert capture_at(y, p, 0.5) == 0.75  # one of the two tied rows, half of which are positive
    assert lift_at(y, p, 0.5) == 1.5
    assert capture_of_best(y, p, 2) == 0.75
    assert lift_of_best(y, p, 2) == 1.5
    assert lift_of_best(y, p, 4) == 1.0
    share, captured = gains(y, p, points=5)
    np.testing.assert_allclose(share, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(captured, [0, 0.5, 0.75, 1, 1])


def test_amounts_by_hand() -> None:
    actual, predicted = [0.0, 10.0, 30.0, 60.0], [5.0, 10.0, 20.0, 75.0]
    assert mae(actual, predicted) == pytest.approx(30 / 4)
    assert bias(actual, predicted) == pytest.approx(0.1)
    assert spearman(actual, predicted) == pytest.approx(1.0)
    assert normalized_gini(actual, predicted) == pytest.approx(1.0)
    assert normalized_gini(actual, [-x for x in predicted]) == pytest.approx(-1.0)
    assert value_capture_at(actual, predicted, 0.25) == pytest.approx(0.6)
    assert value_capture_at(actual, predicted, 0.375) == pytest.approx(0.75)  # a row and a half


# Seen to fail when the gap was divided by the predicted total.
def test_decile_mape_by_hand() -> None:
    # every decile of two customers promises 10 % too much, but for the best, which promises 50 % too much
    actual = np.repeat(np.arange(1.0, 11.0), 2)
    assert decile_mape(actual, actual * np.where(actual == 10, 1.5, 1.1)) == pytest.approx((9 * 0.1 + 0.5) / 10)


def test_tweedie_counts_refunds_as_nothing_and_floors_what_is_promised() -> None:
    assert tweedie_deviance([0.0, 5.0], [0.01, 5.0]) == tweedie_deviance([-3.0, 5.0], [-1.0, 5.0])
    assert tweedie_deviance([4.0, 9.0], [4.0, 9.0]) == pytest.approx(0.0)
    # 2 * (4 mu^0.5 / 2 ...) by hand: y = 0 leaves mu^0.5 / 0.5, twice
    assert tweedie_deviance([0.0], [9.0]) == pytest.approx(2 * 3 / 0.5)
    with pytest.raises(ValueError, match="power is 2"):
        tweedie_deviance([1.0], [1.0], power=2)


# Seen to fail when one class gave 0.5, and when nothing spent gave 0.
def test_what_the_outcomes_leave_undefined_is_nan() -> None:
    p = np.linspace(0.1, 0.9, 20)
    nothing, everything, half = np.zeros(20), np.ones(20), np.arange(20) % 2
    undefined = [
        auc(nothing, p),
        auc(everything, p),
        expected_auc(nothing),
        expected_auc(everything),
        average_precision(nothing, p),
        capture_at(nothing, p, 0.1),
        lift_at(nothing, p, 0.1),
        *calibration_line(nothing, p),
        *calibration_line(half, np.full(20, 0.3)),  # one p: any line through it will do
        *calibration_line(p > 0.5, p),  # separated: the steeper the better, for ever
        *gains(nothing, p)[1],
        bias(nothing, p),
        spearman(nothing, p),
        normalized_gini(nothing, p),
        normalized_gini(everything, p),
        decile_mape(nothing, p),
        value_capture_at(nothing, p, 0.1),
    ]
    assert np.isnan(undefined).all()


def test_too_few_rows_and_impossible_shares_are_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"14 rows cannot fill 15 groups\. Use 1 to 14, or more rows"):
        calibration_error([0, 1] * 7, [0.5] * 14)
    with pytest.raises(ValueError, match="9 rows cannot fill 10 groups"):
        decile_mape([1.0] * 9, [1.0] * 9)
    with pytest.raises(ValueError, match="0 rows cannot fill 1 groups"):
        auc([], [])
    for share in (0.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="share is"):
            lift_at([0, 1], [0.1, 0.2], share)
    for count in (0, 3):
        with pytest.raises(ValueError, match=f"count is {count} of 2 customers. Use 1 to 2."):
            lift_of_best([0, 1], [0.1, 0.2], count)
