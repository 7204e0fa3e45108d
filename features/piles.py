"""A large table of events in memory as a past of many buckets, so that only one at a time is sorted and widened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.catalog import KindUse
from features.clock import zone_table
from features.histories import Histories, Span
from features.named import Named
from features.ordering import dealt, pile_in_order

A_PILE = 500_000  # events; they fit into a processor's cache while they are sorted


@dataclass(frozen=True)
class Piles:
    """Events dealt to piles of neighbouring users; see `features.past.Past`.

    users: (n,) names, ascending.  offsets: (n + 1,) where the events of each user lie.  bounds: (piles + 1,) the first
    user of each pile.  slots: (m, 4 or 5) as `features.ordering.deal` leaves them.
    """

    users: NDArray[np.object_]
    offsets: NDArray[np.int64]
    bounds: NDArray[np.int64]
    slots: NDArray[np.int64]
    kinds: tuple[str, ...]
    known: tuple[KindUse, ...]
    span: Span
    known_today: bool = False

    @property
    def user_count(self) -> int:
        return len(self.users)

    @property
    def event_count(self) -> int:
        return len(self.slots)

    @property
    def arrivals(self) -> bool:
        return not self.known_today and self.slots.shape[1] > 4

    def uses(self) -> tuple[KindUse, ...]:
        return self.known

    def as_known_today(self) -> Piles:
        return replace(self, known_today=True)

    def fingerprint(self) -> str:
        return f"{sum(part.digest() for part in self.buckets()) % (1 << 64):016x}"

    def starts(self, kinds: Sequence[str]) -> NDArray[np.int64]:
        return np.sort(np.concatenate([part.starts(kinds) for part in self.buckets()]))

    def buckets(self) -> Iterator[Histories]:
        """The histories of one pile of users after the other, in the order of the users' names."""
        zone = zone_table(self.span.zone)
        for low, high in zip(self.bounds[:-1], self.bounds[1:], strict=True):
            offsets = self.offsets[low : high + 1] - self.offsets[low]
            slots = self.slots[self.offsets[low] : self.offsets[high]]
            c = pile_in_order(slots, int(low), offsets)
            arrived = c.arrived if self.arrivals else c.arrived[:0]
            hour = zone.hour_of_week(c.time)
            yield Histories(
                self.users[low:high], offsets, c.time, c.kind, c.value, c.item, hour, arrived, self.kinds, self.span
            )


def piles(table: pa.Table, span: Span) -> Piles:
    """Deal a table of events (`features.events.SCHEMA`) to piles of about A_PILE events."""
    named = Named.of(table)
    offsets = named.offsets()
    wanted = np.arange(A_PILE, table.num_rows, A_PILE)
    bounds = np.unique(np.r_[0, np.searchsorted(offsets, wanted), len(named.users)])
    slots = dealt(named.pieces(), offsets, bounds, named.arrivals)
    return Piles(named.users, offsets, bounds, slots, named.kinds, named.uses(), span)
