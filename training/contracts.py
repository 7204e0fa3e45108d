"""When each customer was under contract, from the events that begin, continue and end it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.clock import DAY
from features.definitions import Definition
from features.histories import Histories

I64 = NDArray[np.int64]
OPEN = np.iinfo(np.int64).max  # the end of a contract that nothing has ended


@dataclass(frozen=True)
class Spells:
    """k unbroken times under contract, [begin, end) each, sorted by customer and then by time.

    owner: (k,) index of the user.  begin, end: (k,) microseconds UTC; an end may lie beyond the log, or be OPEN.
    """

    owner: I64
    begin: I64
    end: I64

    def hold(self, start: int, end: int, users: int) -> NDArray[np.float64]:
        """(users,) 1 for who is under contract during all of (start, end], else 0."""
        whole = (self.begin <= start) & (self.end > end)
        return np.minimum(np.bincount(self.owner[whole], minlength=users), 1).astype(np.float64)

    def begun(self, start: int, end: int, users: int) -> NDArray[np.bool_]:
        """(users,) for whom a contract begins in (start, end]."""
        some = (self.begin > start) & (self.begin <= end)
        return np.bincount(self.owner[some], minlength=users) > 0


def spells(definition: Definition, histories: Histories) -> Spells:
    """The times under contract that a log tells of.

    A contract event holds for `cover_days` from its own moment (for ever without a term; two at once do not add up) or
    until a cancel event, whichever is first.  A renewal at the very moment at which cover ends continues it.  A cancel
    event at the moment of a contract event comes after it.  A contract that had begun before the log is known from
    its first event in it.
    """
    holds = histories.is_of(definition.contract)
    rows = np.flatnonzero(holds | histories.is_of(definition.cancel))
    owner, time, quits = histories.owner[rows].astype(np.int64), histories.time[rows], ~holds[rows]
    order = np.lexsort((quits, time, owner))
    owner, time, quits = owner[order], time[order], quits[order]
    upto = _next_cancel(owner, time, quits)
    if definition.cover_days:
        upto = np.minimum(upto, time + definition.cover_days * DAY)
    some = ~quits & (upto > time)
    owner, begin, end = owner[some], time[some], upto[some]
    # Ends never step back within one customer, so the event before is the one whose cover reaches furthest.
    fresh = np.r_[True, (owner[1:] != owner[:-1]) | (begin[1:] > end[:-1])][: len(owner)]
    last = np.r_[fresh[1:], True][: len(owner)]
    return Spells(owner[fresh], begin[fresh], end[last])


def _next_cancel(owner: I64, time: I64, quits: NDArray[np.bool_]) -> I64:
    """(r,) when the customer of each row cancels next, at it or later; OPEN for never."""
    rows = len(owner)
    following = np.minimum.accumulate(np.where(quits, np.arange(rows), rows)[::-1])[::-1]
    known = following < rows
    at = np.minimum(following, max(rows - 1, 0))
    own = known & (owner[at] == owner) if rows else known
    return np.where(own, time[at], OPEN) if rows else time
