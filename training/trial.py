"""The trial: candidates are chosen on earlier windows, then meet the last one, which none has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.catalog import Catalog
from features.definitions import Definition
from features.histories import Histories
from training.amounts import AmountInterval, fit_interval
from training.bundle import Calibration
from training.compete import Contest, calibrate, choose, judged, judged_margins, uncalibrated
from training.ladder import Rung, ageing, ladder
from training.rows import Rows
from training.splits import Timeline, folds, judging_cutoffs

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """What the competition showed.

    y, p, user: (n,) of the judged rows of the last window, p calibrated on the window before; before: its mean outcome.
    margins: each rung's (n,) margins there.  calibration: fitted on these rows, for the finished model.
    """

    rung: Rung
    rungs: tuple[Rung, ...]
    contest: Contest
    judged_at: tuple[int, ...]
    y: F64
    p: F64
    user: NDArray[np.int64]
    as_of: int
    before: float
    margins: Mapping[str, F64]
    calibration: Calibration
    interval: AmountInterval | None
    reported_interval: AmountInterval | None

    def holdout(self, past: Histories) -> pd.DataFrame:
        """The untouched window's rows: user_id, as_of, y, p, and what one would have promised everybody before it."""
        return pd.DataFrame(
            {"user_id": past.users[self.user], "as_of": self.as_of, "y": self.y, "p": self.p, "before": self.before}
        )


def hold_trial(definition: Definition, features: Catalog, line: Timeline, rows: Rows) -> Trial:
    """Choose on earlier windows, then open the last one."""
    at_test = folds(line, line.test, rows.as_of, rows.group)
    rungs = ladder(
        definition, features, rarer(definition, rows.y[rows.as_of == line.test]), _ageing(features, line, rows)
    )
    earlier = judging_cutoffs(line) or line.learnable(line.test)[-1:]
    margins = judged_margins(rungs, rows, at_test)
    test = judged(at_test)
    if earlier:
        choosing = tuple(fold for at in earlier for fold in folds(line, at, rows.as_of, rows.group))
        before = judged_margins(rungs, rows, choosing)
        seen = judged(choosing)
    else:
        before, seen = margins, test
    contest = choose(
        definition,
        rows.y[seen],
        {name: uncalibrated(definition, margin) for name, margin in before.items()},
        rows.user[seen],
    )
    name = contest.winner
    latest = rows.as_of[seen] == max(earlier, default=line.test)
    previous = calibrate(definition, rows.y[seen][latest], before[name][latest])
    money = definition.task == "ltv"
    calibration = calibrate(definition, rows.y[test], margins[name])
    around = lambda made, which, margin: fit_interval(rows.y[which], made.apply_margin(margin)) if money else None  # noqa: E731
    return Trial(
        next(rung for rung in rungs if rung.name == name),
        rungs,
        contest,
        earlier or (line.test,),
        rows.y[test],
        previous.apply_margin(margins[name]),
        rows.user[test],
        line.test,
        float(rows.y[seen][latest].mean()),
        margins,
        calibration,
        around(calibration, test, margins[name]),
        around(previous, seen[latest], before[name][latest]),
    )


def rarer(definition: Definition, y: F64) -> int:
    """How many rows have the rarer outcome; for amounts, how many have any."""
    cases = int((y > 0).sum())
    return cases if definition.task == "ltv" else min(cases, len(y) - cases)


def _ageing(features: Catalog, line: Timeline, rows: Rows) -> float:
    at_test = rows.as_of == line.test
    learned = np.isin(rows.as_of, line.learnable(line.test))
    return ageing(rows.take(at_test | learned), features, at_test[at_test | learned]) if learned.any() else 0.0
