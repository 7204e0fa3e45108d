"""Attribution: base and effects make up the calibrated score, and a broken explanation is noticed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import made
from training.attribution import attribute, by_concept, concepts
from training.calibration import OUTPUT_CLIP, BetaCalibration
from training.level import level_of, times
from training.models.boosted import BULK
from training.models.linear import Linear

CURVES = [BetaCalibration(1.0, 1.0, 0.0), BetaCalibration(0.3, 2.0, -1.0), BetaCalibration(0.0, 0.0, 0.7)]
RUNGS = [(task, rung) for task in made.TASKS for rung in ("recency", "pareto_nbd", "rfm", "boosted", "blend")]


# Seen to fail when only rows near the base had a slope, and when the base stayed on the margin.
@pytest.mark.parametrize(("task", "rung"), RUNGS)
def test_base_and_effects_are_the_calibrated_score(task: str, rung: str) -> None:
    bundle = made.bundle(task, rung)
    x = made.holed(bundle.matrix(made.today()))
    money = task == "ltv"
    for calibration in (bundle.calibration, *([times(1.7), level_of(np.linspace(-3, 6, 40), np.geomspace(0.01, 900, 40))] if money else CURVES)):
        calibrated = replace(bundle, calibration=calibration)
        found = attribute(calibrated, x)
        predicted = calibrated.predict(x)
        assert (found.predicted == predicted).all()
        np.testing.assert_allclose(found.base + found.effects.sum(axis=1), predicted, rtol=1e-9, atol=1e-9)
        assert found.base == pytest.approx(calibrated.base, abs=1e-12)
        parts = bundle.model.contributions(x)[:, :-1]
        # Same sign as on the margin, or nothing at all where the curve is flat.
        assert (found.effects * parts >= 0.0).all()


def test_many_rows_add_up_as_well() -> None:
    bundle = made.bundle("churn", "boosted")
    x = np.tile(bundle.matrix(made.today()), (BULK // len(made.today()) + 1, 1))
    found = attribute(bundle, made.holed(x))
    assert len(x) >= BULK
    np.testing.assert_allclose(found.base + found.effects.sum(axis=1), found.predicted, atol=1e-9)


def test_far_out_and_right_at_the_base_it_holds_too() -> None:
    # Seen to fail without the slope of its own for rows at the base (0 / 0).
    columns = len(made.winner("churn").inputs.names)
    model = Linear((0,), ("as it is",), (0.0,), (1.0,), (1.0,), 0.0)
    bundle = replace(made.winner("churn"), model=model, calibration=CURVES[0])
    x = np.full((6, columns), np.nan, np.float32)
    x[:5, 0] = (0.0, 1e-6, -1e-6, 60.0, -60.0)
    found = attribute(bundle, x)
    np.testing.assert_allclose(found.base + found.effects.sum(axis=1), found.predicted, atol=1e-9)
    assert found.predicted[3] == 1 - OUTPUT_CLIP
    assert np.isfinite(found.effects).all()


def test_nobody_is_explained_without_complaint() -> None:
    for rung in ("rfm", "boosted", "blend"):
        bundle = made.bundle("churn", rung)
        nobody = bundle.matrix(made.today())[:0]
        found = attribute(bundle, nobody)
        assert found.base == pytest.approx(bundle.base)
        assert found.effects.shape == nobody.shape


@dataclass(frozen=True)
class Liar:
    """A model whose explanation is of another model."""

    true: Linear
    told: Linear

    def margin(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        return self.true.margin(x)

    def contributions(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        return self.told.contributions(x)


def test_a_broken_explanation_raises() -> None:
    # Failed before: the slope was taken between the base and the score, so that any parts added up to it.
    true = Linear((0,), ("as it is",), (0.0,), (1.0,), (1.0,), 0.3)
    x = made.winner("churn").matrix(made.today())
    for told in (replace(true, weights=(-1.0,)), replace(true, weights=(0.5,)), replace(true, intercept=0.31)):
        with pytest.raises(ArithmeticError, match="contributions miss the score"):
            attribute(replace(made.winner("churn"), model=Liar(true, told)), x)  # type: ignore[arg-type]
    attribute(replace(made.winner("churn"), model=Liar(true, true)), x)  # type: ignore[arg-type]


def test_concepts_share_out_every_effect_once() -> None:
    # Seen to fail when the rhythm's verdicts counted as spend.
    bundle = made.bundle("ltv", "blend")
    owner = concepts(bundle)
    assert len(owner) == len(bundle.inputs.names)
    assert owner[-1] == "spend"
    assert owner[-4:-1] == ("rhythm",) * 3
    found = attribute(bundle, bundle.matrix(made.today()))
    gathered = by_concept(found.effects, owner)
    assert set(gathered) == set(owner)
    np.testing.assert_allclose(sum(gathered.values()), found.effects.sum(axis=1), atol=1e-9)
