"""The one compiled function that turns a user's history into that user's features.

Batch, Spark and the service all call `feature_row`; there is no second implementation, hence no skew.

An event belongs to one *age ring* between neighbouring window edges; rings are summed into windows once at the end, so
the cost is O(events) and not O(events x windows). Events are walked from the newest to the oldest, which lets one hash
table answer "how many different items" for every window at once.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from features.spec import Reduction

MICROSECONDS_A_DAY = 86_400_000_000
_DAY = MICROSECONDS_A_DAY

_COUNT, _ACTIVE_DAYS, _SUM, _MEAN, _MAX, _DISTINCT = (int(Reduction(code)) for code in range(6))
_RECENCY, _TENURE, _GAP_MEAN, _GAP_DEVIATION, _GAP_LAST, _OVERDUE = (int(Reduction(code)) for code in range(6, 12))
_TREND, _NIGHT, _WEEKEND, _REGULARITY, _REPEAT_DAYS, _REPEAT_SPAN = (int(Reduction(code)) for code in range(12, 18))
_SPEND_TREND, _LAST_VALUE, _SILENCE = (int(Reduction(code)) for code in range(18, 21))

# Layers of the ring scratch, (RINGS, selectors, windows + 1).
N, DAYS, SUM, VALUES, MAX, ITEMS = range(6)
RINGS = 6
# Layers of the state scratch, (STATES, selectors).
(
    NEWEST,
    OLDEST,
    DAY_NOW,
    DAY_FIRST,
    GAPS,
    GAP_AVERAGE,
    GAP_SQUARES,
    GAP_NEWEST,
    NIGHTS,
    WEEKENDS,
    COSINES,
    SINES,
    VALUE_NEWEST,
) = range(13)
STATES = 13


class Plan(NamedTuple):
    """A catalogue as arrays, which is all that the compiled code knows of it.

    edges: (w,) ascending window lengths in microseconds.  first_selector, selectors: which selectors count an event of
    kind k: selectors[first_selector[k]:first_selector[k + 1]].  items: (s,) 1 where different items are asked for.
    reduction, selector, window: (f,) one entry a feature; window indexes `edges`, or is w for the whole history.
    """

    edges: NDArray[np.int64]
    first_selector: NDArray[np.int32]
    selectors: NDArray[np.int32]
    items: NDArray[np.uint8]
    reduction: NDArray[np.int32]
    selector: NDArray[np.int32]
    window: NDArray[np.int32]


@numba.njit(cache=True, nogil=True)
def feature_row(time, kind, value, item, hour, arrived, as_of, plan, memory, generation, out):  # type: ignore[no-untyped-def]
    """Write the features of one history at one `as_of` into `out`.

    time, kind, value, item, hour: (m,) the user's events, sorted by time; arrived: (m,) or (0,) microseconds UTC.
    memory: from `scratch`; generation: a number never used before with it.  out: (f,) float32.
    Events later than `as_of`, or not yet arrived at it, do not exist.
    """
    ring, state, keys, owners, stamps = memory
    windows = plan.edges.shape[0]
    _clear(ring, state)
    r = 0
    for i in range(time.shape[0] - 1, -1, -1):
        if time[i] > as_of or (arrived.shape[0] > 0 and arrived[i] > as_of):
            continue
        age = as_of - time[i]
        while r < windows and age >= plan.edges[r]:
            r += 1
        for j in range(plan.first_selector[kind[i]], plan.first_selector[kind[i] + 1]):
            sel = plan.selectors[j]
            _count_event(ring, state, sel, r, age)
            _count_value(ring, state, sel, r, value[i])
            _count_clock(state, sel, hour[i])
            if plan.items[sel] and item[i] != 0 and _is_new(keys, owners, stamps, generation, item[i], sel):
                ring[ITEMS, sel, r] += 1.0
    _accumulate(ring)
    for f in range(plan.reduction.shape[0]):
        out[f] = _reduce(plan.reduction[f], plan.selector[f], plan.window[f], plan.edges, ring, state)


@numba.njit(cache=True, nogil=True)
def _clear(ring, state):  # type: ignore[no-untyped-def]
    ring[:] = 0.0
    ring[MAX] = -np.inf
    state[:] = 0.0
    state[DAY_NOW] = -1.0
    state[VALUE_NEWEST] = np.nan


@numba.njit(cache=True, nogil=True)
def _count_event(ring, state, sel, r, age):  # type: ignore[no-untyped-def]
    day = float(age // _DAY)
    ring[N, sel, r] += 1.0
    state[OLDEST, sel] = age / _DAY
    if day == state[DAY_NOW, sel]:
        return
    ring[DAYS, sel, r] += 1.0
    if state[DAY_NOW, sel] < 0.0:
        state[NEWEST, sel] = age / _DAY
        state[DAY_FIRST, sel] = day
    else:
        gap = day - state[DAY_NOW, sel]
        state[GAPS, sel] += 1.0
        if state[GAPS, sel] == 1.0:
            state[GAP_NEWEST, sel] = gap
        delta = gap - state[GAP_AVERAGE, sel]
        state[GAP_AVERAGE, sel] += delta / state[GAPS, sel]
        state[GAP_SQUARES, sel] += delta * (gap - state[GAP_AVERAGE, sel])
    state[DAY_NOW, sel] = day


@numba.njit(cache=True, nogil=True)
def _count_value(ring, state, sel, r, value):  # type: ignore[no-untyped-def]
    if math.isnan(value):
        return
    value += 0.0  # -0.0 and 0.0 are equal and so come in any order, but have different bits
    if math.isnan(state[VALUE_NEWEST, sel]):
        state[VALUE_NEWEST, sel] = value
    ring[SUM, sel, r] += value
    ring[VALUES, sel, r] += 1.0
    ring[MAX, sel, r] = max(ring[MAX, sel, r], value)


@numba.njit(cache=True, nogil=True)
def _count_clock(state, sel, hour):  # type: ignore[no-untyped-def]
    clock = hour % 24
    if clock >= 22 or clock < 6:
        state[NIGHTS, sel] += 1.0
    if hour >= 5 * 24:
        state[WEEKENDS, sel] += 1.0
    state[COSINES, sel] += math.cos(clock * (math.pi / 12.0))
    state[SINES, sel] += math.sin(clock * (math.pi / 12.0))


@numba.njit(cache=True, nogil=True)
def _is_new(keys, owners, stamps, generation, key, sel):  # type: ignore[no-untyped-def]
    """Whether (item, selector) is met for the first time; stamps spare clearing the table between users."""
    mask = stamps.shape[0] - 1
    slot = (key ^ (key >> 29) ^ (sel * 40503)) & mask
    while stamps[slot] == generation:
        if keys[slot] == key and owners[slot] == sel:
            return False
        slot = (slot + 1) & mask
    stamps[slot] = generation
    keys[slot] = key
    owners[slot] = sel
    return True


@numba.njit(cache=True, nogil=True)
def _accumulate(ring):  # type: ignore[no-untyped-def]
    """Turn rings into windows: each window is all younger rings and its own."""
    for sel in range(ring.shape[1]):
        for r in range(1, ring.shape[2]):
            for layer in range(ring.shape[0]):
                if layer == MAX:
                    ring[MAX, sel, r] = max(ring[MAX, sel, r], ring[MAX, sel, r - 1])
                else:
                    ring[layer, sel, r] += ring[layer, sel, r - 1]


@numba.njit(cache=True, nogil=True)
def _reduce(reduction, sel, w, edges, ring, state):  # type: ignore[no-untyped-def]
    if reduction == _COUNT:
        return ring[N, sel, w]
    if reduction == _ACTIVE_DAYS:
        return ring[DAYS, sel, w]
    if reduction == _SUM:
        return ring[SUM, sel, w]
    if reduction == _MEAN:
        return ring[SUM, sel, w] / ring[VALUES, sel, w] if ring[VALUES, sel, w] > 0.0 else np.nan
    if reduction == _MAX:
        return ring[MAX, sel, w] if ring[VALUES, sel, w] > 0.0 else np.nan
    if reduction == _DISTINCT:
        return ring[ITEMS, sel, w]
    if reduction == _TREND:
        return _against_own_past(ring[N], state[OLDEST], sel, w, edges, 0.0)
    if reduction == _SPEND_TREND:
        rounding = max(0.0, 1e-9 * ring[MAX, sel, edges.shape[0]])  # what is left of 0.1 + 0.2 - 0.3
        return _against_own_past(ring[SUM], state[OLDEST], sel, w, edges, rounding)
    return _whole_history(reduction, sel, ring[N, sel, edges.shape[0]], state)


@numba.njit(cache=True, nogil=True)
def _against_own_past(layer, oldest, sel, w, edges, nothing):  # type: ignore[no-untyped-def]
    """The window's amount over what the user's own earlier rate would have given in it."""
    days = edges[w] / _DAY
    earlier = layer[sel, edges.shape[0]] - layer[sel, w]
    if earlier <= nothing or oldest[sel] <= days:
        return np.nan
    return layer[sel, w] * (oldest[sel] - days) / (earlier * days)


@numba.njit(cache=True, nogil=True)
def _whole_history(reduction, sel, events, state):  # type: ignore[no-untyped-def]
    if events == 0.0:
        return np.nan
    if reduction == _RECENCY:
        return state[NEWEST, sel]
    if reduction == _TENURE:
        return state[OLDEST, sel]
    if reduction == _SILENCE:
        return state[NEWEST, sel] / state[OLDEST, sel] if state[OLDEST, sel] > 0.0 else 1.0
    if reduction == _NIGHT:
        return state[NIGHTS, sel] / events
    if reduction == _WEEKEND:
        return state[WEEKENDS, sel] / events
    if reduction == _REGULARITY:
        return math.sqrt(state[COSINES, sel] ** 2 + state[SINES, sel] ** 2) / events
    if reduction == _REPEAT_DAYS:
        return state[GAPS, sel]
    if reduction == _REPEAT_SPAN:
        return state[DAY_NOW, sel] - state[DAY_FIRST, sel]
    if reduction == _LAST_VALUE:
        return state[VALUE_NEWEST, sel]
    gaps = state[GAPS, sel]
    if gaps == 0.0:
        return np.nan
    if reduction == _GAP_MEAN:
        return state[GAP_AVERAGE, sel]
    if reduction == _GAP_LAST:
        return state[GAP_NEWEST, sel]
    if reduction == _OVERDUE:
        return state[NEWEST, sel] / state[GAP_AVERAGE, sel]
    if reduction == _GAP_DEVIATION and gaps > 1.0:
        return math.sqrt(state[GAP_SQUARES, sel] / (gaps - 1.0))
    return np.nan


@numba.njit(cache=True, nogil=True)
def scratch(plan, longest):  # type: ignore[no-untyped-def]
    """Working memory for histories of up to `longest` events; one a thread."""
    selectors, windows, fanout = plan.items.shape[0], plan.edges.shape[0], 0
    for kind in range(plan.first_selector.shape[0] - 1):
        fanout = max(fanout, plan.first_selector[kind + 1] - plan.first_selector[kind])
    size = 16
    while size < 2 * longest * fanout:
        size *= 2
    return (
        np.empty((RINGS, selectors, windows + 1)),
        np.empty((STATES, selectors)),
        np.empty(size, np.int64),
        np.empty(size, np.int32),
        np.zeros(size, np.int64),
    )


@numba.njit(parallel=True, cache=True, nogil=True)
def feature_rows(time, kind, value, item, hour, arrived, offsets, users, as_of, plan, out):  # type: ignore[no-untyped-def]
    """Write the features of row i, user `users[i]` at `as_of[i]`, into out[i]; rows are shared among threads.

    The rows are independent of one another, so the result does not depend on the number of threads.
    """
    rows = users.shape[0]
    chunks = min(64, rows)
    for c in numba.prange(chunks):
        low, high = c * rows // chunks, (c + 1) * rows // chunks
        longest = 1
        for i in range(low, high):
            longest = max(longest, offsets[users[i] + 1] - offsets[users[i]])
        own = scratch(plan, longest)
        for i in range(low, high):
            a, b = offsets[users[i]], offsets[users[i] + 1]
            known = arrived[a:b] if arrived.shape[0] > 0 else arrived
            feature_row(
                time[a:b], kind[a:b], value[a:b], item[a:b], hour[a:b], known, as_of[i], plan, own, i + 1, out[i]
            )
