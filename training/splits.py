"""Which moments a model may learn from and on which it is judged, with customers held apart and horizons purged."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.clock import DAY
from features.definitions import Definition
from features.past import Past
from training.labels import last_cutoff

MOST_CUTOFFS = 8
FOLDS = 3
CROWD_SHARE = 0.1  # of the customers at the last cut-off, an earlier one must have at least this share


@dataclass(frozen=True)
class Timeline:
    """The cut-offs (as_of, microseconds UTC) that a history holds for one question, oldest first.

    cutoffs: all labelled ones, evenly spaced, the last being the report's untouched window.
    reach: gap + horizon in microseconds.
    """

    cutoffs: tuple[int, ...]
    reach: int

    @property
    def test(self) -> int:
        """The last labelled cut-off; no model that is reported on has learned from its window."""
        return self.cutoffs[-1]

    def learnable(self, at: int) -> tuple[int, ...]:
        """The cut-offs whose label windows are over by `at`: what one could have learned from at that moment."""
        return tuple(cutoff for cutoff in self.cutoffs if cutoff + self.reach <= at)

    @property
    def windows(self) -> int:
        """How many label windows fit that do not overlap; fewer than three is little evidence."""
        return 1 + int((self.cutoffs[-1] - self.cutoffs[0]) // self.reach) if self.cutoffs else 0

    @property
    def out_of_time(self) -> bool:
        """Whether the test window can be judged by a model that learned from earlier windows alone."""
        return bool(self.cutoffs) and bool(self.learnable(self.test))


def timeline(
    definition: Definition, past: Past, starts: NDArray[np.int64] | None = None, until: int | None = None
) -> Timeline:
    """The cut-offs from the latest that can be labelled back to the earliest with enough past behind it.

    They are a third of the reach apart (so that every third one is free of overlap), at most MOST_CUTOFFS.
    The earliest leaves half a horizon of history (at most 90 days) behind it, and a crowd: testers of the years before
    the launch are no business to learn from.  starts: `first_activities`, where they are known already.
    until: outcomes later than this moment (microseconds UTC) are not used; None for all there are.
    """
    day = DAY
    reach = definition.reach_days * day
    step = -(-definition.reach_days // 3) * day
    last = last_cutoff(definition, past)
    if until is not None and last + reach > until:
        last -= -(-(last + reach - until) // day) * day
    first = past.span.first + int(min(definition.horizon_days / 2, 90) * day)
    count = min(MOST_CUTOFFS, 1 + (last - first) // step) if last >= first else 0
    cutoffs = [last - step * back for back in range(count - 1, -1, -1)]
    crowd = first_activities(definition, past) if starts is None else starts
    return Timeline(tuple(_crowded(crowd, cutoffs)), reach)


def first_activities(definition: Definition, past: Past) -> NDArray[np.int64]:
    """(c,) when each customer became one, ascending."""
    return past.starts(definition.activity or past.kinds)


def _crowded(starts: NDArray[np.int64], cutoffs: list[int]) -> list[int]:
    """The cut-offs by which enough customers had their first activity; the last one stays if anybody had."""
    customers = np.searchsorted(starts, cutoffs, side="right")
    if not len(customers) or customers[-1] == 0:
        return []
    enough = customers >= CROWD_SHARE * customers[-1]
    return [at for at, kept in zip(cutoffs[:-1], enough[:-1], strict=True) if kept] + cutoffs[-1:]


@dataclass(frozen=True)
class Fold:
    """Row numbers of one fit: no customer is in both, and no training label window reaches past the judged moment."""

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    judged_at: int


def customer_groups(users: NDArray[np.object_], groups: int = FOLDS, salt: str = "fold") -> NDArray[np.int64]:
    """(n,) a group in 0..groups-1 for each user id, by hash: reproducible, and blind to time and behaviour."""

    def number(user: str) -> int:
        return int.from_bytes(hashlib.blake2b(f"{salt}:{user}".encode(), digest_size=4).digest(), "little")

    return np.fromiter((number(user) % groups for user in users), np.int64, len(users))


def origins(timeline: Timeline, most: int) -> tuple[int, ...]:
    """The cut-offs at which candidates are asked about what then came, oldest first: the last `most` that had earlier
    windows to learn from, and always the test cut-off."""
    later = tuple(at for at in timeline.cutoffs if timeline.learnable(at))[-most:]
    return later or timeline.cutoffs[-1:]


def folds(timeline: Timeline, at: int, as_of: NDArray[np.int64], group: NDArray[np.int64]) -> tuple[Fold, ...]:
    """Fits that judge the rows at the cut-off `at`: out of time when history allows, customers apart always.

    as_of, group: (n,) of the rows.  When nothing was learnable at `at`, rows of the same and earlier cut-offs of
    *other customers* are learned from instead; that is not out of time, and `Timeline.out_of_time` says so.
    """
    earlier = timeline.learnable(at) or tuple(cutoff for cutoff in timeline.cutoffs if cutoff <= at)
    learnable, judged = np.isin(as_of, earlier), as_of == at
    return tuple(
        Fold(np.flatnonzero(learnable & (group != g)), np.flatnonzero(judged & (group == g)), at)
        for g in np.unique(group)
    )
