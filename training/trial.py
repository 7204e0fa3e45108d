"""The trial: at each moment of the back-test one decides with what was known then, and is judged by what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.catalog import Catalog
from features.definitions import Definition
from training.backtest import Window, play
from training.columns import Idle, idle_columns
from training.decision import Choice, Decision, Promise, chosen, decide, promise
from training.ladder import Rung, ageing, ladder, trees
from training.rows import Rows
from training.sizes import Sizing, measure_sizes
from training.splits import Timeline, folds, origins

F64 = NDArray[np.float64]
LARGE = 400_000  # from this many labelled rows on, fewer moments tell as much
MANY, FEW = 5, 3
ENOUGH_TO_MEASURE = 100  # cases of the rarer outcome on either side; with fewer, sizes differ by luck


@dataclass(frozen=True)
class Asked:
    """One question with its labelled rows and the moments at which they were labelled."""

    definition: Definition
    line: Timeline
    rows: Rows


@dataclass(frozen=True)
class Judged:
    """A window, what had been decided before it with the outcomes known by then, and what that promised."""

    window: Window
    decision: Decision
    promise: Promise


@dataclass(frozen=True)
class Trial:
    """What the back-test showed.

    judged: the windows on which a decision made before could be judged, oldest first; the last one is the report's
    untouched window, which is there even when history is too short for an honest decision.
    decision: made after all of them, for the finished model.  windows: every window that was played.
    idle: columns that teach nothing on these rows.  sizing: why the trees have their size.
    """

    rungs: tuple[Rung, ...]
    judged: tuple[Judged, ...]
    decision: Decision
    windows: tuple[Window, ...]
    idle: Idle
    sizing: Sizing

    @property
    def rung(self) -> Rung:
        """The candidate that the finished model is."""
        return next(rung for rung in self.rungs if rung.name == self.decision.choice.rung)

    @property
    def test(self) -> Judged:
        return self.judged[-1]

    def holdout(
        self, people: NDArray[np.object_], segments: Mapping[str, NDArray[np.object_]] | None = None
    ) -> pd.DataFrame:
        """Every judged row: user_id, as_of, y, p, what one would have promised everybody before it, and its segments.

        people: ids by user number.  segments: (rows,) names of each labelled row, by way to tell customers apart.
        """
        parts = [
            pd.DataFrame(
                {
                    "user_id": people[one.window.user], "as_of": one.window.as_of,
                    "y": one.window.y, "p": one.promise.p, "before": one.decision.before,
                }
                | {by: names[one.window.rows] for by, names in (segments or {}).items()}
            )
            for one in self.judged
        ]  # fmt: skip
        return pd.concat(parts, ignore_index=True)


def hold_trial(features: Catalog, asked: Asked, shorter: Asked | None = None) -> Trial:
    """Ask all candidates at several moments, and decide at each of them with what was known by then.

    shorter: the same question with a shorter horizon, its outcomes known by the last moment, for a choice out of time
    where history holds no earlier window of full length.  Without it such a choice is made on other customers of the
    same period, and the report says so.
    """
    asked = replace(asked, line=_telling(asked.line, asked.rows))
    definition, line, rows = asked.definition, asked.line, asked.rows
    idle = idle_columns(rows.x, rows.names, [feature.ages for feature in features.features])
    sizing = _sizing(features, asked, shorter, idle)
    rungs = _rungs(features, asked, idle, sizing)
    windows = tuple(play(rungs, line, rows, at) for at in origins(line, FEW if len(rows) >= LARGE else MANY))
    windows = _with_one_before(rungs, line, rows, windows)
    before = _chosen_shorter(definition, features, shorter, idle, sizing, {rung.name for rung in rungs})
    judged = [one for window in windows if (one := _judged(definition, window, windows, before))]
    return Trial(rungs, tuple(judged), _today(definition, windows, before), windows, idle, sizing)


def rarer(definition: Definition, y: F64) -> int:
    """How many rows have the rarer outcome; for amounts, how many have any."""
    cases = int((y > 0).sum())
    return cases if definition.task == "ltv" else min(cases, len(y) - cases)


def _judged(
    definition: Definition, window: Window, windows: Sequence[Window], before: Choice | None
) -> Judged | None:
    """Decide with what was known by then; None when that is nothing, unless it is the window to report."""
    known = [other for other in windows if other.known_by(window.as_of)]
    if later := [other for other in known if other.out_of_time]:
        decision = decide(definition, chosen(definition, later, definition.horizon_days), known)
        return Judged(window, decision, promise(decision, window))
    if window is not windows[-1]:
        return None
    choice = before or chosen(definition, known or [window], definition.horizon_days)
    decision = decide(definition, choice, known or [window])
    return Judged(window, decision, promise(decision, window) if known else _across(definition, choice, window))


def _today(definition: Definition, windows: Sequence[Window], before: Choice | None) -> Decision:
    """The decision after everything that is known, for the finished model."""
    later = [window for window in windows if window.out_of_time]
    choice = chosen(definition, later, definition.horizon_days) if later else before
    return decide(definition, choice or chosen(definition, windows[-1:], definition.horizon_days), windows)


def _across(definition: Definition, choice: Choice, window: Window) -> Promise:
    """Where no other window is known: each group of customers gets promises settled on the other groups."""
    whole = Promise(*(np.empty_like(window.y) for _ in range(5)))
    for own in (window.group == group for group in np.unique(window.group)):
        made = promise(decide(definition, choice, [window.take(~own)]), window.take(own))
        for part, of_own in zip(whole.parts, made.parts, strict=True):
            part[own] = of_own
    return whole


def _with_one_before(
    rungs: Sequence[Rung], line: Timeline, rows: Rows, windows: tuple[Window, ...]
) -> tuple[Window, ...]:
    """With a window that was over before the test, if none is among them: judged on other customers of its period."""
    earlier = line.learnable(line.test)
    if not earlier or any(window.known_by(line.test) for window in windows):
        return windows
    return (play(rungs, line, rows, earlier[-1]), *windows)


def _sizing(features: Catalog, asked: Asked, shorter: Asked | None, idle: Idle) -> Sizing:
    """Measured on the latest window out of time that was over before the test, of the question or a shorter one."""
    line = asked.line
    over = [at for at in line.learnable(line.test) if line.learnable(at)]
    of = asked if over else shorter
    if of is None:
        return Sizing()
    at = over[-1] if over else of.line.test
    fold = folds(of.line, at, of.rows.as_of, of.rows.group)[0]
    cases = min(rarer(of.definition, of.rows.y[part]) for part in (fold.train, fold.valid))
    if cases < ENOUGH_TO_MEASURE:
        return Sizing()
    grow = trees(of.definition, features, _ageing(features, of.line, of.rows), idle)
    return measure_sizes(of.definition, of.rows, fold, grow)


def _rungs(features: Catalog, asked: Asked, idle: Idle, sizing: Sizing) -> tuple[Rung, ...]:
    cases = rarer(asked.definition, asked.rows.y[asked.rows.as_of == asked.line.test])
    old = _ageing(features, asked.line, asked.rows)
    return ladder(asked.definition, features, cases, old, idle, sizing.size)


def _chosen_shorter(
    definition: Definition, features: Catalog, shorter: Asked | None, idle: Idle, sizing: Sizing, names: set[str],
) -> Choice | None:  # fmt: skip
    """The choice that the shorter horizon leads to, among `names`, on its windows out of time."""
    if shorter is None:
        return None
    rungs = [rung for rung in _rungs(features, shorter, idle, sizing) if rung.name in names]
    at = origins(shorter.line, FEW - 1)
    windows = [play(rungs, shorter.line, shorter.rows, one) for one in at]
    return chosen(definition, windows, shorter.definition.horizon_days)


def _telling(line: Timeline, rows: Rows) -> Timeline:
    """The cut-offs at which not everybody did the same, whichever group of customers is held apart.

    Where nobody was asked or nothing was paid yet, there is nothing to learn.
    """
    groups = np.unique(rows.group)

    def tells(at: int) -> bool:
        others = (rows.y[(rows.as_of == at) & (rows.group != group)] for group in groups)
        return all(len(y) and np.ptp(y) > 0 for y in others)

    return Timeline(tuple(at for at in line.cutoffs if at == line.test or tells(at)), line.reach)


def _ageing(features: Catalog, line: Timeline, rows: Rows) -> float:
    tenure = rows.x[:, features.activity("tenure")]
    learned = tenure[np.isin(rows.as_of, line.learnable(line.test))]
    return ageing(learned, tenure[rows.as_of == line.test])
