"""Bootstrap: how far a metric could have come out differently with other customers of the same kind."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.calibration import Floats, checked, row_log_loss
from training.measures.metrics import calibration_gap, log_loss, mae

__all__ = ["ROW_LOSSES", "Interval", "draws_for", "interval", "paired", "replayed", "row_log_loss", "summary"]

FEWEST_DRAWS, ROWS_DRAWN = 40, 20_000_000
Metric = Callable[..., float]  # metric(y, p), or metric(y, p, weights=multiplicities), which is faster
Counts = NDArray[np.int64]


def row_gap(y: ArrayLike, p: ArrayLike) -> Floats:
    """By how much more was promised to each customer than came, (n,)."""
    truth, said, _ = checked(y, p)
    return said - truth


def row_error(y: ArrayLike, p: ArrayLike) -> Floats:
    """How far off each customer's prediction is, (n,) >= 0."""
    return np.abs(row_gap(y, p))


# Metrics that are weighted means of a loss of each row: the loss is computed once, not once a draw.
ROW_LOSSES: dict[Metric, Callable[[ArrayLike, ArrayLike], Floats]] = {
    log_loss: row_log_loss, calibration_gap: row_gap, mae: row_error,
}  # fmt: skip


@dataclass(frozen=True)
class Interval:
    """A figure with the range that chance in the choice of customers leaves open, all in the metric's unit."""

    point: float
    low: float
    high: float


def interval(
    metric: Metric,
    y: ArrayLike,
    p: ArrayLike,
    customers: ArrayLike,
    draws: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The metric, and where it would lie with other customers drawn from the same crowd.

    metric: a function of (y, p) or (y, p, weights).  y, p: (n,).  customers: (n,) ids; the rows of a customer, such as
    several cut-offs, are drawn together.  Returns the metric on all rows and the percentile interval at `level`; its
    bounds are NaN when the metric is undefined in more than 1 - level of the draws (the rest are left out).
    The same seed gives the same bounds, to the bit, in any row order.
    Raises ValueError for fewer than 2 customers, 1 draw, or a level outside (0, 1).
    Source: Field, Welsh 2007, https://doi.org/10.1111/j.1467-9868.2007.00593.x
    """
    ids = _ids(customers, draws, level)
    return summary(metric(y, p), _replay(metric, y, p, ids, draws, seed), level)


def paired(
    metric: Metric,
    y: ArrayLike,
    p_a: ArrayLike,
    p_b: ArrayLike,
    customers: ArrayLike,
    draws: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """How much higher the metric is for a than for b, when both meet the same customers in every draw.

    As interval(), of metric(y, p_a) - metric(y, p_b): below 0 throughout means that a has the lower log loss.
    """
    ids = _ids(customers, draws, level)
    gap = _replay(metric, y, p_a, ids, draws, seed) - _replay(metric, y, p_b, ids, draws, seed)
    return summary(metric(y, p_a) - metric(y, p_b), gap, level)


def draws_for(rows: int, most: int) -> int:
    """How many draws do for so many rows: at most `most`, and fewer where there are so many rows that little varies."""
    return int(np.clip(ROWS_DRAWN // max(rows, 1), FEWEST_DRAWS, most))


def replayed(
    statistic: Callable[[Floats], float], customers: ArrayLike, draws: int = 500, seed: int = 0
) -> Floats:
    """A statistic of how often each row counts, in each draw of customers: (draws,).

    customers: (n,) ids.  The same seed draws the same customers, so that two statistics can be compared draw by draw.
    """
    ids = _ids(customers, draws, 0.95)
    times = _multiplicities(int(ids.max()) + 1, draws, seed)
    return np.array([statistic(chosen[ids].astype(np.float64)) for chosen in times])


def _ids(customers: ArrayLike, draws: int, level: float) -> Counts:
    """Customers as 0..k-1 in sorted order, so that a draw means the same customers in any row order."""
    names, ids = np.unique(np.asarray(customers), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"bootstrap: {len(names)} customers in {len(ids):,} rows. Needs at least 2 to resample.")
    if draws < 1 or not 0.0 < level < 1.0:
        raise ValueError(f"bootstrap: {draws} draws at level {level}. Use at least 1 draw, and a level such as 0.95.")
    return np.asarray(ids, dtype=np.int64)


def _multiplicities(customers: int, draws: int, seed: int) -> Iterator[Counts]:
    """How many times each customer was drawn, (customers,), once a draw."""
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        yield np.bincount(rng.integers(customers, size=customers), minlength=customers)


def _replay(metric: Metric, y: ArrayLike, p: ArrayLike, ids: Counts, draws: int, seed: int) -> Floats:
    """The metric in each draw, (draws,).  Rows fall in p from the start: a ranking metric then sorts in O(n)."""
    truth, guess, _ = checked(y, p)
    if len(ids) != len(truth):
        raise ValueError(f"bootstrap: {len(ids):,} customer ids for {len(truth):,} rows. Give one a row.")
    order = np.lexsort((truth, ids, -guess))
    truth, guess, ids = truth[order], guess[order], ids[order]
    chosen = _multiplicities(int(ids.max()) + 1, draws, seed)
    if metric in ROW_LOSSES:
        size, total = np.bincount(ids), np.bincount(ids, ROW_LOSSES[metric](truth, guess))
        # Not `times @ total`: BLAS starts threads for it, which took 700 times as long on busy cores.
        return np.array([np.sum(times * total) / np.sum(times * size) for times in chosen])
    if "weights" in inspect.signature(metric).parameters:
        return np.array([metric(truth, guess, weights=times[ids]) for times in chosen])
    again = (np.repeat(np.arange(len(ids)), times[ids]) for times in chosen)
    return np.array([metric(truth[rows], guess[rows]) for rows in again])


def summary(point: float, values: Floats, level: float = 0.95) -> Interval:
    """A point and the percentile interval of its draws; bounds are NaN when more than 1 - level of them are."""
    known = values[~np.isnan(values)]
    if len(known) < level * len(values):
        return Interval(float(point), float("nan"), float("nan"))
    low, high = np.quantile(known, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(point), float(low), float(high))
