"""What one alternative says of some users at one moment: who is asked, who left or converted, who came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.build import FeatureTable
from features.clock import DAY
from features.definitions import Definition, eligible
from features.histories import Histories
from training.contracts import Spells
from training.define.comparison import Alternative
from training.labels import labels

I64 = NDArray[np.int64]
DECLINED = 0.5  # of the own baseline
LEAST_BASELINE = 2  # events in the horizon before; of fewer, half is nothing


@dataclass(frozen=True)
class Answer:
    """Of some users at one moment.  asked: how many.  certain, silent: (g,) days of each who left (or converted).
    back: (g,) who of them came back in the follow-up; None where it is not over."""

    asked: int
    certain: NDArray[np.float64]
    silent: NDArray[np.float64]
    back: NDArray[np.bool_] | None


def ask(
    one: Alternative, histories: Histories, table: FeatureTable, as_of: int, held: Spells | None, follow: int
) -> Answer:
    """Ask everybody in a bucket.

    table: their features at as_of.  held: their contracts, where the alternative is about those.  follow: microseconds
    that those called gone are watched after the window.
    """
    asked = _asked(one, histories, table, as_of)
    users = table.user[asked]
    if one.rule == "decline":
        left = _declined(one.definition, histories, users, as_of, one.definition.horizon_days * DAY)
    else:
        left = labels(one.definition, histories, users, as_of) > 0
    end = as_of + one.definition.reach_days * DAY
    gone = users[left]
    watched = end + follow <= histories.span.complete_until and one.rule != "conversion"
    return Answer(
        len(users), _certain(one, histories, gone, as_of, held) / DAY,
        table.values[asked, table.catalog.activity("recency")][left].astype(np.float64),
        _came_back(one, histories, gone, as_of, held, follow) if watched else None,
    )  # fmt: skip


def _asked(one: Alternative, histories: Histories, table: FeatureTable, as_of: int) -> NDArray[np.bool_]:
    """(n,) of whom among the rows of the table."""
    asked, day = one.definition, DAY
    if one.rule in ("no_purchase", "no_second"):
        known = histories.arrived <= as_of if histories.arrivals else np.ones(len(histories.time), np.bool_)
        bought = np.bincount(
            histories.owner[known & (histories.time <= as_of) & histories.is_of(asked.kinds)], minlength=len(histories)
        )[table.user]
        return np.asarray(bought == 1 if one.rule == "no_second" else bought > 0)
    some = eligible(asked, table)
    if one.rule == "decline":
        own = _happened(histories, asked.kinds, as_of - asked.horizon_days * day, as_of)[table.user]
        tenure = np.nan_to_num(table.values[:, table.catalog.activity("tenure")], nan=-1.0)
        some = some & (own >= LEAST_BASELINE) & (tenure >= asked.horizon_days)
    return some


def _declined(asked: Definition, histories: Histories, users: I64, as_of: int, length: int) -> NDArray[np.bool_]:
    """(n,) who did less than half as much in the window as in the horizon before as_of."""
    before = _happened(histories, asked.kinds, as_of - length, as_of)[users]
    start = as_of + asked.gap_days * DAY
    return np.asarray(_happened(histories, asked.kinds, start, start + length)[users] < DECLINED * before)


def _certain(one: Alternative, histories: Histories, gone: I64, as_of: int, held: Spells | None) -> NDArray[np.float64]:
    """(g,) microseconds from as_of until it was certain."""
    asked = one.definition
    if held is not None:
        running = (held.begin <= as_of) & (held.end > as_of)
        ends = np.zeros(len(histories), np.int64)
        ends[held.owner[running]] = held.end[running]
        return (ends[gone] - as_of).astype(np.float64)
    if one.rule == "conversion":
        start = as_of + asked.gap_days * DAY
        rows = np.flatnonzero((histories.time > start) & histories.is_of(asked.kinds))
        owner, first = np.unique(histories.owner[rows], return_index=True)
        when = np.zeros(len(histories), np.int64)
        when[owner] = histories.time[rows][first]
        return (when[gone] - as_of).astype(np.float64)
    return np.full(len(gone), float(asked.reach_days * DAY))


def _came_back(
    one: Alternative, histories: Histories, gone: I64, as_of: int, held: Spells | None, follow: int
) -> NDArray[np.bool_]:
    """(g,) who of those gone came back: into a contract, to half of the own baseline, or at all."""
    end = as_of + one.definition.reach_days * DAY
    if held is not None:
        return held.begun(as_of, end + follow, len(histories))[gone]
    later = _happened(histories, one.definition.kinds, end, end + follow)[gone]
    if one.rule == "decline":
        length = one.definition.horizon_days * DAY
        before = _happened(histories, one.definition.kinds, as_of - length, as_of)[gone]
        return np.asarray(later >= DECLINED * before)  # both are counted over one horizon in use
    return np.asarray(later > 0)


def _happened(histories: Histories, kinds: Sequence[str], start: int, end: int) -> I64:
    """(u,) events of these kinds in (start, end]."""
    rows = (histories.time > start) & (histories.time <= end) & histories.is_of(kinds)
    return np.bincount(histories.owner[rows], minlength=len(histories))
