"""Explanations: the strongest first, nothing lost, and a concept speaks through what moves it its way."""

from __future__ import annotations

import numpy as np
import pytest

from serving.explanations import OUT_OF_REACH, explain
from serving.phrases import concept_phrase
from tests import made
from training.attribution import attribute, concepts
from training.models.boosted import BULK

RUNGS = [("churn", "rfm"), ("churn", "blend"), ("conversion", "boosted"), ("ltv", "blend"), ("ltv", "pareto_nbd")]


# Seen to fail when the order went by the signed effect, and when the rest was 0.
@pytest.mark.parametrize(("task", "rung"), RUNGS)
@pytest.mark.parametrize("most", [0, 2, 100])
def test_the_strongest_come_first_and_nothing_is_lost(task: str, rung: str, most: int) -> None:
    bundle = made.bundle(task, rung)
    x = bundle.matrix(made.today())
    found, predicted = explain(bundle, x), bundle.predict(x)
    for row in range(0, len(x), 5):
        told = found.row(row, most, "en")
        sizes = [abs(reason.effect) for reason in told.reasons]
        assert sizes == sorted(sizes, reverse=True)
        assert all(sizes)
        assert len(sizes) <= most
        total = told.base + sum(reason.effect for reason in told.reasons) + told.other_effect
        assert total == pytest.approx(predicted[row], abs=1e-9)
        unsaid = sorted(np.abs(found.effects[row]))[: found.effects.shape[1] - len(sizes)]
        assert not sizes or max(unsaid, default=0.0) <= min(sizes)
        assert len({reason.concept for reason in told.reasons}) == len(told.reasons)
        for reason in told.reasons:
            assert reason.actionable == (reason.concept not in OUT_OF_REACH)
            assert reason.effect == found.effects[row, found.concepts.index(reason.concept)]


# Seen to fail with the largest absolute effect as the speaker: it then contradicted its concept.
@pytest.mark.parametrize(("task", "rung"), RUNGS)
def test_a_concept_speaks_through_a_column_that_moves_its_way(task: str, rung: str) -> None:
    bundle = made.bundle(task, rung)
    x = made.holed(bundle.matrix(made.today()))
    found, single, owner = explain(bundle, x), attribute(bundle, x).effects, concepts(bundle)
    for c, name in enumerate(found.concepts):
        mine = [n for n, concept in enumerate(owner) if concept == name]
        assert {owner[n] for n in found.columns[:, c]} == {name}
        said = single[np.arange(len(x)), found.columns[:, c]]
        moved = found.effects[:, c] != 0.0
        assert (said[moved] * found.effects[moved, c] > 0).all()
        sign = np.where(found.effects[:, c] < 0, -1.0, 1.0)[:, None]
        np.testing.assert_array_equal(said * sign[:, 0], (single[:, mine] * sign).max(axis=1))


def test_the_text_is_of_the_row_and_the_column_that_speak() -> None:
    # Seen to fail when the text came from row 0.
    bundle = made.bundle("churn", "blend")
    x = bundle.matrix(made.today())
    found = explain(bundle, x)
    for row in (0, 9, 33):
        for reason in found.row(row, 3, "zh").reasons:
            column = int(found.columns[row, found.concepts.index(reason.concept)])
            assert reason.text == concept_phrase(bundle.inputs, x[row], column, "zh")


def test_many_rows_are_told_as_few() -> None:
    bundle = made.bundle("churn", "boosted")
    x = bundle.matrix(made.today())
    few, many = explain(bundle, x), explain(bundle, np.tile(x, (BULK // len(x) + 1, 1)))
    np.testing.assert_allclose(many.effects[: len(x)], few.effects, atol=2e-5)
    assert many.base == pytest.approx(few.base)


def test_nobody_and_somebody_without_any_feature() -> None:
    bundle = made.bundle("churn", "blend")
    x = bundle.matrix(made.today())
    assert explain(bundle, x[:0]).effects.shape[0] == 0
    blank = np.full((1, x.shape[1]), np.nan, np.float32)
    told = explain(bundle, blank).row(0, 5, "en")
    total = told.base + sum(reason.effect for reason in told.reasons) + told.other_effect
    assert total == pytest.approx(bundle.predict(blank)[0])
