"""Map the feature kernel over users and moments: the batch driver and the one-user driver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features import kernel
from features.catalog import Catalog, KindUse
from features.histories import NO_ITEM, Histories
from features.kernel import Plan

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


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


def kind_uses(histories: Histories) -> tuple[KindUse, ...]:
    """How often each kind occurs, and whether with items and values, for `catalog`."""
    size = len(histories.kinds)
    events = np.bincount(histories.kind, minlength=size)
    items = np.bincount(histories.kind[histories.item != NO_ITEM], minlength=size)
    values = np.bincount(histories.kind[~np.isnan(histories.value)], minlength=size)
    return tuple(
        KindUse(kind, int(events[k]), bool(items[k]), bool(values[k])) for k, kind in enumerate(histories.kinds)
    )


def build(histories: Histories, catalog: Catalog, users: I64, as_of: I64) -> FeatureTable:
    """Compute every feature of the catalogue for row i, user `users[i]` at moment `as_of[i]`.

    users: (n,) indices into the histories.  as_of: (n,) microseconds UTC.  Returns (n, f) float32, NaN = missing.
    """
    users, as_of = np.asarray(users, dtype=np.int64), np.asarray(as_of, dtype=np.int64)
    out = np.empty((len(users), len(catalog.features)), dtype=np.float32)
    h = histories
    if len(users):
        plan = catalog.plan(h.kinds)
        kernel.feature_rows(h.time, h.kind, h.value, h.item, h.hour, h.arrived, h.offsets, users, as_of, plan, out)
    return FeatureTable(catalog, users, as_of, out)


def build_at(histories: Histories, catalog: Catalog, as_of: int) -> FeatureTable:
    """The features of every user who had an event by `as_of`."""
    users = histories.seen(as_of)
    return build(histories, catalog, users, np.full(len(users), as_of, dtype=np.int64))


@dataclass(frozen=True)
class History:
    """One user's events as arrays, sorted as `Histories` sorts them; kind indexes the kinds of the plan."""

    time: I64
    kind: NDArray[np.int16]
    value: NDArray[np.float64]
    item: I64
    hour: NDArray[np.uint8]
    arrived: I64


def build_one(history: History, plan: Plan, as_of: int) -> F32:
    """The features of one user at one moment, (f,) float32; the same compiled function as `build`."""
    out = np.empty(len(plan.reduction), dtype=np.float32)
    memory = kernel.scratch(plan, len(history.time))
    h = history
    kernel.feature_row(h.time, h.kind, h.value, h.item, h.hour, h.arrived, as_of, plan, memory, 1, out)
    return out
