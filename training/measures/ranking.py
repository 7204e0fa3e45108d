"""Customers in the order of a prediction, ties in random order in expectation."""

from __future__ import annotations

import numpy as np

from training.calibration import Floats


def running(y: Floats, p: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Running weight and running y, highest p first: from 0, after each distinct p.  Straight in between: ties."""
    order = np.argsort(-p, kind="stable")
    last = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)
    rows, hits = (np.append(0.0, np.cumsum(side[order])[last]) for side in (weights, weights * y))
    return rows, hits


def tenths(y: Floats, p: Floats, weights: Floats) -> Floats:
    """The sum of y in each of ten groups of equal weight by p, highest first, (10,)."""
    rows, total = running(y, p, weights)
    return np.diff(np.interp(np.linspace(0.0, rows[-1], 11), rows, total))


def mid_ranks(values: Floats, weights: Floats) -> Floats:
    """(n,) how much weight lies below each value, and half of its own."""
    _, where = np.unique(values, return_inverse=True)
    held = np.bincount(where, weights)
    return np.asarray((np.cumsum(held) - held / 2.0)[where], dtype=np.float64)
