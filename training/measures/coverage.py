"""Coverage: how many customers came to lie within the interval that they were promised."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from training.calibration import Floats, Weights, checked
from training.measures.ranking import tenths


def coverage(actual: ArrayLike, low: ArrayLike, high: ArrayLike, weights: Weights = None) -> float:
    """The share of customers whose amount lies within their interval, bounds included.

    actual, low, high: (n,).  weights: (n,) >= 0.  Returns [0, 1].  ValueError: rows that do not fit together."""
    inside, weight = _inside(actual, low, high, weights)
    return float(np.average(inside, weights=weight))


def coverage_by_decile(
    actual: ArrayLike, predicted: ArrayLike, low: ArrayLike, high: ArrayLike, weights: Weights = None
) -> Floats:
    """Coverage in ten equal groups by prediction, (10,), the customers promised most first.

    Equal predictions are spread over groups in proportion, so that row order never matters.
    As coverage(); ValueError with fewer than 10 rows too."""
    inside, weight = _inside(actual, low, high, weights)
    _, by, _ = checked(actual, predicted, groups=10)
    return tenths(inside, by, weight) / (np.sum(weight) / 10.0)


def _inside(actual: ArrayLike, low: ArrayLike, high: ArrayLike, weights: Weights) -> tuple[Floats, Floats]:
    truth, lower, weight = checked(actual, low, weights)
    upper = checked(actual, high)[1]
    return ((truth >= lower) & (truth <= upper)).astype(np.float64), weight
