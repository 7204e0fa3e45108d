"""Exact contributions, carried from the model's margin to the calibrated score, and gathered under concepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.bundle import Bundle
from training.inputs import EXPECTED_VALUE

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
STEP = 1e-4


@dataclass(frozen=True)
class Attribution:
    """margin: (n,) of the model.  predicted: (n,) calibrated.  base: where everybody starts.

    effects: (n, inputs); base + effects = predicted.
    """

    margin: F64
    predicted: F64
    base: float
    effects: F64


def attribute(bundle: Bundle, x: F32) -> Attribution:
    """What each input adds to each row's calibrated score.

    x: (n, inputs).  Margin contributions (exact Shapley values) are scaled by the mean slope of the calibration between
    the base and the row, so that they add up on the calibrated scale and keep their signs and proportions.
    Raises ArithmeticError when they do not add up, which a correct model cannot cause.
    """
    parts = bundle.model.contributions(x)
    margin, start = parts.sum(axis=1), parts[:, -1]
    scale = bundle.calibration.apply_margin
    own = bundle.model.margin(x)
    predicted, base = scale(own), scale(start)
    away = margin - start
    flat = np.abs(away) < STEP
    slope = np.where(flat, (scale(start + STEP) - scale(start - STEP)) / (2 * STEP), 0.0)
    np.divide(predicted - base, away, out=slope, where=~flat)
    effects = parts[:, :-1] * slope[:, None]
    gap = np.abs(margin - own)  # on the margin: the slope makes any parts add up on the calibrated scale
    if not (gap <= 1e-4 * np.maximum(1.0, np.abs(own))).all():
        raise ArithmeticError(f"contributions miss the score by {gap.max():.2e}; the model's explanation is broken")
    return Attribution(own, predicted, float(base[0]) if len(base) else bundle.base, effects)


def concepts(bundle: Bundle) -> tuple[str, ...]:
    """The concept of each input, in column order."""
    verdicts = bundle.inputs.names[len(bundle.catalog.names) :]
    return tuple(f.concept for f in bundle.catalog.features) + tuple(
        "spend" if name == EXPECTED_VALUE else "rhythm" for name in verdicts
    )


def by_concept(effects: F64, names: Sequence[str]) -> dict[str, F64]:
    """(n,) effect of each concept; effects: (n, inputs), names: the concept of each input."""
    owner = np.asarray(names)
    return {concept: effects[:, owner == concept].sum(axis=1) for concept in dict.fromkeys(names)}
