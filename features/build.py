"""Map the feature kernel over users and moments: the batch driver and the one-user driver."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features import kernel
from features.arrays import Plan
from features.carry import Carry
from features.catalog import Catalog
from features.clock import format_instant
from features.custom import PastEvents, fill
from features.histories import Histories
from features.problems import InputProblem
from features.sample import evenly
from features.spec import Reduction

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
CHUNKS = 64
EVENTS_A_ROW = 40  # what a row costs beside its events, in events


@dataclass(frozen=True)
class FeatureTable:
    """One row a user and moment.

    user: (n,) index into the histories.  as_of: (n,) microseconds UTC.  values: (n, f).
    """

    catalog: Catalog
    user: I64
    as_of: I64
    values: F32

    def __len__(self) -> int:
        return len(self.user)

    def column(self, name: str) -> F32:
        return self.values[:, self.catalog.position[name]]


def build(histories: Histories, catalog: Catalog, users: I64, as_of: I64) -> FeatureTable:
    """Compute every feature of the catalogue for row i, user `users[i]` at moment `as_of[i]`.

    users: (n,) indices into the histories.  as_of: (n,) microseconds UTC.  Returns (n, f) float32, NaN = missing.
    Raises InputProblem when a custom feature fails.
    """
    users, as_of = np.asarray(users, dtype=np.int64), np.asarray(as_of, dtype=np.int64)
    out = np.empty((len(users), len(catalog.features)), dtype=np.float32)
    h = histories
    if len(users):
        plan = catalog.plan(h.kinds)
        shares = chunks(np.diff(h.offsets)[users])
        kernel.feature_rows(
            h.time, h.kind, h.value, h.item, h.hour, h.arrived, h.offsets, users, as_of, shares, plan.table, out
        )
        for row in range(len(users)) if plan.custom else ():
            one = history_of(h, int(users[row]))
            fill(plan, past_events(one, plan, int(as_of[row])), out[row], f"user '{h.users[users[row]]}'")
    return FeatureTable(catalog, users, as_of, out)


def chunks(events: I64) -> I64:
    """(c + 1,) bounds of chunks of rows that cost about the same; events: (n,) of each row."""
    cost = np.cumsum(events + EVENTS_A_ROW)
    even = np.linspace(0, cost[-1], min(CHUNKS, len(events)) + 1)[1:-1]
    return np.asarray(np.r_[0, np.searchsorted(cost, even, side="left"), len(events)], dtype=np.int64)


def build_at(histories: Histories, catalog: Catalog, as_of: int) -> FeatureTable:
    """The features of every user who had an event by `as_of`."""
    users = histories.seen(as_of)
    return build(histories, catalog, users, np.full(len(users), as_of, dtype=np.int64))


def try_custom(catalog: Catalog, histories: Histories, as_of: int, users: int = 20) -> tuple[str, ...]:
    """What the business's own features give for some users who are known at `as_of`, a sentence each.

    Raises InputProblem that names the function, the user and the moment where one fails.
    """
    own = [f for f in catalog.features if f.reduction is Reduction.CUSTOM]
    seen = histories.seen(as_of)
    some = seen[evenly(len(seen), users)]
    if not own or not len(some):
        return ()
    table = build(histories, replace(catalog, features=tuple(own)), some, np.full(len(some), as_of))
    return tuple(_tried(f.name, table.column(f.name)) for f in own)


def _tried(name: str, values: F32) -> str:
    known = values[~np.isnan(values)]
    found = f"{known.min():,.4g} to {known.max():,.4g}" if len(known) else "no value"
    return f"{name}: {found} for {len(values)} users tried, missing for {len(values) - len(known)}"


@dataclass(frozen=True)
class History:
    """One user's events as arrays, sorted as `Histories` sorts them; kind indexes the kinds of the plan.

    carry: what is left of still older events, where they are folded.
    """

    time: I64
    kind: NDArray[np.int16]
    value: NDArray[np.float64]
    item: I64
    hour: NDArray[np.uint8]
    arrived: I64
    carry: Carry | None = None

    @property
    def events(self) -> int:
        """How many events, the folded ones included."""
        return len(self.time) + (self.carry.events if self.carry else 0)

    @property
    def last(self) -> int:
        """Time of the newest event, microseconds UTC; there has to be one."""
        return int(self.time[-1]) if len(self.time) or self.carry is None else self.carry.last

    def serves(self, plan: Plan, as_of: int, as_known_then: bool = False) -> bool:
        """Whether features as of this moment can be had from it, or need the folded events themselves."""
        return self.carry is None or self.carry.serves(plan, as_of, as_known_then)

    def until(self, as_of: int, as_known_then: bool) -> History:
        """The part that `as_of` sees; arrivals matter only to somebody who asks about the past."""
        seen = self.time <= as_of
        if as_known_then and len(self.arrived):
            seen &= self.arrived <= as_of
        past = replace(self, arrived=self.arrived[:0])
        if seen.all():
            return past
        columns = {name: getattr(self, name)[seen] for name in ("time", "kind", "value", "item", "hour")}
        return replace(past, **columns)


def history_of(histories: Histories, user: int) -> History:
    """The events of user number `user`."""
    h, rows = histories, slice(histories.offsets[user], histories.offsets[user + 1])
    arrived = h.arrived[rows] if len(h.arrived) else h.arrived
    return History(h.time[rows], h.kind[rows], h.value[rows], h.item[rows], h.hour[rows], arrived)


def past_events(history: History, plan: Plan, as_of: int) -> PastEvents:
    """What a custom feature may see of a history: nothing that is later than `as_of`, or was not known at it."""
    h, known = history, history.time <= as_of
    if len(h.arrived):
        known &= h.arrived <= as_of
    names = np.asarray(plan.kinds, dtype=object)
    columns = (h.time, names[h.kind], h.value, h.item, h.hour)
    return PastEvents.of_columns(as_of, *(column[known] for column in columns))


def build_one(history: History, plan: Plan, as_of: int) -> F32:
    """The features of one user at one moment, (f,) float32; the same compiled function as `build`.

    Raises InputProblem (as_of_too_old) when the history is folded and `serves` says that the moment needs all of it.
    """
    out = np.empty(plan.width, dtype=np.float32)
    h = history
    if h.carry is None:
        memory = kernel.scratch(plan.table, len(h.time))
        kernel.feature_row(h.time, h.kind, h.value, h.item, h.hour, h.arrived, as_of, plan.table, memory, 1, out)
    else:
        _carried(history, h.carry, plan, as_of, out)
    if plan.custom:
        fill(plan, past_events(history, plan, as_of), out, "one user")
    return out


def _carried(history: History, carry: Carry, plan: Plan, as_of: int, out: F32) -> None:
    h, folded = history, carry.folded
    if not carry.serves(plan, as_of, len(h.arrived) > 0):
        raise InputProblem(
            f"{carry.events:,} events before {format_instant(carry.before)} are folded, and the features as of "
            f"{format_instant(as_of)} need them one by one. Read the whole history, or ask for a later as_of.",
            "as_of_too_old",
        )
    memory = kernel.scratch(plan.table, len(h.time) + len(folded.item))
    kernel.carried_row(h.time, h.kind, h.value, h.item, h.hour, h.arrived, as_of, folded, plan.table, memory, 1, out)
