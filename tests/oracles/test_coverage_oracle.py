"""Coverage of intervals, recomputed by SQL and by its mean over row orders."""

from __future__ import annotations

import itertools
import sqlite3

import numpy as np
import pytest

from training.measures.coverage import coverage, coverage_by_decile


def promised(seed: int, n: int) -> tuple[np.ndarray, ...]:
    """Amounts in whole units (bounds are met exactly), predictions without ties, and intervals."""
    rng = np.random.default_rng(seed)
    predicted = rng.permutation(n) + 0.5
    actual = np.floor(rng.gamma(1.0, predicted)) * (rng.random(n) < 0.7)
    return actual, predicted, np.floor(predicted / 3), np.floor(predicted * 2)


# Seen to fail when an amount on a bound counted as outside, and when deciles came lowest first.
@pytest.mark.parametrize("seed", range(6))
def test_coverage_matches_sql(seed: int) -> None:
    actual, predicted, low, high = promised(seed, 200)
    with sqlite3.connect(":memory:") as database:
        database.execute("create table t (a, p, low, high)")
        rows = np.column_stack([actual, predicted, low, high]).tolist()
        database.executemany("insert into t values (?, ?, ?, ?)", rows)
        overall = database.execute("select avg(a between low and high) from t").fetchone()[0]
        deciles = database.execute("""
            with decile as (select *, ntile(10) over (order by p desc) as k from t)
            select avg(a between low and high) from decile group by k order by k""").fetchall()
    assert coverage(actual, low, high) == pytest.approx(overall, rel=1e-12)
    np.testing.assert_allclose(coverage_by_decile(actual, predicted, low, high), np.ravel(deciles), atol=1e-12)


# Seen to fail when `tenths` cut through equal predictions by row order.
def test_equal_predictions_are_spread_as_in_random_order() -> None:
    actual, predicted = np.array([1.0, 9.0, 1.0] + [1.0] * 7), np.array([5.0, 5.0, 5.0] + [1.0] * 7)
    inside = np.array([1.0, 0.0, 1.0])
    expected = np.mean([inside[list(order)] for order in itertools.permutations(range(3))], axis=0)
    got = coverage_by_decile(actual, predicted, np.zeros(10), np.full(10, 5.0))
    np.testing.assert_allclose(got, np.r_[expected, np.ones(7)], atol=1e-12)


def test_weights_mean_repetition() -> None:
    actual, predicted, low, high = promised(1, 40)
    weight = np.random.default_rng(2).integers(0, 4, 40).astype(float)
    rows = np.repeat(np.arange(40), weight.astype(int))
    again = actual[rows], predicted[rows], low[rows], high[rows]
    assert coverage(actual, low, high, weight) == pytest.approx(coverage(again[0], *again[2:]))
    deciles = coverage_by_decile(actual, predicted, low, high, weight)
    np.testing.assert_allclose(deciles, coverage_by_decile(*again), atol=1e-12)


def test_rows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="give one of each a row"):
        coverage([1.0, 2.0], [0.0, 0.0], [1.0])
    with pytest.raises(ValueError, match="9 rows cannot fill 10 groups"):
        coverage_by_decile(*np.ones((4, 9)))
