"""Histories for tests, made from plain events; time is microseconds UTC."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from features.build import F32, History
from features.business import Business, parse_business
from features.events import SCHEMA, Counted, Events
from features.histories import Histories, histories
from features.rejects import Rejected

DAY = 86_400_000_000
HOUR = DAY // 24


class Event(NamedTuple):
    """One row of a log; arrived: when it became known, None for at once."""

    user: str
    time: int
    kind: str = "order"
    value: float | None = None
    item: str | None = None
    arrived: int | None = None


def at(moment: str) -> int:
    """Microseconds UTC of an ISO moment without an offset."""
    return int(np.datetime64(moment, "us").astype(np.int64))


def log(events: Sequence[Event], dates_only: bool = False, complete_until: int | None = None) -> Events:
    """What `read_events` would have made of these events."""
    columns = list(zip(*events, strict=True)) if events else [[] for _ in Event._fields]
    user, time, kind, value, item, arrived = (list(column) for column in columns)
    table = pa.table({
        "user": user, "time": pa.array(time, pa.int64()), "kind": pa.array(kind, pa.string()).dictionary_encode(),
        "value": pa.array(value, pa.float64()), "item": pa.array(item, pa.string()),
        "event_id": pa.nulls(len(user), pa.string()), "ingested_at": pa.array(arrived, pa.int64()),
    }).cast(SCHEMA)  # fmt: skip
    until = max(time) if complete_until is None else complete_until
    return Events(table, Rejected(), Counted(), (), dates_only, until)


def past(
    events: Sequence[Event], zone: str = "UTC", dates_only: bool = False, complete_until: int | None = None
) -> Histories:
    """The histories of these events."""
    return histories(log(events, dates_only, complete_until), zone)


def business(**tables: dict[str, Any]) -> Business:
    """A configuration; the source and its columns do not matter here unless `events` says so."""
    events = {"source": "events.csv", "user": "user", "time": "time", "kind": "kind"} | tables.pop("events", {})
    return parse_business({"events": events, **tables}, Path("/nowhere/winback.toml"))


def one(histories: Histories, user: int) -> History:
    """One user's history, as the service holds it."""
    h, rows = histories, slice(histories.offsets[user], histories.offsets[user + 1])
    arrived = h.arrived[rows] if len(h.arrived) else h.arrived
    return History(h.time[rows], h.kind[rows], h.value[rows], h.item[rows], h.hour[rows], arrived)


def differing(names: Sequence[str], some: F32, others: F32) -> list[str]:
    """The columns in which two matrices (or rows) are not the same to the bit."""
    unlike = np.atleast_2d(some).view(np.int32) != np.atleast_2d(others).view(np.int32)
    return [names[column] for column in np.flatnonzero(unlike.any(axis=0))]
