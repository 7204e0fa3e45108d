"""What one would have settled at a moment, from the windows whose outcomes were known by then, and then promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.definitions import Definition
from training.amounts import AmountInterval, fit_interval
from training.backtest import Window, pooled
from training.calibration import IDENTITY, BetaCalibration, fit_beta
from training.compete import Contest, choose, hedge, uncalibrated
from training.level import AS_IT_IS, SAME_LEVEL, Level, fit_factor, level_error, level_of
from training.measures.venn_abers import VennAbers, fit_venn_abers

F64 = NDArray[np.float64]
AGGREGATE = "pareto_nbd"  # the rung whose total is believed first: it needs no outcomes, so it is never out of date
OWN = "own"
MOST_MISSED = 1.005  # times the mean absolute error of the aggregate forecast


@dataclass(frozen=True)
class Choice:
    """Which candidate won, and where.

    judged_at: the windows of the comparison, microseconds UTC.  horizon_days: of their labels; shorter than the
    question's where history holds no later window of full length yet.  out_of_time: whether they were later than
    everything that the candidates had learned from.
    """

    contest: Contest
    judged_at: tuple[int, ...]
    horizon_days: int
    out_of_time: bool

    @property
    def rung(self) -> str:
        return self.contest.winner


@dataclass(frozen=True)
class Decision:
    """A candidate and how its margins become promises.

    calibration: of probabilities, or the factor of amounts.  source: whose total amounts have, AGGREGATE or OWN.
    interval: of amounts.  doubt: of probabilities, how far they could move for want of evidence.
    before: the mean outcome of the latest window known.
    informed: whether any window out of time was known.
    """

    choice: Choice
    calibration: BetaCalibration | Level
    source: str
    interval: AmountInterval | None
    doubt: VennAbers | None
    before: float
    informed: bool


@dataclass(frozen=True)
class Promise:
    """What would have been promised.

    p: (n,) probabilities or amounts.  low, high; low_90, high_90: (n,) bounds that hold 80 and 90 % of customers; of
    probabilities they are p itself.
    """

    p: F64
    low: F64
    high: F64
    low_90: F64
    high_90: F64

    @property
    def parts(self) -> tuple[F64, F64, F64, F64, F64]:
        return self.p, self.low, self.high, self.low_90, self.high_90


def chosen(definition: Definition, windows: Sequence[Window], horizon_days: int) -> Choice:
    """The simplest candidate that none beats on these windows, all of one horizon.

    Where that is not the question's own, or the windows are not out of time, they tell no close ones apart (`hedge`).
    """
    names = bearable(windows) if definition.task == "ltv" else tuple(windows[0].margins)
    y, _, user = pooled(windows, names[0])
    which = np.repeat(np.arange(len(windows)), [len(window.y) for window in windows])
    predicted = {name: uncalibrated(definition, pooled(windows, name)[1]) for name in names}
    at, later = tuple(window.as_of for window in windows), all(window.out_of_time for window in windows)
    found = choose(definition, y, predicted, user, which)
    if unbearable := [name for name in windows[0].margins if name not in names]:
        why = f"left out, with a mean absolute error more than {MOST_MISSED - 1:.1%} above that of {AGGREGATE}"
        found = replace(found, reason=f"{found.reason}; {why}: {', '.join(unbearable)}")
    informed = later and horizon_days == definition.horizon_days
    return Choice(found if informed else hedge(found), at, horizon_days, later)


def bearable(windows: Sequence[Window]) -> tuple[str, ...]:
    """The candidates of an amount whose order, given the aggregate forecast's amounts, misses by no more than that
    forecast itself does: a better order that puts the amounts on the wrong customers is no gain.  All without one."""
    names = tuple(windows[0].margins)
    if AGGREGATE not in names:
        return names

    def missed(rung: str) -> float:
        levels = [aggregate_level(window, rung) for window in windows]
        gaps = [
            level.apply_margin(window.margins[rung]) - window.y for level, window in zip(levels, windows, strict=True)
        ]
        return float(np.abs(np.concatenate(gaps)).mean())

    limit = MOST_MISSED * missed(AGGREGATE)
    return tuple(name for name in names if name == AGGREGATE or missed(name) <= limit)


def decide(definition: Definition, choice: Choice, known: Sequence[Window]) -> Decision:
    """Turn a choice into promises by windows of this question whose outcomes are known, at least one.

    Those judged out of time count. Where there is none, probabilities stay as the model gives them: a curve fitted
    inside one period does not hold in the next.
    """
    later = [window for window in known if window.out_of_time]
    before = float(max(later or known, key=lambda window: window.as_of).y.mean())
    plain = Decision(choice, IDENTITY, "", None, None, before, bool(later))
    y, margin, _ = pooled(later or known, choice.rung)
    if definition.task != "ltv":
        curve = fit_beta(y, IDENTITY.apply_margin(margin)) if later else IDENTITY
        return replace(plain, calibration=curve, doubt=fit_venn_abers(y, margin))
    source = believed(later, choice.rung) if later else AGGREGATE if AGGREGATE in known[0].margins else OWN
    own = fit_factor(y, AS_IT_IS.apply_margin(margin)) if later else AS_IT_IS
    levelled = replace(plain, calibration=own, source=source)
    said = [level_at(levelled, window).apply_margin(window.margins[choice.rung]) for window in later or known]
    return replace(levelled, interval=fit_interval(y, np.concatenate(said)))


def promise(decision: Decision, window: Window) -> Promise:
    """What the decision would have promised the customers of a window."""
    margin = window.margins[decision.choice.rung]
    if decision.interval is None:
        p = decision.calibration.apply_margin(margin)
        return Promise(p, p, p, p, p)
    expected = level_at(decision, window).apply_margin(margin)
    return Promise(expected, *decision.interval.around(expected, 0.8), *decision.interval.around(expected, 0.9))


def level_at(decision: Decision, window: Window) -> Level:
    """The level of amounts at a window's moment, from everybody asked then; what came after is not looked at."""
    if decision.source == AGGREGATE:
        return aggregate_level(window, decision.choice.rung)
    assert isinstance(decision.calibration, Level)
    return decision.calibration


def aggregate_level(window: Window, rung: str) -> Level:
    """The amounts of the aggregate forecast, given to the customers of a window in the order of a rung."""
    return level_of(window.margins[rung], np.exp(window.margins[AGGREGATE]))


def believed(later: Sequence[Window], rung: str) -> str:
    """Whose total to believe: the aggregate forecast's where the question allows one, unless the ranking model's own
    total was clearly nearer on the windows out of time."""
    if any(AGGREGATE not in window.margins for window in later):
        return OWN
    errors = {name: _mean_error(later, name) for name in (AGGREGATE, rung)}
    return OWN if errors[rung] < errors[AGGREGATE] - SAME_LEVEL else AGGREGATE


def _mean_error(windows: Sequence[Window], rung: str) -> float:
    totals = [(float(window.y.sum()), float(np.exp(window.margins[rung]).sum())) for window in windows]
    return float(np.mean([level_error(came, promised) for came, promised in totals]))
