"""Pareto/NBD: customers buy at their own rate until they silently leave, at a moment of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from training.models.maximum_likelihood import (
    MOST_ROWS,
    Array,
    grouped,
    histories,
    horizons,
    maximise,
    positive,
    thinned,
)
from training.models.one_customer import pareto_alive, pareto_log_next_event, pareto_purchases, pareto_returns

STARTS = ((0.5, 0.3, 0.6, 0.3), (1.0, 1.0, 1.0, 1.0), (2.0, 0.2, 0.3, 2.0))  # r, alpha, s, beta; longest age = 1


@dataclass(frozen=True)
class ParetoNBD:
    """How often customers buy and how soon they leave, as four numbers; answers who returns and how often.

    Buying rates are Gamma(r, alpha) and leaving rates Gamma(s, beta), alpha and beta in the time unit of the data.
    flags: what makes the fit doubtful, in words; empty = healthy.
    Source: Schmittlein, Morrison, Colombo 1987, https://doi.org/10.1287/mnsc.33.1.1; likelihood as in Fader, Hardie
    2005, "A Note on Deriving the Pareto/NBD Model", http://www.brucehardie.com/notes/009/
    """

    r: float
    alpha: float
    s: float
    beta: float
    log_likelihood: float = float("nan")
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        positive(r=self.r, alpha=self.alpha, s=self.s, beta=self.beta)

    @classmethod
    def fit(
        cls, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, weights: ArrayLike | None = None
    ) -> ParetoNBD:
        """Learn the four numbers from customers' histories by maximum likelihood.

        frequency, recency, age: (n,) repeat purchases, time of the last one, time observed; one time unit.
        weights: (n,) customers a row stands for.  More than 20,000 distinct histories are thinned to 20,000, the same
        ones every time; log_likelihood always counts all.  Hopeless data give a fit with flags, never an error.
        Raises ValueError for invalid histories or no customers.
        """
        rows, counts = grouped(histories(frequency, recency, age), weights)
        unit = float(rows[2].max()) or 1.0
        scaled, thin = thinned([rows[0], rows[1] / unit, rows[2] / unit], counts, MOST_ROWS)
        found = maximise(lambda theta, data: _log_likelihoods(*theta, *data), scaled, thin, STARTS)
        r, alpha, s, beta = (float(value) for value in found.parameters * (1.0, unit, 1.0, unit))
        total = float(counts @ _log_likelihoods(r, alpha, s, beta, *rows))
        flags = _flags(r, alpha / unit, s, beta / unit, counts.size, bool(rows[0].any()), found.converged)
        return cls(r, alpha, s, beta, total, flags)

    def log_likelihoods(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Array:
        """How likely each customer's history is under these four numbers: (n,) natural logarithms of the density."""
        return _log_likelihoods(self.r, self.alpha, self.s, self.beta, *histories(frequency, recency, age))

    def return_probability(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, horizon: ArrayLike) -> Array:
        """The probability that a customer buys at least once in (age, age + horizon].

        All in the time unit of the fit; horizon scalar or (n,).  Returns (n,) in [0, 1], rising with the horizon.
        This is 1 - L(x, t_x, age + horizon) / L(x, t_x, age), written without the subtraction.
        """
        past = histories(frequency, recency, age)
        returns: Array = pareto_returns(self.r, self.alpha, self.s, self.beta, *past, horizons(horizon))
        return returns

    def expected_transactions(
        self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, horizon: ArrayLike
    ) -> Array:
        """How many purchases to expect from a customer in (age, age + horizon]: (n,), not negative.

        Source: Fader, Hardie 2005, equation 41, http://www.brucehardie.com/notes/009/
        """
        past = histories(frequency, recency, age)
        purchases: Array = pareto_purchases(self.r, self.alpha, self.s, self.beta, *past, horizons(horizon))
        return purchases

    def alive_probability(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Array:
        """The probability that a customer has not left yet: (n,) in [0, 1]. Not a churn score: see return_probability.

        Source: Schmittlein, Morrison, Colombo 1987, https://doi.org/10.1287/mnsc.33.1.1
        """
        alive: Array = pareto_alive(self.r, self.alpha, self.s, self.beta, *histories(frequency, recency, age))
        return alive


def _log_likelihoods(r: float, alpha: float, s: float, beta: float, x: Array, t_x: Array, T: Array) -> Array:
    """After the last purchase either leaving came next, or the next purchase is later than T: a sum of positives.

    Equal to the textbook form, which subtracts two hypergeometric functions and loses its digits when t_x is near T.
    """
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    return np.asarray(common + pareto_log_next_event(r, alpha, s, beta, x, t_x, T), dtype=np.float64)


def _flags(
    r: float, alpha: float, s: float, beta: float, distinct: int, anybody: bool, converged: bool
) -> tuple[str, ...]:
    """What makes a fit doubtful; alpha and beta in units of the longest age."""
    gone = -np.expm1(-s * np.log1p(1.0 / beta))
    checks = (
        (distinct < 4, f"only {distinct} distinct histories for 4 parameters"),
        (not anybody, "no repeat purchase at all: buying and leaving cannot be told apart"),
        (r < 1e-3, "r at its lower boundary: almost nobody ever buys again"),
        (max(r, alpha) > 1e3, "r at its upper boundary: everybody buys at the same rate"),
        (gone < 1e-3, "s / beta at its lower boundary: everybody stays for ever"),
        (gone > 0.999, "s / beta at its upper boundary: everybody leaves at once"),
        (s > 1e3, "s at its upper boundary: everybody leaves at the same rate"),
        (not converged, "the search did not converge"),
    )
    return tuple(says for wrong, says in checks if wrong)
