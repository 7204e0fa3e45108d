"""Drift: which columns look different today from what a model learned on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from training.calibration import Floats

BINS = 10
ALARM = 0.25  # a shift that scorecard practice calls major; below 0.1 it calls a population stable
CERTAINTY = 0.999  # chance alone must not reach it more often than once in a thousand columns


@dataclass(frozen=True)
class Reference:
    """How each column of a matrix was distributed when it was learned from, in a few numbers a column.

    names: (c,) columns.  rows: how many rows were seen.  edges: (c,) tuples of up to 10 ascending values that part a
    column into groups of about equal size, (a, b] each.  shares: (c,) tuples of the share of rows in each group, and in
    the end of those that are missing.
    """

    names: tuple[str, ...]
    rows: int
    edges: tuple[tuple[float, ...], ...]
    shares: tuple[tuple[float, ...], ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Reference:
        edges, shares = (tuple(tuple(part) for part in saved[name]) for name in ("edges", "shares"))
        return cls(tuple(saved["names"]), saved["rows"], edges, shares)


@dataclass(frozen=True)
class Drifted:
    """A column that has moved.  index: its population stability index.  missing: the share of missing values, then and
    now."""

    name: str
    index: float
    missing: tuple[float, float]


def fit_reference(names: Sequence[str], x: NDArray[Any]) -> Reference:
    """Remember how the columns are distributed.  x: (n, c) floats, NaN = missing.

    Raises ValueError without rows, or when there is not one name a column.
    """
    _fitting(names, x)
    edges = tuple(_edges(x[:, number]) for number in range(len(names)))
    shares = tuple(tuple(map(float, _counts(x[:, number], cut) / len(x))) for number, cut in enumerate(edges))
    return Reference(tuple(names), len(x), edges, shares)


def stability_indices(reference: Reference, x: NDArray[Any]) -> Floats:
    """The population stability index of each column, (c,).  x: (n, c) in the reference's columns.  Else as drifted."""
    _fitting(reference.names, x)
    parts = zip(reference.edges, reference.shares, strict=True)
    indices = [
        _index(np.asarray(shares) * reference.rows, _counts(x[:, number], edges))
        for number, (edges, shares) in enumerate(parts)
    ]
    return np.array(indices, dtype=np.float64)


def drifted(reference: Reference, x: NDArray[Any], alarm: float = ALARM) -> tuple[Drifted, ...]:
    """The columns that have moved by more than `alarm`, and by more than chance among so few rows, the worst first.

    x: (n, c) today's matrix, in the reference's columns.  Raises ValueError without rows or with other columns.
    Source of what chance does: Yurdakul, Naranjo 2020, https://doi.org/10.21314/JRMV.2020.227
    """
    indices = stability_indices(reference, x)
    noise = (1.0 / reference.rows + 1.0 / len(x)) * chi2.ppf(CERTAINTY, [len(part) - 1 for part in reference.shares])
    moved = [number for number in np.argsort(-indices, kind="stable") if indices[number] > max(alarm, noise[number])]
    return tuple(
        Drifted(
            reference.names[number], float(indices[number]),
            (reference.shares[number][-1], float(np.mean(np.isnan(x[:, number])))),
        )
        for number in moved
    )  # fmt: skip


def population_stability(expected: ArrayLike, actual: ArrayLike) -> float:
    """How far a sample lies from the one expected: 0 the same, below 0.1 stable, above 0.25 another population.

    expected, actual: (n,) and (m,) numbers, NaN = missing, which is a group of its own beside ten of about equal size
    by `expected`; equal values stay together.  Every group counts half a row more, so that an empty one is finite.
    Raises ValueError when either is empty.  Source: Siddiqi 2006, Credit Risk Scorecards, ISBN 978-0-471-75451-0
    """
    before, now = (np.asarray(sample, dtype=np.float64)[:, None] for sample in (expected, actual))
    return float(stability_indices(fit_reference(("sample",), before), now)[0])


def _edges(values: NDArray[Any]) -> tuple[float, ...]:
    known = values[~np.isnan(values)]
    if not len(known):
        return ()
    cuts = np.unique(np.quantile(known, np.arange(1, BINS) / BINS, method="inverted_cdf"))
    least = known.min()
    # Where a tenth of all is the least or the largest, an empty group lies beyond it: a constant column can move too.
    below = [np.nextafter(least, -np.inf, dtype=values.dtype)] if cuts[0] == least and np.isfinite(least) else []
    return (*map(float, below), *map(float, cuts))


def _counts(values: NDArray[Any], edges: Sequence[float]) -> Floats:
    """How many values lie in each group, and how many are missing, (len(edges) + 2,)."""
    missing = np.isnan(values)
    group = np.searchsorted(np.asarray(edges, dtype=values.dtype), values, side="left")
    group[missing] = len(edges) + 1
    return np.bincount(group, minlength=len(edges) + 2).astype(np.float64)


def _index(before: Floats, now: Floats) -> float:
    expected, actual = ((counts + 0.5) / (counts.sum() + 0.5 * len(counts)) for counts in (before, now))
    return float(np.sum((actual - expected) * np.log(actual / expected)))


def _fitting(names: Sequence[str], x: NDArray[Any]) -> None:
    if x.ndim != 2 or x.shape[1] != len(names) or not len(x):
        raise ValueError(
            f"drift: {len(names)} columns are named, the matrix is {x.shape}. Give these columns, and at least one row."
        )
