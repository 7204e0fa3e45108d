"""What candidates are compared by: log loss; of amounts, how much of the perfect order of customers is missed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from features.definitions import TaskName
from training.measures.bootstrap import row_log_loss

F64 = NDArray[np.float64]
Counts = NDArray[np.int64]
Statistic = Callable[[F64], float]  # of how often each row counts, (n,), to the loss; lower is better


def criterion(task: TaskName, y: F64, p: F64, window: Counts) -> Statistic:
    """The loss of predictions as a function of how often each row counts, prepared so that many draws are cheap.

    y, p: (n,) outcomes and predictions.  window: (n,) which window a row belongs to, 0, 1, ...
    """
    if task == "ltv":
        return _order_missed(y, p, window)
    surprise = row_log_loss(y, p)
    return lambda weights: float(np.sum(weights * surprise) / np.sum(weights))


def loss_of(task: TaskName, y: F64, p: F64, window: Counts | None = None) -> float:
    """The loss with every row counted once; lower is better."""
    return criterion(task, y, p, np.zeros(len(y), np.int64) if window is None else window)(np.ones(len(y)))


def _order_missed(y: F64, p: F64, window: Counts) -> Statistic:
    """One minus the normalized Gini, averaged over the windows by their rows: 0 is the perfect order, 1 is chance.

    The level of the amounts, which differs by window and is decided apart, plays no part in it.  A window in which
    nothing came, or all brought the same, is 1: no order is better than another.
    Source: normalized Gini as Wang, Liu, Miao 2019, https://arxiv.org/abs/1912.07753
    """
    parts = [(rows, _area(y[rows], p[rows]), _area(y[rows], y[rows]))
             for rows in (np.flatnonzero(window == one) for one in np.unique(window))]  # fmt: skip

    def missed(weights: F64) -> float:
        found = [(weights[rows].sum(), own(weights[rows]), most(weights[rows])) for rows, own, most in parts]
        sizes = np.array([size for size, _, _ in found])
        losses = [1.0 - own / most if most > 0.0 else 1.0 for _, own, most in found]
        return float(np.sum(sizes * losses) / np.sum(sizes))

    return missed


def _area(y: F64, by: F64) -> Statistic:
    """The area between the curve of money found (highest `by` first, ties in random order) and chance."""
    order = np.argsort(-by, kind="stable")
    last = np.append(np.flatnonzero(np.diff(by[order])), len(by) - 1)
    money = y[order]

    def area(weights: F64) -> float:
        weight = weights[order]
        rows, hits = np.cumsum(weight)[last], np.cumsum(weight * money)[last]
        if hits[-1] <= 0.0:
            return 0.0
        rows, hits = np.append(0.0, rows / rows[-1]), np.append(0.0, hits / hits[-1])
        return float(np.trapezoid(hits, rows)) - 0.5

    return area
