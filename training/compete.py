"""Candidates are judged side by side on the same rows; the simplest one that is not beaten wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.definitions import Definition
from training.calibration import IDENTITY
from training.criterion import criterion
from training.level import AS_IT_IS
from training.measures.bootstrap import Interval, draws_for, replayed, summary

F64 = NDArray[np.float64]
DRAWS = 200
LEVEL = 0.01  # of the loss: what the next period can easily turn round
TIE = 0.5  # a simpler candidate stays unless the best is better in three of four resamplings of customers


@dataclass(frozen=True)
class Contest:
    """Who won and by what.

    losses: what each rung was compared by (`training.criterion`), lower is better.
    against_best: paired intervals of each rung's loss minus the lowest one.
    """

    winner: str
    losses: Mapping[str, float]
    against_best: Mapping[str, Interval]
    reason: str


def uncalibrated(definition: Definition, margin: F64) -> F64:
    """Margins to probabilities or amounts, as the model itself means them."""
    return (AS_IT_IS if definition.task == "ltv" else IDENTITY).apply_margin(margin)


def hedge(contest: Contest) -> Contest:
    """The same comparison where it cannot decide: of the rungs that are level for practical purposes the last one.

    The last rungs are means of the others.  Which member the future favours was not to be seen, so none is staked on.
    """
    least = min(contest.losses.values())
    level = [name for name, loss in contest.losses.items() if loss <= least * (1.0 + LEVEL)]
    best = min(contest.losses, key=lambda name: contest.losses[name])
    reason = (
        f"{level[-1]} ({contest.losses[level[-1]]:.4f}) is level with the lowest loss, {best} ({least:.4f}), and the "
        "broadest: no window out of time of full length could tell them apart"
    )
    return replace(contest, winner=level[-1], reason=reason)


def choose(
    definition: Definition,
    y: F64,
    predicted: Mapping[str, F64],
    customers: NDArray[np.int64],
    window: NDArray[np.int64] | None = None,
    level: float = TIE,
) -> Contest:
    """The first rung (in order of the mapping) whose loss is not significantly above the lowest.

    y: (n,) outcomes.  predicted: (n,) predictions by rung, simplest first.  customers: (n,) whose row it is.
    window: (n,) which window it is of; None for one.  level: of the intervals; a higher one calls more of them a tie.
    """
    where = np.zeros(len(y), np.int64) if window is None else window
    stats = {name: criterion(definition.task, y, p, where) for name, p in predicted.items()}
    losses = {name: stat(np.ones(len(y))) for name, stat in stats.items()}
    draws = {name: replayed(stat, customers, draws_for(len(y), DRAWS)) for name, stat in stats.items()}
    best = min(losses, key=lambda name: losses[name])
    against = {name: summary(losses[name] - losses[best], draws[name] - draws[best], level) for name in predicted}
    winner = next(name for name in predicted if against[name].low <= 0.0)
    reason = f"{winner} has the lowest loss, {losses[winner]:.4f}"
    if winner != best:
        gap = against[winner]
        reason = (
            f"{winner} ({losses[winner]:.4f}) is the simplest that {best} ({losses[best]:.4f}) does not beat: "
            f"difference {gap.point:+.4f}, {level * 100:.0f} % interval {gap.low:+.4f} to {gap.high:+.4f}"
        )
    return Contest(winner, losses, against, reason)
