"""The one special function of Pareto/NBD, 2F1(1, p; c + 1; z) with p = c - q + 1, compiled element by element."""

from __future__ import annotations

import math

import numba
import numpy as np

MOST_STEPS = 500  # of the continued fraction; it needs a dozen
NODES = 80  # of the quadrature: 11 digits or more
SLOW = 50.0


@numba.njit(cache=True)
def _fraction(q, c, rest):  # type: ignore[no-untyped-def]
    """A continued fraction of positive terms (Lentz), after Pfaff's transformation (DLMF 15.8.1).

    A large c then makes it converge in a few steps.  Source: Gauss's fraction, https://dlmf.nist.gov/15.7.E1
    """
    odds, value, above, below = (1.0 - rest) / rest, c, c, 0.0
    for n in range(MOST_STEPS):
        numerator, term = (q + n) * (c + n) * odds, c + 2 * n + 1
        below = 1.0 / (term + numerator * below)
        above = term + numerator / above
        value *= above * below
        numerator, term = (n + 1) * (c - q + n + 1) * odds, c + 2 * n + 2
        below = 1.0 / (term + numerator * below)
        above = term + numerator / above
        value *= above * below
        if abs(above * below - 1.0) < 1e-13:
            break
    return c / (value * rest)


@numba.njit(cache=True)
def _quadrature(q, c, rest):  # type: ignore[no-untyped-def]
    """The same number as the integral of e^-v (1 + odds (1 - e^(-v / c)))^-q over v > 0, for an argument near 1.

    A trapezoid sum over log(v / scale) from where v is nothing to where either factor is e^-45, at one cost for every
    argument (Takahasi, Mori 1974, https://doi.org/10.2977/prims/1195192451).
    """
    odds, total = (1.0 - rest) / rest, 0.0
    scale = 1.0 / (1.0 + odds * q / c)
    end = min(45.0, math.expm1(min(45.0 / q, 50.0)) * c / odds + 45.0 * scale)
    step = (math.log(end / scale) + 4.2) / NODES
    for node in range(NODES + 1):
        tau = node * step - 4.0
        inner = np.exp(-tau)
        v = scale * np.exp(tau - inner)
        total += v * (1.0 + inner) * np.exp(-v - q * math.log1p(-odds * math.expm1(-v / c)))
    return total * step / rest


@numba.njit(cache=True)
def gauss(q, c, rest):  # type: ignore[no-untyped-def]
    """2F1(1, c - q + 1; c + 1; 1 - rest); q, c > 0 and rest in (0, 1]."""
    if rest * max(c, SLOW) < 1.0:  # where the fraction needs more than some 40 steps
        return _quadrature(q, c, rest)
    return _fraction(q, c, rest)
