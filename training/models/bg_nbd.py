"""BG/NBD: customers buy at their own rate and may leave for good after any repeat purchase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, gammaln

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
from training.models.one_customer import bg_alive, bg_log_odds_of_having_left, bg_returns

STARTS = ((0.3, 0.1, 0.8, 2.5), (1.0, 0.5, 0.5, 0.5), (2.0, 0.2, 0.1, 5.0))  # r, alpha, a, b; longest age = 1
NODES = np.linspace(-1.0, 1.0, 81)  # 8 digits in the middle of the field, 4 at b = .02
CHUNK = 4_096  # rows at a time, so that rows x nodes stays in the processor's cache


@dataclass(frozen=True)
class BGNBD:
    """How often customers buy and how readily they leave after a purchase, as four numbers.

    Buying rates are Gamma(r, alpha), alpha in the time unit of the data; the probability of leaving after a repeat
    purchase is Beta(a, b).  flags: what makes the fit doubtful, in words; empty = healthy.
    Source: Fader, Hardie, Lee 2005, "Counting Your Customers" the Easy Way, https://doi.org/10.1287/mksc.1040.0098
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float = float("nan")
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        positive(r=self.r, alpha=self.alpha, a=self.a, b=self.b)

    @classmethod
    def fit(cls, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, weights: ArrayLike | None = None) -> BGNBD:
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
        r, alpha, a, b = (float(value) for value in found.parameters * (1.0, unit, 1.0, 1.0))
        total = float(counts @ _log_likelihoods(r, alpha, a, b, *rows))
        flags = _flags(r, alpha / unit, a, b, counts.size, bool(rows[0].any()), found.converged)
        return cls(r, alpha, a, b, total, flags)

    def log_likelihoods(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Array:
        """How likely each customer's history is under these four numbers: (n,) natural logarithms of the density."""
        return _log_likelihoods(self.r, self.alpha, self.a, self.b, *histories(frequency, recency, age))

    def return_probability(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, horizon: ArrayLike) -> Array:
        """The probability that a customer buys at least once in (age, age + horizon].

        All in the time unit of the fit; horizon scalar or (n,).  Returns (n,) in [0, 1], rising with the horizon.
        This is 1 - L(x, t_x, age + horizon) / L(x, t_x, age), written without the subtraction.
        """
        past = histories(frequency, recency, age)
        returns: Array = bg_returns(self.r, self.alpha, self.a, self.b, *past, horizons(horizon))
        return returns

    def expected_transactions(
        self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, horizon: ArrayLike
    ) -> Array:
        """How many purchases to expect from a customer in (age, age + horizon]: (n,), not negative.

        Source: equation 10 of Fader, Hardie, Lee 2005, https://doi.org/10.1287/mksc.1040.0098, as the integral over the
        probability of leaving that its hypergeometric function stands for: no pole at a = 1, no overflow at large x.
        """
        x, t_x, T = histories(frequency, recency, age)
        ahead = np.broadcast_to(horizons(horizon) / (self.alpha + T), x.shape)
        while_alive = np.empty_like(x)
        for first in range(0, x.size, CHUNK):
            part = slice(first, first + CHUNK)
            while_alive[part] = _purchases(self.r + x[part], self.a, self.b + x[part], ahead[part])
        alive: Array = bg_alive(self.r, self.alpha, self.a, self.b, x, t_x, T)
        return while_alive * alive

    def alive_probability(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Array:
        """The probability that a customer has not left yet: (n,) in [0, 1]; 1 for one-time buyers, by assumption.

        Not a churn score: see return_probability.
        Source: Fader, Hardie 2008, "Computing P(alive) Using the BG/NBD Model", http://www.brucehardie.com/notes/021/
        """
        alive: Array = bg_alive(self.r, self.alpha, self.a, self.b, *histories(frequency, recency, age))
        return alive


def _log_likelihoods(r: float, alpha: float, a: float, b: float, x: Array, t_x: Array, T: Array) -> Array:
    """Equation 6 of the paper with the part for customers who stayed taken out as a factor."""
    buying = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + T)
    staying = betaln(a, b + x) - betaln(a, b)
    left = np.logaddexp(0.0, bg_log_odds_of_having_left(r, alpha, a, b, x, t_x, T))
    return np.asarray(buying + staying + left, dtype=np.float64)


def _purchases(rate_shape: Array, a: float, b: Array, ahead: Array) -> Array:
    """Expected purchases of a customer who is here, over p ~ Beta(a, b): the mean of (1 - (1 + p ahead)^-shape) / p.

    A trapezoid sum over the log-odds of p, stretched by sinh so that both tails end at e^-40 (double exponential
    quadrature: Takahasi, Mori 1974, https://doi.org/10.2977/prims/1195192451).  Weights sum to 1, so the answer
    rises with `ahead` and never exceeds shape * ahead.
    """
    width = np.sqrt(1.0 / (a + 1.0) + 1.0 / (b + 1.0))
    left = np.arcsinh((40.0 / a + np.log1p(40.0 / (b + 1.0))) / width + 9.0)  # 9: the normal tail, for large a and b
    right = np.arcsinh((40.0 / b + np.log1p(40.0 / (a + 1.0))) / width + 9.0)
    w = ((right - left) / 2.0)[:, None] + ((right + left) / 2.0)[:, None] * NODES
    log_odds = np.log((a + 1.0) / (b + 1.0))[:, None] + width[:, None] * np.sinh(w)
    log_rest = np.logaddexp(0.0, log_odds)  # -log(1 - p)
    log_p = log_odds - log_rest
    log_weight = a * log_p - b[:, None] * log_rest + np.log(np.cosh(w))
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    p = np.maximum(np.exp(log_p), 1e-300)
    bought = -np.expm1(-rate_shape[:, None] * np.log1p(p * ahead[:, None])) / p
    return np.asarray((weight * bought).sum(axis=1) / weight.sum(axis=1), dtype=np.float64)


def _flags(
    r: float, alpha: float, a: float, b: float, distinct: int, anybody: bool, converged: bool
) -> tuple[str, ...]:
    """What makes a fit doubtful; alpha in units of the longest age.

    The likelihood is flat near a = 0, so a search stops well before the boundary: near it counts as at it.
    """
    leaves = a / (a + b)
    checks = (
        (distinct < 4, f"only {distinct} distinct histories for 4 parameters"),
        (not anybody, "no repeat purchase at all: nothing is known about leaving"),
        (r < 1e-3, "r at its lower boundary: almost nobody ever buys again"),
        (max(r, alpha) > 1e3, "r at its upper boundary: everybody buys at the same rate"),
        (min(a, leaves) < 1e-3, "a at its lower boundary: everybody stays for ever"),
        (min(b, 1.0 - leaves) < 1e-3, "b at its lower boundary: everybody leaves after the first repeat purchase"),
        (a + b > 1e3 and 1e-3 <= leaves <= 0.999, "a + b at its upper boundary: everybody is equally likely to leave"),
        (not converged, "the search did not converge"),
    )
    return tuple(says for wrong, says in checks if wrong)
