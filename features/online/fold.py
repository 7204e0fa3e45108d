"""Fold the old events of a long history, so that its size is bounded by the time that it spans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features import kernel
from features.arrays import Carried
from features.build import History
from features.carry import Carry
from features.clock import DAY, SECOND
from features.named import NO_ITEM

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
MOST_ITEMS = 4_096
FIRM_ITEMS = 1_024  # the most frequent of a kind are kept before those that came again
MOST_VALUES = 1_024
_SESSION_GAP = 30 * 60 * SECOND


@dataclass(frozen=True)
class Folding:
    """When a history is folded, and where.

    days: the longest feature window.  margin_days: how much older than that a folded event is at least, so that scores
    of the recent past need no replay.  least: how many events are worth folding; once some are, as many again, or a
    share of those that are: each fold reads them all.
    whole: up to so many events a post rewrites all; of more it only writes a tail, of so many events at most.
    """

    days: int = 365
    margin_days: int = 14
    least: int = 5_000
    share: float = 1 / 16
    whole: int = 4_096
    tail: int = 256

    def edge(self, frontier: int) -> int:
        """Events before this moment may be folded.  frontier: time of the newest event of anybody."""
        return frontier - (self.days + self.margin_days) * DAY

    def pays(self, more: int, folded: int) -> bool:
        """Whether to fold so many more events."""
        return more >= max(self.least, folded * self.share, 1)


USUAL = Folding()


def carry_of(old: History, recent: History, before: int) -> Carry:
    """What is kept at hand of `old`, which has an event.

    old: the events earlier than `before`; recent: the later ones, which say what items to keep.
    """
    known_by = int(max(old.arrived.max(), old.time[-1])) if len(old.arrived) else int(old.time[-1])
    kinds = _kinds(old)
    first, last, kind, events = _dates(old)
    item, item_kind, item_events, rest = _items(old, kinds, recent)
    steps, times = np.unique(old.kind[:-1].astype(np.int64) << 32 | old.kind[1:], return_counts=True)
    sample, sample_kind, sample_events = _sample(old, kinds)
    folded = Carried(
        first, last, kind, events, kinds, _spans(old, kinds), np.hstack([_sums(old, kinds), rest, _clocks(old, kinds)]),
        item, item_kind, item_events, np.stack([steps >> 32, steps & 0xFFFFFFFF, times], axis=1).astype(np.int64),
        int(old.kind[-1]), sample, sample_kind, sample_events,
    )  # fmt: skip
    return Carry(folded, before, known_by)


def _kinds(old: History) -> I64:
    """(k,) the kinds met, the one with the newest value first, for the last value of several kinds."""
    kinds = np.unique(old.kind).astype(np.int64)
    newest = np.full(int(kinds[-1]) + 1, -1, dtype=np.int64)
    valued = np.flatnonzero(~np.isnan(old.value))
    newest[old.kind[valued]] = valued  # of repeated places the last assignment stands
    return kinds[np.argsort(-newest[kinds], kind="stable")]


def _dates(old: History) -> tuple[I64, I64, I64, I64]:
    """First and last moment, kind and number of the events of each date and kind, ascending by last moment."""
    group = old.time // DAY * (int(old.kind.max()) + 1) + old.kind
    order = np.argsort(group, kind="stable")
    begins = np.flatnonzero(np.diff(group[order], prepend=group[order[0]] - 1))
    ends = np.append(begins[1:], len(order))
    columns = (
        old.time[order[begins]], old.time[order[ends - 1]], old.kind[order[begins]].astype(np.int64), ends - begins
    )  # fmt: skip
    by_last = np.argsort(columns[1], kind="stable")
    first, last, kind, events = (column[by_last] for column in columns)
    return first, last, kind, events


def _spans(old: History, kinds: I64) -> I64:
    whole = (old.time[0], old.time[-1])
    return np.array([*((own[0], own[-1]) for own in (old.time[old.kind == k] for k in kinds)), whole], dtype=np.int64)


def _sums(old: History, kinds: I64) -> F64:
    """(k + 1, DROPPED) what the events of each kind, and of all, amount to."""
    parts = [old.kind == k for k in kinds]
    return np.stack([_amounts(old.time[part], old.value[part]) for part in (*parts, slice(None))])


def _amounts(time: I64, value: F64) -> F64:
    values = value[~np.isnan(value)] + 0.0
    gaps = np.diff(time)
    within = gaps <= _SESSION_GAP
    amounts = np.zeros(kernel.DROPPED)
    amounts[kernel.EVENTS], amounts[kernel.VALUED_EVENTS] = len(time), len(values)
    amounts[kernel.AMOUNT], amounts[kernel.HIGHEST] = values.sum(), values.max(initial=-np.inf)
    amounts[kernel.POSITIVE], amounts[kernel.NEGATIVE] = values[values > 0].sum(), -values[values < 0].sum()
    amounts[kernel.NEWEST_VALUE] = values[-1] if len(values) else np.nan
    amounts[kernel.RUNS], amounts[kernel.RUN_TIME] = 1 + (~within).sum(), gaps[within].sum()
    return amounts


def _clocks(old: History, kinds: I64) -> F64:
    """(k + 1, 4) the sums over the hours of the week of the events of each kind, and of all."""
    hours = np.stack([np.bincount(old.hour[old.kind == k], minlength=168) for k in kinds])
    sums: F64 = np.vstack([hours, hours.sum(axis=0)]) @ kernel.CLOCK
    return sums


def _items(old: History, kinds: I64, recent: History) -> tuple[I64, I64, I64, F64]:
    """Item, kind and number of the events of the items that are kept, and of the others what is lost.

    Kept are the most frequent of each kind, and those that were met again since: only an item that is not kept and
    comes again is counted twice.  The last is (k + 1, 2): how many items and how many events are dropped.
    """
    rows = np.flatnonzero(old.item != NO_ITEM)
    names, number = np.unique(old.item[rows], return_inverse=True)
    pairs, events = np.unique(number << 16 | old.kind[rows], return_counts=True)
    number, kind = pairs >> 16, pairs & 0xFFFF
    kept = np.zeros(len(names), np.bool_)
    kept[_kept_items(number, kind, events, np.isin(names, recent.item))] = True
    chosen = kept[number]
    dropped = [~chosen & (kind == k) for k in kinds]
    lost = [(float(part.sum()), float(events[part].sum())) for part in dropped]
    lost.append((float((~kept).sum()), float(events[~chosen].sum())))
    return names[number[chosen]], kind[chosen], events[chosen], np.array(lost)


def _kept_items(number: I64, kind: I64, events: I64, again: NDArray[np.bool_]) -> I64:
    """The numbers of the items to keep, at most MOST_ITEMS, by their best place in any kind."""
    order = np.lexsort([number, -events, kind])
    begins = np.searchsorted(kind[order], kind[order])
    place = np.full(len(again), len(order), dtype=np.int64)
    np.minimum.at(place, number[order], np.arange(len(order)) - begins)
    place[(place >= FIRM_ITEMS) & ~again] += len(order)
    return np.argsort(place, kind="stable")[:MOST_ITEMS]


def _sample(old: History, kinds: I64) -> tuple[F64, I64, I64]:
    """Values, each in the middle of neighbours of its kind for which it stands, their kinds, and how many these are."""
    samples, weights = [], []
    for k in kinds:
        own = old.value[old.kind == k]
        ordered = np.sort(own[~np.isnan(own)]) + 0.0
        bounds = np.linspace(0, len(ordered), min(len(ordered), MOST_VALUES) + 1).round().astype(np.int64)
        samples.append(ordered[(bounds[:-1] + bounds[1:] - 1) // 2])
        weights.append(np.diff(bounds))
    kind = np.repeat(kinds, [len(some) for some in samples])
    return np.concatenate(samples), kind, np.concatenate(weights)
