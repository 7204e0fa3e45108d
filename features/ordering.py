"""The order of events by user and time, at little more than the cost of reading them."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True)
def _by_user(user, starts, order):  # type: ignore[no-untyped-def]
    for i in range(user.shape[0]):
        order[starts[user[i]]] = i
        starts[user[i]] += 1


@numba.njit(cache=True, nogil=True)
def _by_time(time, ends, order):  # type: ignore[no-untyped-def]
    low = 0
    for high in ends:
        for i in range(low + 1, high):
            if time[order[i]] < time[order[i - 1]]:
                own = order[low:high].copy()
                order[low:high] = own[np.argsort(time[own], kind="mergesort")]
                break
        low = high


def user_time_order(user: NDArray[np.int32], time: NDArray[np.int64]) -> NDArray[np.int64]:
    """The stable order by user, then time; user: (m,) codes from 0, time: (m,).

    A counting sort by user, then a sort inside those users alone whose events are not in order yet, which in most logs
    are few.
    """
    starts = np.cumsum(np.r_[0, np.bincount(user)])[:-1]
    order = np.empty(len(user), dtype=np.int64)
    _by_user(user, starts, order)  # leaves in `starts` where each user ends
    _by_time(time, starts, order)
    return order
