"""The order of events by user, time and content, at little more than the cost of reading them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
_NEVER = np.iinfo(np.int64).min


class Columns(NamedTuple):
    """m events.  time: microseconds.  kind: numbers in the order of the kinds' names.  value: NaN where there is none.
    item: digests, 0 where there is none.  arrived: (m,) or (0,).  row: where each event stood before."""

    time: I64
    kind: NDArray[np.int16]
    value: NDArray[np.float64]
    item: I64
    arrived: I64
    row: NDArray[np.int32]

    @classmethod
    def empty(cls, count: int, arrivals: bool) -> Columns:
        """Room for so many events."""
        return cls(
            np.empty(count, np.int64), np.empty(count, np.int16), np.empty(count, np.float64),
            np.empty(count, np.int64), np.empty(count if arrivals else 0, np.int64), np.empty(count, np.int32),
        )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def _reorder(columns, low, order):  # type: ignore[no-untyped-def]
    high = low + order.shape[0]
    columns.time[low:high] = columns.time[low:high][order]
    columns.kind[low:high] = columns.kind[low:high][order]
    columns.value[low:high] = columns.value[low:high][order]
    columns.item[low:high] = columns.item[low:high][order]
    columns.row[low:high] = columns.row[low:high][order]
    if columns.arrived.shape[0] > 0:
        columns.arrived[low:high] = columns.arrived[low:high][order]


@numba.njit(cache=True, nogil=True)
def _settle_times(offsets, settled, columns, tied):  # type: ignore[no-untyped-def]
    """Sort the unsettled users' events by time, and mark those that share their instant with another."""
    for u in range(settled.shape[0]):
        if settled[u]:
            continue
        low, high = offsets[u], offsets[u + 1]
        for i in range(low + 1, high):
            if columns.time[i] < columns.time[i - 1]:
                _reorder(columns, low, np.argsort(columns.time[low:high], kind="mergesort"))
                break
        for i in range(low + 1, high):
            if columns.time[i] == columns.time[i - 1]:
                tied[i - 1] = True
                tied[i] = True


def pieces_of(time: I64, kind: NDArray[np.int16], value: NDArray[np.float64], item: I64, arrived: I64) -> Columns:
    """Columns to be put in order; not to be written to, which compiled code takes for a type of its own."""
    columns = Columns(time.view(), kind.view(), value.view(), item.view(), arrived.view(), np.empty(0, np.int32))
    for column in columns:
        column.setflags(write=False)
    return columns


def put_in_order(pieces: Iterable[tuple[NDArray[np.int32], Columns]], offsets: I64, arrivals: bool) -> Columns:
    """The same for events that fit on one pile: all of them."""
    return pile_in_order(dealt(pieces, offsets, np.array([0, len(offsets) - 1]), arrivals), 0, offsets)


def _settle(offsets: I64, settled: NDArray[np.bool_], columns: Columns) -> None:
    tied = np.zeros(len(columns.time), np.bool_)
    _settle_times(offsets, settled, columns, tied)
    rows = np.flatnonzero(tied)
    if not len(rows):
        return
    owner = np.searchsorted(offsets, rows, side="right")
    filled = [column for column in columns if len(column)]
    some = [column[rows] for column in filled]
    time, kind, value, item, *arrived = some[:-1]
    order = np.lexsort([*arrived, item, np.nan_to_num(value, nan=-np.inf), kind, time, owner])
    for column, own in zip(filled, some, strict=True):
        column[rows] = own[order]


@numba.njit(cache=True, nogil=True)
def _deal(user, some, bits, pile, place, slots):  # type: ignore[no-untyped-def]
    for i in range(user.shape[0]):
        p = place[pile[user[i]]]
        place[pile[user[i]]] = p + 1
        slots[p, 0] = some.time[i]
        slots[p, 1] = bits[i]
        slots[p, 2] = some.item[i]
        slots[p, 3] = (np.int64(some.kind[i]) << 32) | user[i]
        if slots.shape[1] > 4:
            slots[p, 4] = some.arrived[i]


def dealt(pieces: Iterable[tuple[NDArray[np.int32], Columns]], offsets: I64, bounds: I64, arrivals: bool) -> I64:
    """All events on piles of neighbouring users, on each in the order in which they come.

    pieces: (k,) users' numbers and their events.  offsets: (n + 1,) where the events of each user lie in the end;
    bounds: (piles + 1,) the first user of each pile.  Returns (m, 4 or 5), one event side by side, because events come
    from any user, and a line of memory for each column of each event would be five times the traffic: time, the
    value's bits, item, kind and user, arrival.
    """
    pile = np.repeat(np.arange(len(bounds) - 1, dtype=np.int32), np.diff(bounds))
    place, slots = offsets[bounds[:-1]].copy(), np.empty((offsets[-1], 5 if arrivals else 4), np.int64)
    for user, some in pieces:
        _deal(user, some, some.value.view(np.int64), pile, place, slots)
    return slots


@numba.njit(cache=True, nogil=True)
def _scatter_pile(slots, first, place, latest, settled, bits, out):  # type: ignore[no-untyped-def]
    for i in range(slots.shape[0]):
        u = (slots[i, 3] & 0xFFFFFFFF) - first
        p = place[u]
        place[u] = p + 1
        moment = slots[i, 0]
        if moment <= latest[u]:
            settled[u] = False
        else:
            latest[u] = moment
        out.time[p] = moment
        bits[p] = slots[i, 1]
        out.item[p] = slots[i, 2]
        out.kind[p] = slots[i, 3] >> 32
        out.row[p] = i
        if slots.shape[1] > 4:
            out.arrived[p] = slots[i, 4]


def pile_in_order(slots: I64, first: int, offsets: I64) -> Columns:
    """The events of one pile by user, then time, then content: kind, value, item and arrival.

    first: the number of the pile's first user.  offsets: (users + 1,) where the events of its users lie.
    """
    users = len(offsets) - 1
    out = Columns.empty(len(slots), slots.shape[1] > 4)
    latest, settled = np.full(users, _NEVER), np.ones(users, np.bool_)
    _scatter_pile(slots, first, offsets[:-1].copy(), latest, settled, out.value.view(np.int64), out)
    if not settled.all():
        _settle(offsets, settled, out)
    return out
