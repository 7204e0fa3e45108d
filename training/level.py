"""The level of predicted amounts: how much altogether, apart from the question of who brings it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
KNOTS = 160  # evenly over the customers; the richest few get more
LARGEST_LOG = 50.0
SAME_LEVEL = 0.1  # of the log: an aggregate forecast must be this much nearer, on average, to be preferred


@dataclass(frozen=True)
class Level:
    """What amount is promised to whom: a rising curve from the log amount of the model that ranks to that promised.

    margins, logs: (k,) ascending log amounts, before and after; beyond the ends the curve goes on with slope 1.
    note: how it was made, for a person.
    """

    margins: tuple[float, ...] = (0.0,)
    logs: tuple[float, ...] = (0.0,)
    note: str = field(default="amounts as the model gives them", compare=False)

    def apply_margin(self, margin: F64) -> F64:
        """(n,) log amounts of the ranking model to (n,) promised amounts."""
        knots, logs = self._curve
        beyond = np.minimum(margin - knots[0], 0.0) + np.maximum(margin - knots[-1], 0.0)
        result: F64 = np.exp(np.minimum(np.interp(margin, knots, logs) + beyond, LARGEST_LOG))
        return result

    @cached_property
    def _curve(self) -> tuple[F64, F64]:
        """`margins` and `logs` as arrays, made once and not for every customer."""
        return np.array(self.margins), np.array(self.logs)


AS_IT_IS = Level()


def times(factor: float) -> Level:
    """The ranking model's own amounts, all times one factor."""
    return Level((0.0,), (float(np.log(factor)),), f"amounts times {factor:.3f}")


def fit_factor(y: F64, promised: F64) -> Level:
    """The factor between what came and what was promised, held between 0.5 and 2; y, promised: (n,) amounts."""
    total, came = float(promised.sum()), float(y.sum())
    return times(float(np.clip(came / total, 0.5, 2.0)) if total > 0 and came > 0 else 1.0)


def level_of(margin: F64, amounts: F64) -> Level:
    """The amounts of one model in the order of another: the customer ranked first gets the largest amount, and so on.

    margin: (n,) log amounts of the model that ranks.  amounts: (n,) of the model whose total is believed, in the same
    rows; neither knows what came.  Equal margins share the mean of their amounts.  The total is kept.
    Raises ValueError without rows.
    """
    if not len(margin):
        raise ValueError("level: no customers, so there is no total to keep. Pass at least one.")
    places, group = np.unique(margin, return_inverse=True)
    ranked = np.sort(amounts)[np.argsort(np.argsort(margin, kind="stable"), kind="stable")]
    shared = np.bincount(group, ranked) / np.bincount(group)
    chosen = _knots(len(places))
    logs = np.log(np.maximum(shared[chosen], 1e-9))
    curve = Level(tuple(map(float, places[chosen])), tuple(map(float, logs)))
    shift = np.log(amounts.sum() / curve.apply_margin(margin).sum()) if amounts.sum() > 0 else 0.0
    return Level(curve.margins, tuple(map(float, logs + shift)), "the total of the aggregate forecast, by rank")


def _knots(count: int) -> NDArray[np.int64]:
    """Which of `count` ranks the curve remembers: evenly, and ever closer towards the richest."""
    even = np.linspace(0, count - 1, KNOTS)
    rich = count - 1 - np.geomspace(1, max(count / KNOTS, 1), 20)
    return np.unique(np.clip(np.r_[even, rich], 0, count - 1).astype(np.int64))


def level_error(came: float, promised: float) -> float:
    """How far a promised total missed the one that came, as the size of the log of their ratio; 0.1 is about 10 %."""
    return float(abs(np.log(promised / came))) if came > 0 and promised > 0 else float("nan")
