"""Drift: what moved is named, what chance does is not, and the memory of a column is small."""

from __future__ import annotations

import json

import numpy as np
import pytest

from training.measures.drift import Reference, drifted, fit_reference, population_stability

NAMES = ("spend", "recency", "orders", "night_share", "city")


def crowd(seed: int, n: int) -> np.ndarray:
    """Columns of many shapes: skewed, mostly 0, whole, holed, constant."""
    rng = np.random.default_rng(seed)
    holed = np.where(rng.random(n) < 0.3, np.nan, rng.beta(1, 5, n))
    columns = [rng.lognormal(3, 1, n), rng.exponential(40, n) * (rng.random(n) < 0.4), rng.poisson(2, n), holed, np.ones(n)]
    return np.column_stack(columns).astype(np.float32)


# Seen to fail when a constant column had no edges.
def test_what_moved_is_named_with_the_worst_first_and_nothing_else() -> None:
    reference = fit_reference(NAMES, crowd(0, 5_000))
    assert drifted(reference, crowd(1, 5_000)) == ()
    now = crowd(2, 5_000)
    now[:, 0] *= 2.5
    now[np.random.default_rng(0).random(5_000) < 0.5, 3] = np.nan
    now[:, 4] = 0.5
    found = drifted(reference, now)
    assert [column.name for column in found] == ["city", "spend", "night_share"]
    assert found[2].missing == pytest.approx((0.3, 0.65), abs=0.02)
    assert found[0].index > found[1].index > found[2].index > 0.25


# Seen to fail without the limit of chance.
def test_few_rows_are_not_taken_for_another_population() -> None:
    reference = fit_reference(NAMES, crowd(0, 200))
    assert sum(len(drifted(reference, crowd(100 + seed, 40))) for seed in range(100)) <= 3
    assert any(population_stability(crowd(0, 200)[:, 0], crowd(100 + seed, 40)[:, 0]) > 0.25 for seed in range(100))


def test_all_missing_then_or_now_is_drift_and_no_error() -> None:
    nothing = np.full((300, 1), np.nan)
    something = np.arange(300.0)[:, None]
    for before, now in ((nothing, something), (something, nothing)):
        assert len(drifted(fit_reference(("x",), before), now)) == 1
    assert drifted(fit_reference(("x",), nothing), nothing) == ()
    assert population_stability([np.inf, -np.inf, 0.0], [np.inf, -np.inf, 0.0]) == 0.0


def test_a_column_takes_few_numbers_and_json_keeps_them() -> None:
    reference = fit_reference(NAMES, crowd(0, 5_000))
    assert max(map(len, reference.edges)) <= 10
    assert all(len(shares) == len(edges) + 2 for edges, shares in zip(reference.edges, reference.shares, strict=True))
    again = Reference.from_json(json.loads(json.dumps(reference.to_json())))
    assert again == reference
    now = crowd(3, 500) * 1.5
    assert drifted(again, now) == drifted(reference, now)


def test_a_matrix_of_other_columns_is_refused() -> None:
    reference = fit_reference(NAMES, crowd(0, 50))
    with pytest.raises(ValueError, match=r"5 columns are named, the matrix is \(50, 4\)"):
        drifted(reference, crowd(0, 50)[:, :4])
    with pytest.raises(ValueError, match="at least one row"):
        population_stability([], [1.0])
