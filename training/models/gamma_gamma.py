"""Gamma-Gamma: what a customer's next order is worth, between their own average and everybody's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln

from training.models.maximum_likelihood import MOST_ROWS, Array, columns, grouped, maximise, positive, thinned

STARTS = ((5.0, 4.0, 0.5), (1.0, 2.0, 1.0), (20.0, 3.0, 0.1))  # p, q, v; mean order value = 1


@dataclass(frozen=True)
class GammaGamma:
    """How order values vary within a customer and between customers, as three numbers.

    Orders are Gamma(p, nu), nu differs by customer as Gamma(q, v); v is in the unit of money.
    observed_mean: mean of the customers' means that were fitted, used when q <= 1 makes the model's mean infinite.
    flags: what makes the fit doubtful, in words; empty = healthy.
    Source: Fader, Hardie, Lee 2005, "RFM and CLV", https://doi.org/10.1509/jmkr.2005.42.4.415, and
    Fader, Hardie 2013, "The Gamma-Gamma Model of Monetary Value", http://www.brucehardie.com/notes/025/
    """

    p: float
    q: float
    v: float
    log_likelihood: float = float("nan")
    observed_mean: float = 0.0
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        positive(p=self.p, q=self.q, v=self.v)

    @classmethod
    def fit(cls, frequency: ArrayLike, mean_value: ArrayLike, weights: ArrayLike | None = None) -> GammaGamma:
        """Learn the three numbers from customers' order counts and average order values by maximum likelihood.

        frequency: (n,) orders averaged.  mean_value: (n,) their mean, in money.  weights: (n,) customers a row stands
        for.  Customers with no order or no value are left out; when nobody remains, or the data are hopeless, the fit
        carries flags.  More than 20,000 distinct rows are thinned to 20,000, the same ones every time.
        Raises ValueError for NaN, negative values or shapes that differ.
        """
        ones = np.ones(np.shape(frequency))
        x, z, w = columns(frequency=frequency, mean_value=mean_value, weights=ones if weights is None else weights)
        kept = (x > 0) & (z > 0) & (w > 0)
        if not kept.any():
            return cls(1.0, 1.0, 1.0, 0.0, 0.0, ("nobody with an order value: observed means are used",))
        rows, counts = grouped([x[kept], z[kept]], w[kept])
        unit = float(np.average(rows[1], weights=counts))
        scaled, thin = thinned([rows[0], rows[1] / unit], counts, MOST_ROWS)
        found = maximise(lambda theta, data: _log_likelihoods(*theta, *data), scaled, thin, STARTS)
        p, q, v = (float(value) for value in found.parameters * (1.0, 1.0, unit))
        total = float(counts @ _log_likelihoods(p, q, v, *rows))
        return cls(p, q, v, total, unit, _flags(p, q, counts.size, found.converged))

    def expected_value(self, frequency: ArrayLike, mean_value: ArrayLike) -> Array:
        """What an order of this customer is worth on average: the more orders seen, the closer to their own mean.

        frequency, mean_value: (n,).  Returns (n,) money; customers without orders get the population's mean.
        When q <= 1 the model has no finite mean: the customer's own mean, or observed_mean without orders.
        """
        x, z = columns(frequency=frequency, mean_value=mean_value)
        if self.q <= 1.0:
            return np.where(x > 0, z, self.observed_mean)
        own = np.where(x > 0, z, 0.0)
        return self.p * (self.v + x * own) / (self.p * x + self.q - 1.0)


def _log_likelihoods(p: float, q: float, v: float, x: Array, z: Array) -> Array:
    """Equation 1a of the 2013 note."""
    spent = x * z
    shares = q * np.log(v / (v + spent)) + p * x * np.log(spent / (v + spent))
    return np.asarray(shares - np.log(z) - betaln(p * x, q), dtype=np.float64)


def _flags(p: float, q: float, distinct: int, converged: bool) -> tuple[str, ...]:
    """What makes a fit doubtful."""
    checks = (
        (distinct < 3, f"only {distinct} distinct rows for 3 parameters"),
        (q <= 1.0, "q is at most 1: the model's mean is infinite, observed means are used"),
        (q > 1e3, "q at its upper boundary: every customer has the same mean"),
        (p < 1e-3, "p at its lower boundary: order values vary without limit"),
        (p > 1e3, "p at its upper boundary: a customer's orders are all worth the same"),
        (not converged, "the search did not converge"),
    )
    return tuple(says for wrong, says in checks if wrong)
