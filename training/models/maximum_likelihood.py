"""Maximum likelihood for the buy-till-you-die models: checked inputs, equal customers grouped, several starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

Array = NDArray[np.float64]

SMALLEST, LARGEST = 1e-5, 1e4  # every parameter, with times in units of the longest age and money in units of its mean
MOST_ROWS = 20_000  # distinct histories used in a fit; sampling error of the parameters is then about 1 %
SCOUT_ROWS = 500  # distinct histories used to choose among the starting points
MOST_ITERATIONS = 60  # of a search from one start: a healthy one needs 15 to 40, a ridge without a top would take all
AT_REST = 1e-4  # mean log likelihood a customer, for e-fold of a parameter
NOISE = 1e-9  # recency may exceed age by this fraction: rounding, not an error


@dataclass(frozen=True)
class Optimum:
    """The best parameters found, and whether the search came to rest there."""

    parameters: Array
    converged: bool


def columns(**named: ArrayLike) -> list[Array]:
    """Named columns as float arrays of one shape, or a ValueError that says how many values are wrong and where.

    Each column: (n,) finite and not negative.  Returns them in the order given.
    """
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in named.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
        said = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"shapes differ or are not (n,): {said}. Pass one value a customer in each.")
    for name, array in arrays.items():
        if not _sound(array):
            refuse(~np.isfinite(array), f"{name} is not a finite number")
            refuse(array < 0, f"{name} is negative")
    return list(arrays.values())


@numba.njit(cache=True)
def _sound(values):  # type: ignore[no-untyped-def]
    """Whether all are finite and not negative, in one pass: for one customer, masks cost more than the model does."""
    good = True
    for value in values:
        good &= 0.0 <= value < np.inf
    return good


def refuse(wrong: NDArray[np.bool_], what: str) -> None:
    """Raise a ValueError when any row is wrong, with the count and the first row."""
    if wrong.any():
        raise ValueError(f"{what} in {wrong.sum():,} of {wrong.size:,} rows, first at row {wrong.argmax():,}.")


def histories(frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> tuple[Array, Array, Array]:
    """Purchase histories that can be true: repeat purchases x, time of the last one t_x, time under observation T.

    Each: (n,), one time unit.  Recency that exceeds age by rounding is cut to age.
    Raises ValueError for NaN, negative values, recency > age, and recency > 0 without a repeat purchase.
    """
    x, t_x, T = columns(frequency=frequency, recency=recency, age=age)
    if not _possible(x, t_x, T):
        refuse(t_x > T + NOISE * np.maximum(T, 1.0), "recency is greater than age")
        refuse((x == 0) & (t_x > 0), "recency is above 0 although frequency is 0")
    return x, np.minimum(t_x, T), T


@numba.njit(cache=True)
def _possible(x, t_x, T):  # type: ignore[no-untyped-def]
    """Whether no history contradicts itself; where one may, the caller looks closer."""
    good = True
    for i in range(len(x)):
        good &= t_x[i] <= T[i] and (x[i] > 0.0 or t_x[i] == 0.0)
    return good


def horizons(horizon: ArrayLike) -> Array:
    """A time ahead, scalar or one a customer: finite and not negative, or a ValueError."""
    ahead = np.asarray(horizon, dtype=np.float64)
    if not _sound(ahead.ravel()):
        refuse(np.atleast_1d(~np.isfinite(ahead) | (ahead < 0)), "horizon is negative or not a finite number")
    return ahead


def positive(**parameters: float) -> None:
    """Raise a ValueError that names the parameters which are not positive finite numbers."""
    wrong = [f"{name}={value}" for name, value in parameters.items() if not (np.isfinite(value) and value > 0)]
    if wrong:
        raise ValueError(f"parameters must be positive and finite: {', '.join(wrong)}.")


def grouped(rows: Sequence[Array], weights: ArrayLike | None) -> tuple[list[Array], Array]:
    """Equal rows merged, with their summed weights, in sorted order.

    rows: columns of (n,).  weights: (n,) customers a row stands for; None is 1 each; rows of weight 0 are dropped.
    Raises ValueError when nothing is left.
    """
    (w,) = columns(weights=np.ones(rows[0].size) if weights is None else weights)
    if w.shape != rows[0].shape:
        raise ValueError(f"shapes differ: weights {w.shape}, rows {rows[0].shape}. Pass one weight a customer.")
    if not w.sum() > 0:
        raise ValueError(f"nothing to fit: {w.size:,} customers with a total weight of 0. Pass at least one customer.")
    order = np.lexsort(rows[::-1])
    order = order[w[order] > 0]
    table = np.stack([column[order] for column in rows])
    first = np.flatnonzero(np.r_[True, (table[:, 1:] != table[:, :-1]).any(axis=0)])
    return list(table[:, first]), np.add.reduceat(w[order], first)


def thinned(rows: Sequence[Array], weights: Array, most: int) -> tuple[list[Array], Array]:
    """At most `most` of the sorted rows, one at every equal step of cumulated weight: the same sample every time."""
    if weights.size <= most:
        return list(rows), weights
    steps = (np.arange(most) + 0.5) / most * weights.sum()
    chosen = np.minimum(np.searchsorted(np.cumsum(weights), steps), weights.size - 1)
    kept, counts = np.unique(chosen, return_counts=True)
    return [column[kept] for column in rows], counts * (weights.sum() / most)


def maximise(
    log_likelihoods: Callable[[Array, Sequence[Array]], Array],
    rows: Sequence[Array],
    weights: Array,
    starts: Sequence[Sequence[float]],
) -> Optimum:
    """The parameters under which the customers seen are most likely; every start is tried on a thin sample first.

    log_likelihoods: (parameters, columns) -> (n,).  starts: positive parameters.  All parameters stay within
    [SMALLEST, LARGEST], so the search always ends.
    Source: L-BFGS-B on logarithms, Byrd, Lu, Nocedal, Zhu 1995, https://doi.org/10.1137/0916069
    """
    thin, thin_weights = thinned(rows, weights, SCOUT_ROWS)
    scouts = [_climb(log_likelihoods, thin, thin_weights, np.log(start)) for start in starts]
    best = min(scouts, key=lambda scout: scout[1])
    if thin_weights is not weights:
        best = _climb(log_likelihoods, rows, weights, best[0])
    return Optimum(np.exp(best[0]), best[2])


def _climb(
    log_likelihoods: Callable[[Array, Sequence[Array]], Array], rows: Sequence[Array], weights: Array, start: Array
) -> tuple[Array, float, bool]:
    """One local search over log-parameters: where it ended, the mean negative log likelihood there, came to rest."""
    share = weights / weights.sum()

    def loss(logs: Array) -> float:
        with np.errstate(all="ignore"):  # far corners of the box overflow; they are answered with a huge loss
            mean = float(share @ log_likelihoods(np.exp(logs), rows))
        return -mean if np.isfinite(mean) else 1e10

    low, high = np.log(SMALLEST), np.log(LARGEST)
    options = {"maxiter": MOST_ITERATIONS, "ftol": 1e-12, "gtol": 1e-6}
    found = minimize(loss, start, method="L-BFGS-B", jac="3-point", bounds=[(low, high)] * len(start), options=options)
    ended = np.asarray(found.x, dtype=np.float64)
    downhill = ended - np.clip(ended - found.jac, low, high)  # what is left of the slope inside the box
    return ended, float(found.fun), bool(np.abs(downhill).max() < AT_REST)
