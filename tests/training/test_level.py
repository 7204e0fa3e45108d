"""The level: totals are kept, the order is the ranking model's, and the nearer forecast is believed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.level import AS_IT_IS, Level, fit_factor, level_error, level_of, times

AMOUNTS = st.lists(st.floats(0.01, 1e5), min_size=1, max_size=400)


@given(AMOUNTS, st.integers(0, 2**31), st.integers(1, 500))
def test_the_total_is_the_aggregate_forecasts_and_the_order_the_ranking_models(
    amounts: list[float], seed: int, places: int
) -> None:
    # Seen to fail without the shift to the total, and with the amounts left in the order of their own model.
    dice = np.random.default_rng(seed)
    margin = dice.integers(0, places, len(amounts)).astype(float) / 7
    level = level_of(margin, np.array(amounts))
    promised = level.apply_margin(margin)
    assert promised.sum() == pytest.approx(sum(amounts), rel=1e-9)
    order = np.argsort(margin, kind="stable")
    assert (np.diff(promised[order]) >= -1e-9 * promised.max()).all()
    assert len(level.margins) <= 200


def test_few_customers_get_the_very_amounts_by_rank() -> None:
    promised = level_of(np.array([0.3, -1.0, 2.0]), np.array([10.0, 500.0, 40.0])).apply_margin(
        np.array([0.3, -1.0, 2.0])
    )
    np.testing.assert_allclose(promised, [40.0, 10.0, 500.0])


def test_equal_margins_share_their_mean() -> None:
    promised = level_of(np.array([1.0, 1.0, 2.0]), np.array([10.0, 30.0, 80.0])).apply_margin(np.array([1.0, 2.0]))
    np.testing.assert_allclose(promised, [20.0, 80.0])


def test_many_customers_keep_the_distribution() -> None:
    dice = np.random.default_rng(0)
    amounts, margin = dice.lognormal(2.0, 1.5, 20_000), dice.normal(size=20_000)
    promised = level_of(margin, amounts).apply_margin(margin)
    for share in (0.1, 0.5, 0.9, 0.99, 0.999):
        assert np.quantile(promised, share) == pytest.approx(np.quantile(amounts, share), rel=0.03)
    assert promised.max() == pytest.approx(amounts.max(), rel=0.05)


def test_beyond_the_customers_seen_it_goes_on_in_proportion() -> None:
    level = level_of(np.array([0.0, 1.0]), np.array([5.0, 50.0]))
    np.testing.assert_allclose(level.apply_margin(np.array([-1.0, 2.0])), [5.0 / np.e, 50.0 * np.e])
    assert np.isfinite(level.apply_margin(np.array([1e6, -1e6]))).all()


@pytest.mark.parametrize(
    ("came", "promised", "factor"),
    [(150.0, 100.0, 1.5), (10.0, 100.0, 0.5), (900.0, 100.0, 2.0), (-5.0, 100.0, 1.0), (5.0, 0.0, 1.0)],
)
def test_a_factor_is_held_between_a_half_and_twice(came: float, promised: float, factor: float) -> None:
    # Seen to fail without the clip.
    level = fit_factor(np.array([came, 0.0]), np.array([promised / 2] * 2))
    assert level == times(factor)
    assert level.apply_margin(np.log([10.0])) == pytest.approx([10.0 * factor])
    assert f"{factor:.3f}" in level.note


def test_as_it_is_changes_nothing() -> None:
    assert Level() == AS_IT_IS
    np.testing.assert_allclose(AS_IT_IS.apply_margin(np.array([-2.0, 0.0, 3.0])), np.exp([-2.0, 0.0, 3.0]))


def test_nobody_has_no_level() -> None:
    with pytest.raises(ValueError, match="no customers"):
        level_of(np.zeros(0), np.zeros(0))


def test_the_error_of_a_total_is_the_same_up_and_down() -> None:
    assert level_error(100.0, 110.0) == pytest.approx(np.log(1.1))
    assert level_error(110.0, 100.0) == pytest.approx(np.log(1.1))
    assert np.isnan(level_error(0.0, 5.0))
