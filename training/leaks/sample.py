"""The few users whose rows are worked out again: chosen by hash, from one bucket, so that looking is cheap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.build import FeatureTable
from features.catalog import Catalog
from features.digests import text_digests
from features.histories import Histories
from features.past import Past
from features.spec import Reduction

I64 = NDArray[np.int64]
F32 = NDArray[np.float32]
Build = Callable[[Histories, Catalog, I64, I64], FeatureTable]
USERS = 400
_SEED = 11  # other digests than those that choose buckets, folds and shares


@dataclass(frozen=True)
class Bucket:
    """The first bucket of a past, and the users of it that are looked at.

    histories: the whole bucket.  some: of the chosen users alone.  whole: whether the bucket is everybody.
    """

    histories: Histories
    some: Histories
    whole: bool


def look(past: Past, users: int = USERS, seed: int = 0) -> Bucket:
    """Choose at most `users` users of the first bucket by the digest of their ids."""
    first = next(iter(past.buckets()))
    dice = text_digests(pa.array(first.users, pa.string()), seed=_SEED + seed)
    chosen = np.sort(np.argsort(dice, kind="stable")[:users]).astype(np.int64)
    return Bucket(first, first.take(chosen), len(first) == past.user_count)


def without_own(catalog: Catalog) -> Catalog:
    """The catalogue without features of one's own, which may refuse an empty history."""
    return replace(
        catalog, features=tuple(f for f in catalog.features if f.reduction is not Reduction.CUSTOM), custom=None
    )


def known_by(histories: Histories, as_of: int) -> NDArray[np.bool_]:
    """(m,) which events had happened and arrived by a moment."""
    known = histories.time <= as_of
    return known & (histories.arrived <= as_of) if histories.arrivals else known


def keep(histories: Histories, events: NDArray[np.bool_]) -> Histories:
    """The same users with these events alone; events: (m,)."""
    counts = np.bincount(histories.owner[events], minlength=len(histories))
    return replace(
        histories, offsets=np.asarray(np.r_[0, np.cumsum(counts)], dtype=np.int64), time=histories.time[events],
        kind=histories.kind[events], value=histories.value[events], item=histories.item[events],
        hour=histories.hour[events], arrived=histories.arrived[events] if histories.arrivals else histories.arrived,
    )  # fmt: skip


def another_future(histories: Histories, as_of: int, seed: int = 0) -> Histories:
    """The same past and another future: what was not known by `as_of` gets other moments, kinds, values and items."""
    late = np.flatnonzero(~known_by(histories, as_of))
    dice = np.random.default_rng(seed)
    other = dice.permutation(late)
    end = max(histories.span.complete_until, as_of + 2)
    time, kind = histories.time.copy(), histories.kind.copy()
    value, item = histories.value.copy(), histories.item.copy()
    time[late] = dice.integers(as_of + 1, end, len(late))
    kind[late], item[late] = dice.permutation(histories.kind[late]), histories.item[other]
    value[late] = histories.value[other] * dice.uniform(0.2, 5.0, len(late))
    arrived = histories.arrived.copy()
    if histories.arrivals:
        arrived[late] = time[late] + 1
    order = np.lexsort((time, histories.owner))
    return replace(
        histories, time=time[order], kind=kind[order], value=value[order], item=item[order],
        hour=histories.hour[order], arrived=arrived[order] if histories.arrivals else arrived,
    )  # fmt: skip


def unlike(some: F32, others: F32) -> NDArray[np.bool_]:
    """Where two matrices are not the same to the bit; any NaN equals any NaN."""
    a, b = np.ascontiguousarray(some, np.float32), np.ascontiguousarray(others, np.float32)
    return np.asarray((a.view(np.int32) != b.view(np.int32)) & ~(np.isnan(a) & np.isnan(b)), dtype=np.bool_)
