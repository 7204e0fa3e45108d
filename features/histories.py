"""Every user's past as time-sorted arrays, laid end to end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.catalog import KindUse
from features.clock import zone_table
from features.digests import event_digests, text_digests, total_digest
from features.events import Events
from features.named import NO_ITEM, Named, offsets_of
from features.ordering import put_in_order

I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Span:
    """When a log begins and ends, said of all of it, also by a part of its histories.

    first, last: times of its first and last event, microseconds UTC.  complete_until: the moment up to which it is
    complete.  dates_only: every time is a whole day in `zone`, the business time zone.
    """

    first: int
    last: int
    complete_until: int
    dates_only: bool
    zone: str


@dataclass(frozen=True)
class Histories:
    """n users and their m events, sorted by user, then time, then content.

    users: (n,) strings, ascending.  offsets: (n+1,) the events of user i are offsets[i]:offsets[i+1].
    time: (m,) microseconds UTC.  kind: (m,) index into `kinds`.  value: (m,) NaN where an event has none.
    item: (m,) 64-bit digest of the item, 0 where an event has none.  hour: (m,) hour of the week, 0..167, in `zone`.
    arrived: (m,) microseconds UTC when the event became known, or (0,) when every event was known at once.
    span: of the log that these histories are from.

    Events of one user at one instant are ordered by what they are (kind, value, item, arrival), so that neither the
    order of rows in a file nor the order of arrival can change a feature.
    """

    users: NDArray[np.object_]
    offsets: I64
    time: I64
    kind: NDArray[np.int16]
    value: NDArray[np.float64]
    item: I64
    hour: NDArray[np.uint8]
    arrived: I64
    kinds: tuple[str, ...]
    span: Span

    def __len__(self) -> int:
        return len(self.users)

    @property
    def user_count(self) -> int:
        return len(self.users)

    @property
    def event_count(self) -> int:
        return len(self.time)

    @property
    def arrivals(self) -> bool:
        """Whether some events became known later than they happened."""
        return len(self.arrived) > 0

    def buckets(self) -> Iterator[Histories]:
        """Everybody at once: what is in memory is one bucket; see `features.past`."""
        yield self

    def uses(self) -> tuple[KindUse, ...]:
        """How often each kind occurs, and whether with items and values."""
        size = len(self.kinds)
        events = np.bincount(self.kind, minlength=size)
        items = np.bincount(self.kind[self.item != NO_ITEM], minlength=size)
        values = np.bincount(self.kind[~np.isnan(self.value)], minlength=size)
        return tuple(
            KindUse(kind, int(events[k]), bool(items[k]), bool(values[k])) for k, kind in enumerate(self.kinds)
        )

    def starts(self, kinds: Sequence[str]) -> I64:
        """(c,) when each of the c users who have any event of `kinds` had the first one, ascending."""
        rows = self.is_of(kinds)
        _, first = np.unique(self.owner[rows], return_index=True)
        return np.sort(self.time[rows][first])

    @cached_property
    def owner(self) -> NDArray[np.int32]:
        """(m,) the index of the user whom each event belongs to."""
        return np.repeat(np.arange(len(self.users), dtype=np.int32), np.diff(self.offsets))

    def codes(self, kinds: Sequence[str]) -> list[int]:
        """The indices of those of `kinds` that occur in these histories."""
        return [self.kinds.index(kind) for kind in kinds if kind in self.kinds]

    def is_of(self, kinds: Sequence[str]) -> NDArray[np.bool_]:
        """(m,) whether each event is of one of these kinds."""
        named = np.zeros(len(self.kinds) + 1, dtype=np.bool_)
        named[self.codes(kinds)] = True
        return named[self.kind]

    def seen(self, as_of: int) -> NDArray[np.int64]:
        """Indices of the users with at least one event known at `as_of`."""
        known = self.time <= as_of
        if len(self.arrived):
            known &= self.arrived <= as_of
        return np.unique(self.owner[known]).astype(np.int64)

    def as_known_today(self) -> Histories:
        """The same histories when everything has arrived, for scores of now rather than of a moment in the past."""
        return replace(self, arrived=np.empty(0, dtype=np.int64))

    def take(self, users: NDArray[np.int64]) -> Histories:
        """The histories of these users alone; users: ascending indices."""
        lengths = np.diff(self.offsets)[users]
        rows = np.repeat(self.offsets[users], lengths) + _within(lengths)
        return replace(
            self,
            users=self.users[users],
            offsets=offsets_of(lengths),
            time=self.time[rows],
            kind=self.kind[rows],
            value=self.value[rows],
            item=self.item[rows],
            hour=self.hour[rows],
            arrived=self.arrived[rows] if len(self.arrived) else self.arrived,
        )

    def fingerprint(self) -> str:
        """Sixteen hex digits that all events together give, in whatever order and buckets they are kept."""
        return f"{self.digest():016x}"

    def digest(self) -> int:
        """The same as a number; those of two parts of a log add up modulo 2**64."""
        users, kinds = (text_digests(pa.array(names, pa.string())) for names in (self.users, self.kinds))
        digests = event_digests(users[self.owner], self.time, kinds[self.kind], self.value, self.item)
        return total_digest(digests, self.arrived if len(self.arrived) else self.time)


def histories(events: Events, zone: str) -> Histories:
    """Sort events into one history a user.

    zone: the business time zone, for the hour of the week.
    """
    return arranged(events.table, span_of(events, zone))[0]


def span_of(events: Events, zone: str) -> Span:
    """When a log begins and ends."""
    first, last = (int(pc.min_max(events.table["time"])[end].as_py()) for end in ("min", "max"))
    return Span(first, last, events.complete_until, events.dates_only, zone)


def arranged(table: pa.Table, span: Span, kinds: Sequence[str] | None = None) -> tuple[Histories, NDArray[np.int32]]:
    """The histories of a table of events, and the (m,) order of its rows in them.

    table: the columns of `features.events.SCHEMA`, event_id aside.  kinds: of the whole log, ascending, where the table
    is a part of it.
    """
    named = Named.of(table, kinds)
    offsets = named.offsets()
    columns = put_in_order(named.pieces(), offsets, named.arrivals)
    found = Histories(
        users=named.users,
        offsets=offsets,
        time=columns.time,
        kind=columns.kind,
        value=columns.value,
        item=columns.item,
        hour=zone_table(span.zone).hour_of_week(columns.time),
        arrived=columns.arrived,
        kinds=named.kinds,
        span=span,
    )
    return found, columns.row


def _within(lengths: I64) -> I64:
    """0, 1, ... inside each run of the given lengths."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
