"""Segments: everybody is in one of each kind, figures are those of its rows alone, and small ones say nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.build import build_at
from features.catalog import KindUse, catalog
from features.lifecycle import STAGES, lifecycle
from tests import made
from training.measures import metrics
from training.measures.bootstrap import Interval, interval, paired
from training.measures.segments import (
    AMOUNT_FIGURES,
    FEWEST_CASES,
    FEWEST_ROWS,
    ORDER,
    PROBABILITY_FIGURES,
    TENURES,
    TIERS,
    TOO_FEW,
    Segment,
    by_segment,
    difference_by_segment,
    fit_segmentation,
    past_of,
)

CHURN, LTV = made.question("churn"), made.question("ltv")


def crowd(sizes: dict[str, int], seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray]:
    """Segments of these sizes, outcomes, probabilities and the customer of each row (two rows each)."""
    rng = np.random.default_rng(seed)
    names = np.repeat(np.array(list(sizes), dtype=object), list(sizes.values()))
    p = rng.beta(2, 3, len(names))
    mixed = rng.permutation(len(names))
    return {"value": names[mixed]}, (rng.random(len(names)) < p).astype(float), p, np.arange(len(names)) // 2


# Seen to fail when a missing amount joined the low tier, and when edges were of all customers instead of those with any.
def test_customers_are_told_apart_by_what_their_past_says() -> None:
    table = made.today()
    made_segments = fit_segmentation(table, LTV, CHURN)
    found = made_segments.assign(table)
    assert list(found) == ["value", "tenure", "stage"]
    spent, tenure = table.column("order_sum_ever"), table.column("order_tenure")
    assert set(found["value"]) == set(TIERS)
    assert set(found["tenure"]) == set(TENURES)
    np.testing.assert_array_equal(found["value"] == "none", ~(spent > 0))
    np.testing.assert_array_equal(found["stage"], lifecycle(CHURN, table))
    for names, amounts, order in ((found["value"], spent, TIERS), (found["tenure"], tenure, TENURES)):
        sizes = [np.sum(names == name) for name in order[1:]]
        assert max(sizes) - min(sizes) <= 2
        low, middle, high = (amounts[names == name] for name in order[1:])
        assert low.max() < middle.min() <= middle.max() < high.min()


def test_a_segmentation_is_used_on_others_as_it_was_fitted() -> None:
    # Seen to fail when `assign` took the thirds of the table given.
    table = made.today()
    rich = replace(table, values=np.where(np.isnan(table.values), np.nan, table.values * 1_000).astype(np.float32))
    names = fit_segmentation(table, LTV, CHURN).assign(rich)["value"]
    assert set(names) == {"none", "high"}


def test_labelled_rows_are_told_apart_as_the_table_they_came_from() -> None:
    _, rows = made.learned("churn")
    table = past_of(rows, made.features())
    assert table.values.shape == (len(rows), len(made.features().names))
    found = fit_segmentation(table, CHURN).assign(table)
    assert set(found["stage"]) <= set(STAGES)
    np.testing.assert_array_equal(found["value"] == "none", ~(rows.x[:, rows.names.index("order_sum_ever")] > 0))


def test_without_values_activity_counts_and_without_churn_the_questions_own_horizon() -> None:
    bare = catalog(made.asking(), [KindUse("order", 9, True, False), KindUse("visit", 9, True, False)])
    table = build_at(made.known(), bare, made.known().span.last)
    segmentation = fit_segmentation(table, replace(LTV, horizon_days=7))
    found = segmentation.assign(table)
    assert list(found) == ["activity", "tenure", "stage"]
    assert set(found["activity"]) == set(TIERS)
    assert not np.array_equal(found["stage"], lifecycle(CHURN, table))
    np.testing.assert_array_equal(found["stage"], lifecycle(replace(CHURN, horizon_days=7), table))


# Seen to fail when the rows of all segments were measured.
def test_figures_are_those_of_the_segments_own_rows() -> None:
    segments, y, p, who = crowd({"high": 300, "none": 500, "low": 200})
    found = by_segment(segments, y, p, who, PROBABILITY_FIGURES)
    assert [segment.name for segment in found] == ["none", "low", "high"]
    assert [segment.rows for segment in found] == [500, 200, 300]
    for segment in found:
        own = segments["value"] == segment.name
        assert segment.cases == y[own].sum()
        assert segment.figures is not None
        assert segment.figures["auc"] == interval(metrics.auc, y[own], p[own], who[own], 200)
        assert segment.figures["log_loss"] == interval(metrics.log_loss, y[own], p[own], who[own], 200)
        assert segment.figures["calibration_gap"].point == pytest.approx(p[own].mean() - y[own].mean())
        assert segment.reason == ""


def test_amounts_have_figures_of_their_own() -> None:
    segments, y, p, who = crowd({"low": 300, "high": 300})
    spent = y * np.random.default_rng(3).gamma(2.0, 20.0, len(y))
    found = by_segment(segments, spent, p * 30, who, AMOUNT_FIGURES)
    for segment in found:
        own = segments["value"] == segment.name
        assert segment.cases == np.sum(spent[own] > 0)
        assert segment.figures is not None
        for name, metric in AMOUNT_FIGURES.items():
            assert segment.figures[name] == interval(metric, spent[own], p[own] * 30, who[own], 200)


# Seen to fail when positives were counted in place of the rarer outcome.
@pytest.mark.parametrize(("rows", "positives", "enough"), [
    (FEWEST_ROWS, FEWEST_CASES, True), (FEWEST_ROWS - 1, 50, False), (400, FEWEST_CASES - 1, False),
    (400, 400 - FEWEST_CASES + 1, False), (400, 400 - FEWEST_CASES, True),
])  # fmt: skip
def test_a_small_segment_says_nothing_and_why(rows: int, positives: int, enough: bool) -> None:
    y = (np.arange(rows) < positives).astype(float)
    p = np.random.default_rng(0).random(rows)
    (segment,) = by_segment({"stage": np.full(rows, "new", dtype=object)}, y, p, np.arange(rows), PROBABILITY_FIGURES)
    assert (segment.figures is not None) == enough
    if not enough:
        assert segment == Segment("stage", "new", rows, positives, None, TOO_FEW)


def test_one_customer_is_no_crowd() -> None:
    y = (np.arange(200) % 2).astype(float)
    (segment,) = by_segment({"stage": np.full(200, "new", dtype=object)}, y, y / 2, np.zeros(200), PROBABILITY_FIGURES)
    assert segment.reason == TOO_FEW


# Seen to fail when p and p_other were swapped.
def test_where_one_model_is_worse_is_found_though_it_is_better_on_the_whole() -> None:
    segments, y, p, who = crowd({"low": 4_000, "high": 250}, seed=4)
    worse = np.where(segments["value"] == "high", np.clip(1 - p, 0.01, 0.99), p)
    other = np.where(segments["value"] == "low", 0.4, p)
    assert paired(metrics.log_loss, y, worse, other, who).high < 0
    low, high = difference_by_segment(segments, y, worse, other, who, metrics.log_loss)
    assert low.figures is not None
    assert high.figures is not None
    assert low.figures["difference"].high < 0 < high.figures["difference"].low
    own = segments["value"] == "high"
    assert high.figures["difference"] == paired(metrics.log_loss, y[own], worse[own], other[own], who[own], 200)
    assert isinstance(high.figures["difference"], Interval)


def test_names_that_do_not_fit_are_refused_and_others_are_taken_in_order() -> None:
    segments, y, p, who = crowd({"low": 150, "high": 150})
    with pytest.raises(ValueError, match="segments by value: 299 names for 300 rows"):
        by_segment({"value": segments["value"][1:]}, y, p, who, PROBABILITY_FIGURES)
    found = by_segment({"country": segments["value"]}, y, p, who, PROBABILITY_FIGURES)
    assert [segment.name for segment in found] == ["high", "low"]
    assert "country" not in ORDER
