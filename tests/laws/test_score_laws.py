"""What holds for every score: who else is scored changes nothing, intervals nest, and nobody is answered unasked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.build import FeatureTable
from serving.scores import Scores, score_table
from tests import made

RUNGS = ("rfm", "boosted", "blend")
FIGURES = dict.fromkeys(("churn", "conversion"), ("probability", "uncertainty", "percentile")) | {
    "ltv": ("expected", "low", "high", "low_90", "high_90", "percentile")
}


def of(rung: str, rows: np.ndarray | slice = slice(None)) -> Scores:
    table: FeatureTable = made.today()
    some = replace(table, user=table.user[rows], as_of=table.as_of[rows], values=table.values[rows])
    return score_table({task: made.bundle(task, rung) for task in made.TASKS}, some, 0)


# Planted and seen to fail: the uncertainty as the share of those scored together who are less certain.
@pytest.mark.parametrize("rung", RUNGS)
def test_who_else_is_scored_changes_no_figure(rung: str) -> None:
    everybody, count = of(rung), len(made.today())
    dice = np.random.default_rng(3)
    crowds = [dice.permutation(count), np.arange(count)[::-5], *(np.array([row]) for row in range(0, count, 29))]
    for rows in crowds:
        found = of(rung, rows)
        for task, names in FIGURES.items():
            for name in names:
                figure, among = (scores.tasks[task].figure(name) for scores in (found, everybody))  # type: ignore[index]
                if name == "uncertainty":
                    np.testing.assert_array_equal(figure, among[rows])
                else:
                    np.testing.assert_allclose(figure, among[rows], rtol=1e-12)


# Planted and seen to fail: the bounds of 90 % taken for those of 80 %.
@pytest.mark.parametrize("rung", RUNGS)
def test_the_narrow_interval_lies_within_the_wide_one_around_the_amount(rung: str) -> None:
    ltv = of(rung).tasks["ltv"]
    lowest, low, expected, high, highest = (ltv.figure(name) for name in ("low_90", "low", "expected", "high", "high_90"))
    assert (lowest <= low).all()
    assert (low <= expected).all()
    assert (expected <= high).all()
    assert (high <= highest).all()
    assert (high < highest).any()


# Planted and seen to fail: the uncertainty of the calibrated probability and not of the model's own margin.
@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("task", ["churn", "conversion"])
def test_the_uncertainty_is_what_the_bundle_says_of_those_asked_and_null_of_others(task: str, rung: str) -> None:
    found, bundle = of(rung), made.bundle(task, rung)  # type: ignore[arg-type]
    own = found.tasks[task]  # type: ignore[index]
    asked = own.place >= 0
    assert 0 < asked.sum() < len(asked)
    x = bundle.matrix(made.today())[asked]
    assert bundle.doubt is not None
    low, high = bundle.doubt.between(bundle.model.margin(x))
    width = own.figure("uncertainty")
    np.testing.assert_array_equal(width[asked], high - low)
    np.testing.assert_array_equal(width[asked], bundle.uncertainty(x))
    assert ((width[asked] > 0) & (width[asked] <= 1)).all()
    assert np.isnan(width[~asked]).all()
    for row in np.flatnonzero(~asked)[:5]:
        assert found.answer(int(row))[task] is None
    for row in np.flatnonzero(asked)[:5]:
        assert found.answer(int(row))[task]["uncertainty"] == width[row]


def test_a_model_that_does_not_know_its_uncertainty_answers_null() -> None:
    bundle = replace(made.bundle("churn", "rfm"), doubt=None)
    found = score_table({"churn": bundle}, made.today(), 0)
    row = int(np.flatnonzero(found.tasks["churn"].place >= 0)[0])
    assert found.answer(row)["churn"]["uncertainty"] is None
    assert 0 < found.answer(row)["churn"]["probability"] < 1
