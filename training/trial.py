"""The trial: candidates are chosen on earlier windows, then meet the last one, which none has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.catalog import Catalog
from features.definitions import Definition
from training.amounts import AmountInterval, fit_interval
from training.bundle import Calibration
from training.columns import idle_columns
from training.compete import Contest, calibrate, choose, judged, judged_margins, loss, uncalibrated
from training.ladder import Rung, ageing, ladder
from training.rows import Rows
from training.splits import Timeline, folds, judging_cutoffs

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Promise:
    """What would have been promised before; p, low, high: (n,), all three equal for probabilities."""

    p: F64
    low: F64
    high: F64


@dataclass(frozen=True)
class Trial:
    """What the competition showed.

    y, promise, user: (n,) of the judged rows of the last window, promises calibrated on the window before (or, without
    one, on other customers); before: the mean outcome there.
    margins: each rung's (n,) margins there.  calibration: fitted on these rows, for the finished model.
    by_window: each rung's loss at each cut-off (microseconds UTC) of the choice and, last, of the judgement.
    left_out: a sentence about the columns that teach nothing on these rows, or "".
    """

    rung: Rung
    rungs: tuple[Rung, ...]
    contest: Contest
    judged_at: tuple[int, ...]
    y: F64
    promise: Promise
    user: NDArray[np.int64]
    as_of: int
    before: float
    margins: Mapping[str, F64]
    calibration: Calibration
    interval: AmountInterval | None
    by_window: Mapping[int, Mapping[str, float]]
    left_out: str

    def holdout(self, people: NDArray[np.object_]) -> pd.DataFrame:
        """The untouched window's rows: user_id, as_of, y, p, and what one would have promised everybody before it."""
        return pd.DataFrame(
            {
                "user_id": people[self.user], "as_of": self.as_of,
                "y": self.y, "p": self.promise.p, "before": self.before,
            }
        )  # fmt: skip


def hold_trial(definition: Definition, features: Catalog, line: Timeline, rows: Rows) -> Trial:
    """Choose on earlier windows, then open the last one.

    Where history has no earlier window, the choice and the judgement share the last one: other customers are then the
    only thing that a fit or a calibration has not seen, and the report says so.
    """
    line = _telling(line, rows)
    at_test = folds(line, line.test, rows.as_of, rows.group)
    cases = rarer(definition, rows.y[rows.as_of == line.test])
    idle = idle_columns(rows.x, rows.names, [feature.ages for feature in features.features])
    rungs = ladder(definition, features, cases, _ageing(features, line, rows), idle)
    margins, test = judged_margins(rungs, rows, at_test), judged(at_test)
    earlier = judging_cutoffs(line) or line.learnable(line.test)[-1:]
    before, seen = margins, test
    if earlier:
        choosing = tuple(fold for at in earlier for fold in folds(line, at, rows.as_of, rows.group))
        before, seen = judged_margins(rungs, rows, choosing), judged(choosing)
    predicted = {name: uncalibrated(definition, margin) for name, margin in before.items()}
    contest = choose(definition, rows.y[seen], predicted, rows.user[seen])
    winner = next(rung for rung in rungs if rung.name == contest.winner)
    latest = rows.as_of[seen] == max(earlier, default=line.test)
    known, margin = (rows.y[seen][latest], before[winner.name][latest]), margins[winner.name]
    promise = _promised(definition, *known, margin) if earlier else _across(definition, *known, rows.group[test])
    calibration = calibrate(definition, rows.y[test], margin)
    interval = fit_interval(rows.y[test], calibration.apply_margin(margin)) if definition.task == "ltv" else None
    return Trial(
        winner, rungs, contest, earlier or (line.test,), rows.y[test], promise, rows.user[test], line.test,
        float(known[0].mean()), margins, calibration, interval,
        _losses(definition, rows, seen, before) | _losses(definition, rows, test, margins), idle.sentence(),
    )  # fmt: skip


def _losses(
    definition: Definition, rows: Rows, judged_rows: NDArray[np.int64], margins: Mapping[str, F64]
) -> dict[int, dict[str, float]]:
    """Each rung's loss by cut-off; judged_rows: the numbers of the rows that the margins are of."""
    when, y = rows.as_of[judged_rows], rows.y[judged_rows]
    return {
        int(at): {
            name: loss(definition, y[when == at], uncalibrated(definition, margin)[when == at])
            for name, margin in margins.items()
        }
        for at in np.unique(when)
    }


def _telling(line: Timeline, rows: Rows) -> Timeline:
    """The cut-offs at which not everybody did the same, whichever group of customers is held apart.

    Where nobody was asked or nothing was paid yet, there is nothing to learn.
    """
    groups = np.unique(rows.group)

    def tells(at: int) -> bool:
        others = (rows.y[(rows.as_of == at) & (rows.group != group)] for group in groups)
        return all(len(y) and np.ptp(y) > 0 for y in others)

    return Timeline(tuple(at for at in line.cutoffs if at == line.test or tells(at)), line.reach)


def _promised(definition: Definition, y: F64, margin: F64, asked: F64) -> Promise:
    """Promises for the margins `asked`, calibrated on what is known of others: their outcomes y and their margins."""
    made = calibrate(definition, y, margin)
    p = made.apply_margin(asked)
    if definition.task != "ltv":
        return Promise(p, p, p)
    return Promise(p, *fit_interval(y, made.apply_margin(margin)).around(p))


def _across(definition: Definition, y: F64, margin: F64, group: NDArray[np.int64]) -> Promise:
    """Each group of customers gets promises calibrated on the other groups; y, margin, group: (n,)."""
    p, low, high = np.empty_like(y), np.empty_like(y), np.empty_like(y)
    for own in (group == g for g in np.unique(group)):
        made = _promised(definition, y[~own], margin[~own], margin[own])
        p[own], low[own], high[own] = made.p, made.low, made.high
    return Promise(p, low, high)


def rarer(definition: Definition, y: F64) -> int:
    """How many rows have the rarer outcome; for amounts, how many have any."""
    cases = int((y > 0).sum())
    return cases if definition.task == "ltv" else min(cases, len(y) - cases)


def _ageing(features: Catalog, line: Timeline, rows: Rows) -> float:
    at_test = rows.as_of == line.test
    learned = np.isin(rows.as_of, line.learnable(line.test))
    return ageing(rows.take(at_test | learned), features, at_test[at_test | learned]) if learned.any() else 0.0
