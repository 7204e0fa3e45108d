"""Every user's past as time-sorted arrays, laid end to end."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.clock import zone_table
from features.events import Events

I64 = NDArray[np.int64]
NO_ITEM = 0


@dataclass(frozen=True)
class Histories:
    """n users and their m events, sorted by user, then time, then content.

    users: (n,) strings, ascending.  offsets: (n+1,) the events of user i are offsets[i]:offsets[i+1].
    time: (m,) microseconds UTC.  kind: (m,) index into `kinds`.  value: (m,) NaN where an event has none.
    item: (m,) 64-bit digest of the item, 0 where an event has none.  hour: (m,) hour of the week, 0..167, in `zone`.
    arrived: (m,) microseconds UTC when the event became known, or (0,) when every event was known at once.

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
    zone: str
    dates_only: bool
    complete_until: int

    def __len__(self) -> int:
        return len(self.users)

    @property
    def first(self) -> int:
        """Time of the first event, microseconds UTC."""
        return int(self.time.min())

    @property
    def last(self) -> int:
        """Time of the last event, microseconds UTC."""
        return int(self.time.max())

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
            offsets=_offsets(lengths),
            time=self.time[rows],
            kind=self.kind[rows],
            value=self.value[rows],
            item=self.item[rows],
            hour=self.hour[rows],
            arrived=self.arrived[rows] if len(self.arrived) else self.arrived,
        )

    def fingerprint(self) -> str:
        """A digest of all events and users: the same data give the same sixteen hex digits."""
        digest = hashlib.blake2b(digest_size=8)
        digest.update("\x00".join(self.users).encode())
        digest.update("\x00".join(self.kinds).encode())
        for column in (self.offsets, self.time, self.kind, self.value, self.item, self.arrived):
            digest.update(np.ascontiguousarray(column).view(np.uint8).data)
        return digest.hexdigest()


def histories(events: Events, zone: str) -> Histories:
    """Sort events into one history a user.

    zone: the business time zone, for the hour of the week.
    """
    table = events.table
    user_code, users = _ranked(table["user"])
    kind_code, kinds = _ranked(table["kind"])
    time = np.asarray(table["time"].to_numpy(), dtype=np.int64)
    value = np.asarray(table["value"].to_numpy(), dtype=np.float64)
    item = item_digests(table["item"])
    arrived = np.empty(0, dtype=np.int64)
    if table["ingested_at"].null_count < table.num_rows:
        known = pc.coalesce(table["ingested_at"], table["time"]).to_numpy()
        arrived = np.maximum(np.asarray(known, dtype=np.int64), time)
    order = content_order(user_code, time, kind_code, value, item, arrived)
    time = time[order]
    return Histories(
        users=users,
        offsets=_offsets(np.bincount(user_code, minlength=len(users))),
        time=time,
        kind=kind_code[order].astype(np.int16),
        value=value[order],
        item=item[order],
        hour=zone_table(zone).hour_of_week(time),
        arrived=arrived[order] if len(arrived) else arrived,
        kinds=tuple(kinds),
        zone=zone,
        dates_only=events.dates_only,
        complete_until=events.complete_until,
    )


def content_order(
    user: NDArray[np.int32], time: I64, kind: NDArray[np.int32], value: NDArray[np.float64], item: I64, arrived: I64
) -> I64:
    """The order by user and time; ties, which are few, by what the events are."""
    order = np.lexsort((time, user))
    same = (np.diff(user[order]) == 0) & (np.diff(time[order]) == 0)
    tied = np.flatnonzero(np.r_[False, same] | np.r_[same, False])
    if len(tied):
        rows = order[tied]
        keys: tuple[NDArray[Any], ...] = (
            item[rows],
            np.nan_to_num(value[rows], nan=-np.inf),
            kind[rows],
            time[rows],
            user[rows],
        )
        if len(arrived):
            keys = (arrived[rows], *keys)
        order[tied] = rows[np.lexsort(keys)]
    return order


def item_digest(item: str) -> int:
    """A stable non-zero 64-bit number for an item's name, the same in a batch and in the service."""
    number = int.from_bytes(hashlib.blake2b(item.encode(), digest_size=8).digest(), "little", signed=True)
    return number or 1


def item_digests(items: pa.ChunkedArray) -> I64:
    """(m,) digests of a column of strings; NO_ITEM where it is null."""
    encoded = pc.dictionary_encode(items.combine_chunks())
    names = encoded.dictionary.to_pylist()
    digests = np.fromiter((item_digest(name) for name in names), dtype=np.int64, count=len(names))
    codes = encoded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
    found: I64 = np.r_[digests, NO_ITEM][codes]
    return found


def _ranked(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], NDArray[np.object_]]:
    """Codes in the order of the sorted distinct strings, and those strings."""
    array = column.combine_chunks()
    encoded = array if pa.types.is_dictionary(array.type) else pc.dictionary_encode(array)
    names = np.asarray(encoded.dictionary.to_pylist(), dtype=object)
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    used = np.flatnonzero(np.bincount(codes, minlength=len(names)))
    order = used[np.argsort(names[used])]
    rank = np.zeros(len(names), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[codes], names[order]


def _offsets(lengths: NDArray[np.integer]) -> I64:
    return np.asarray(np.r_[0, np.cumsum(lengths)], dtype=np.int64)


def _within(lengths: I64) -> I64:
    """0, 1, ... inside each run of the given lengths."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
