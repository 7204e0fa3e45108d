"""Exact contributions, carried from the model's margin to the calibrated score, and gathered under concepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

from training.bundle import Bundle

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
    parts, own = bundle.model.contributions(x), bundle.model.margin(x)
    margin = parts.sum(axis=1)
    gap = np.abs(margin - own)  # on the margin: the slope makes any parts add up on the calibrated scale
    if not (gap <= 1e-4 * np.maximum(1.0, np.abs(own))).all():
        raise ArithmeticError(f"contributions miss the score by {gap.max():.2e}; the model's explanation is broken")
    predicted, base = bundle.calibration.apply_margin(own), bundle.base
    away = margin - bundle.start
    near = np.abs(away) < STEP
    slope = (predicted - base) / np.where(near, 1.0, away)
    if near.any():
        slope[near] = _slope_at(bundle)
    return Attribution(own, predicted, base, parts[:, :-1] * slope[:, None])


def _slope_at(bundle: Bundle) -> float:
    """How steep the calibration is at the base."""
    below, above = bundle.calibration.apply_margin(bundle.start + np.array([-STEP, STEP]))
    return float(above - below) / (2 * STEP)


def concepts(bundle: Bundle) -> tuple[str, ...]:
    """The concept of each input, in column order."""
    return bundle.inputs.concepts


def by_concept(effects: F64, names: Sequence[str]) -> dict[str, F64]:
    """(n,) effect of each concept; effects: (n, inputs), names: the concept of each input."""
    gathered = gather(effects, names)
    return {concept: gathered.effects[:, c] for c, concept in enumerate(gathered.concepts)}


@dataclass(frozen=True)
class Gathered:
    """Effects by concept.

    effects: (n, concepts) sums.  columns: (n, concepts) the input that moves the score most in its concept's direction.
    """

    concepts: tuple[str, ...]
    effects: F64
    columns: NDArray[np.int64]


def gather(effects: F64, names: Sequence[str]) -> Gathered:
    """Effects of inputs gathered under concepts, in order of first appearance; effects: (n, inputs)."""
    told, owner = _numbered(tuple(names))
    return Gathered(told, *_gathered(effects, owner, len(told)))


@lru_cache(maxsize=64)
def _numbered(names: tuple[str, ...]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The concepts in order of first appearance, and the place of each input's among them."""
    told = tuple(dict.fromkeys(names))
    return told, np.array([told.index(name) for name in names], dtype=np.int64)


@numba.njit(cache=True)
def _gathered(effects, owner, concepts):  # type: ignore[no-untyped-def]
    total = np.zeros((len(effects), concepts))
    column = np.zeros((len(effects), concepts), dtype=np.int64)
    most = np.empty(concepts)
    for row in range(len(effects)):
        for i in range(len(owner)):
            total[row, owner[i]] += effects[row, i]
        most[:] = -np.inf
        for i in range(len(owner)):
            c = owner[i]
            toward = -effects[row, i] if total[row, c] < 0.0 else effects[row, i]
            if toward > most[c]:
                most[c], column[row, c] = toward, i
    return total, column
