"""What BG/NBD and Pareto/NBD say of one customer, compiled element by element, for one customer as for a million.

r, alpha and a, b or s, beta: the model's parameters.  x, t_x, T: repeat purchases, time of the last one, time observed.
ahead: the time ahead.  All broadcast together; nothing is checked here.
Numba's cache looks at this file alone: a change in hypergeometric.py needs one here.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from training.models.hypergeometric import gauss


@numba.njit(cache=True)
def _odds(r, alpha, a, b, x, t_x, T):  # type: ignore[no-untyped-def]
    """Of having left, of one customer."""
    if x == 0.0:
        return -np.inf
    return math.log(a) - math.log(b + x - 1.0) + (r + x) * math.log((alpha + T) / (alpha + t_x))


@numba.vectorize(cache=True)
def bg_log_odds_of_having_left(r, alpha, a, b, x, t_x, T):  # type: ignore[no-untyped-def]
    return _odds(r, alpha, a, b, x, t_x, T)


@numba.njit(cache=True)
def _here(r, alpha, a, b, x, t_x, T):  # type: ignore[no-untyped-def]
    """Probability of not having left, of one customer; without overflow."""
    odds = _odds(r, alpha, a, b, x, t_x, T)
    rest = math.exp(-abs(odds))
    return (rest if odds > 0.0 else 1.0) / (1.0 + rest)


@numba.vectorize(cache=True)
def bg_alive(r, alpha, a, b, x, t_x, T):  # type: ignore[no-untyped-def]
    return _here(r, alpha, a, b, x, t_x, T)


@numba.vectorize(cache=True)
def bg_returns(r, alpha, a, b, x, t_x, T, ahead):  # type: ignore[no-untyped-def]
    return -_here(r, alpha, a, b, x, t_x, T) * math.expm1(-(r + x) * math.log1p(ahead / (alpha + T)))


@numba.njit(cache=True)
def _log_tail(alpha, p, beta, q, t):  # type: ignore[no-untyped-def]
    """log of the integral of (alpha + u)^-p (beta + u)^-q over u from t to infinity.

    The |alpha - beta| form keeps the argument in [0, 1); Euler's transformation (DLMF 15.8.1) keeps the values small.
    """
    if alpha < beta:
        alpha, p, beta, q = beta, q, alpha, p
    c = p + q - 1.0
    series = gauss(q, c, (beta + t) / (alpha + t))
    return math.log(series / c) - p * math.log(alpha + t) + (1.0 - q) * math.log(beta + t)


@numba.njit(cache=True)
def _leaving(r, alpha, s, beta, x, t):  # type: ignore[no-untyped-def]
    return math.log(s) + _log_tail(alpha, r + x, beta, s + 1.0, t)


@numba.njit(cache=True)
def _buying(r, alpha, s, beta, x, t):  # type: ignore[no-untyped-def]
    return math.log(r + x) + _log_tail(alpha, r + x + 1.0, beta, s, t)


@numba.njit(cache=True)
def _log_sum(one, other):  # type: ignore[no-untyped-def]
    """log(e^one + e^other)."""
    return max(one, other) + math.log1p(math.exp(-abs(one - other)))


@numba.vectorize(cache=True)
def pareto_log_next_event(r, alpha, s, beta, x, t_x, T):  # type: ignore[no-untyped-def]
    return _log_sum(_leaving(r, alpha, s, beta, x, t_x), _buying(r, alpha, s, beta, x, T))


@numba.njit(cache=True)
def _still_here(r, alpha, s, beta, x, t_x, T):  # type: ignore[no-untyped-def]
    present = -(r + x) * math.log(alpha + T) - s * math.log(beta + T)
    total = _log_sum(_leaving(r, alpha, s, beta, x, t_x), _buying(r, alpha, s, beta, x, T))
    return math.exp(min(present - total, 0.0))


@numba.vectorize(cache=True)
def pareto_alive(r, alpha, s, beta, x, t_x, T):  # type: ignore[no-untyped-def]
    return _still_here(r, alpha, s, beta, x, t_x, T)


@numba.vectorize(cache=True)
def pareto_returns(r, alpha, s, beta, x, t_x, T, ahead):  # type: ignore[no-untyped-def]
    gone, buys = _leaving(r, alpha, s, beta, x, t_x), _buying(r, alpha, s, beta, x, T)
    later = _buying(r, alpha, s, beta, x, T + ahead)
    return math.exp(buys - _log_sum(gone, buys)) * (1.0 - math.exp(min(later - buys, 0.0)))


@numba.vectorize(cache=True)
def pareto_purchases(r, alpha, s, beta, x, t_x, T, ahead):  # type: ignore[no-untyped-def]
    log_stretch = math.log1p(ahead / (beta + T))
    power = (1.0 - s) * log_stretch
    longer = math.expm1(power) / power if power != 0.0 else 1.0  # finite at s = 1
    rate = (r + x) / (alpha + T)
    return rate * (beta + T) * log_stretch * longer * _still_here(r, alpha, s, beta, x, t_x, T)
