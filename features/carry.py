"""What is left of a long history's old events: enough to go on computing every feature of the whole."""

from __future__ import annotations

from dataclasses import dataclass

from features.arrays import Carried, Plan
from features.kernel import EVENTS, SESSIONED


@dataclass(frozen=True)
class Carry:
    """Old events of one user in a form that does not grow with their number; `features.online.fold` makes it.

    Exact: whatever counts events or values, or asks when there was one: counts, sums, means, largest values, recency,
    tenure, days, gaps, streaks, sessions, shares of hours and what follows what; sums within the rounding of a sum.
    Near: decayed_* and weeks_since_peak, because the events of a date are taken to lie evenly between its first and its
    last; median_ever and p90_ever of more than MOST_VALUES values a kind, within 1 / (2 MOST_VALUES) of their rank;
    items_ever and favourite_share of more than MOST_ITEMS items, where an item that comes again after having been
    dropped counts as a new one.

    before: the folded events are the user's events earlier than this, microseconds UTC.
    known_by: when the last of them had become known, microseconds UTC.
    """

    folded: Carried
    before: int
    known_by: int

    @property
    def events(self) -> int:
        """How many events are folded."""
        return int(self.folded.sums[-1, EVENTS])

    @property
    def last(self) -> int:
        """Time of the newest of them, microseconds UTC."""
        return int(self.folded.spans[-1, 1])

    def serves(self, plan: Plan, as_of: int, as_known_then: bool) -> bool:
        """Whether features as of this moment can be had from it, or need the events themselves.

        They need them when a window reaches into the folded part, when some of it had not arrived by then, when the
        business has features of its own (which see events), and for sessions of some but not all kinds.
        as_known_then: whether only what had arrived by `as_of` counts.
        """
        longest = int(plan.table.edges[-1]) if len(plan.table.edges) else 0
        return (
            not plan.custom
            and as_of - self.last >= longest
            and (not as_known_then or as_of >= self.known_by)
            and not _sessions_of_some(plan)
        )


def _sessions_of_some(plan: Plan) -> bool:
    """Whether sessions are asked of several kinds, but not of all: the carry has those of each and those of all."""
    table, every = plan.table, len(plan.kinds)
    return any(
        1 < (table.selectors == selector).sum() < every
        for selector, asks in enumerate(table.asks.tolist())
        if asks & SESSIONED
    )
