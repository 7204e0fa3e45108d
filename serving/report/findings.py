"""What the report counts: who stands where, what they are worth, and whom to look at first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from features.business import Business
from features.catalog import activity_kinds
from features.clock import DAY
from features.definitions import TASKS, TaskName
from features.histories import Histories
from features.past import Past
from serving.batch import Scored
from serving.scores import BANDS, bands

F64 = NDArray[np.float64]
KEEPABLE = ("active", "new", "returning", "slipping")
GONE = ("lapsed", "left")
PROSPECTS = ("prospect",)
ORDER = (*KEEPABLE, *GONE, *PROSPECTS)
NO_BAND = "none"
ALL_BANDS = (*reversed(BANDS), NO_BAND)
LISTED = 20
WORTH_DAYS = 365


@dataclass(frozen=True)
class Worth:
    """What each user brought in the last WORTH_DAYS days.

    amount: (n,) sum of values, or the number of events when `unit` is "events" because there are no values.
    kinds: the kinds of event that count.
    """

    amount: F64
    unit: Literal["value", "events"]
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class StageRow:
    """One lifecycle stage.

    users, worth: by band, "none" where no probability was asked.  expected: the sum of the scores.
    """

    stage: str
    users: Mapping[str, int]
    worth: Mapping[str, float]
    expected: float

    @property
    def total(self) -> int:
        return sum(self.users.values())

    @property
    def total_worth(self) -> float:
        return sum(self.worth.values())


@dataclass(frozen=True)
class Findings:
    """The report's numbers.

    focus: the question that the page is about: churn, or conversion without it, or ltv alone.
    score: (n,) its scores, NaN where not asked.  at_stake: (n,) what orders the list.
    stages: those that occur, in the order of ORDER.  first: rows of the users to look at first.
    """

    focus: TaskName
    score: F64
    band: NDArray[np.object_]
    worth: Worth
    at_stake: F64
    stages: tuple[StageRow, ...]
    first: tuple[int, ...]

    def of(self, names: Sequence[str]) -> tuple[StageRow, ...]:
        """The rows of these stages."""
        return tuple(row for row in self.stages if row.stage in names)


def find(business: Business, scored: Scored) -> Findings:
    """Count everything that the page shows, from the scores and the histories alone."""
    focus = next(task for task in TASKS if task in scored.scores.tasks)
    score = scored.scores.tasks[focus].predicted
    nobody: NDArray[np.object_] = np.full(len(score), None, dtype=object)
    band = nobody if focus == "ltv" else bands(score)
    worth = worth_of(business, scored.past, scored.as_of)
    at_stake = score * np.maximum(worth.amount, 0.0) if focus == "churn" else score
    stage = scored.scores.stage
    rows = tuple(_stage_row(name, stage == name, band, worth.amount, score) for name in ORDER if (stage == name).any())
    return Findings(focus, score, band, worth, at_stake, rows, first_to_contact(stage, score, at_stake))


def worth_of(business: Business, past: Past, as_of: int) -> Worth:
    """What each user who had an event by `as_of` brought in the WORTH_DAYS days before it, in order of the buckets.

    The kinds that lifetime value adds up count, or the activity where there is no such question.
    """
    kinds = business.ltv.of if business.ltv else activity_kinds(business)
    valued = any(use.values for use in past.uses() if use.kind in kinds)
    amounts = [_amounts(histories, kinds, as_of, valued) for histories in past.buckets()]
    return Worth(np.concatenate(amounts), "value" if valued else "events", kinds)


def _amounts(past: Histories, kinds: Sequence[str], as_of: int, valued: bool) -> F64:
    recent = past.is_of(kinds) & (past.time <= as_of) & (past.time > as_of - WORTH_DAYS * DAY)
    if len(past.arrived):
        recent &= past.arrived <= as_of
    each = np.nan_to_num(past.value[recent]) if valued else np.ones(int(recent.sum()), dtype=np.float64)
    total: F64 = np.bincount(past.owner[recent], each, minlength=len(past)).astype(np.float64)
    return total[past.seen(as_of)]


def first_to_contact(stage: NDArray[np.object_], score: F64, at_stake: F64) -> tuple[int, ...]:
    """The LISTED rows with the most at stake among those who have neither lapsed nor left, most first."""
    may = np.flatnonzero(~np.isin(stage.astype(str), GONE) & np.isfinite(score) & np.isfinite(at_stake))
    order = np.lexsort((-score[may], -at_stake[may]))
    return tuple(int(row) for row in may[order][:LISTED])


def _stage_row(name: str, here: NDArray[np.bool_], band: NDArray[np.object_], worth: F64, score: F64) -> StageRow:
    within = {b: here & (~np.isin(band.astype(str), BANDS) if b == NO_BAND else band == b) for b in ALL_BANDS}
    return StageRow(
        name,
        {b: int(rows.sum()) for b, rows in within.items()},
        {b: float(worth[rows].sum()) for b, rows in within.items()},
        float(np.nansum(score[here])),
    )
