"""Candidates are judged side by side on the same rows; the simplest one that is not beaten wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.definitions import Definition
from training.amounts import AmountCalibration, fit_level
from training.bootstrap import Interval, paired
from training.bundle import Calibration
from training.calibration import IDENTITY, fit_beta
from training.ladder import Rung
from training.metrics import log_loss, tweedie_deviance
from training.rows import Rows
from training.splits import Fold

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Contest:
    """Who won and by what.

    predictions: each rung's (n,) uncalibrated predictions of the judged rows.  losses: mean loss by rung.
    against_best: paired 95 % intervals of each rung's loss minus the lowest one.
    """

    winner: str
    losses: Mapping[str, float]
    against_best: Mapping[str, Interval]
    reason: str


def uncalibrated(definition: Definition, margin: F64) -> F64:
    """Margins to probabilities or amounts, as the model itself means them."""
    if definition.task == "ltv":
        return AmountCalibration(1.0).apply_margin(margin)
    return IDENTITY.apply_margin(margin)


def loss(definition: Definition, y: F64, p: F64, weights: F64 | None = None) -> float:
    """What candidates are judged by, lower is better: log loss, or Tweedie deviance (power 1.5) of amounts."""
    if definition.task == "ltv":
        return tweedie_deviance(y, p, weights=weights)
    return log_loss(y, p, weights=weights)


def judged_margins(rungs: Sequence[Rung], rows: Rows, folds: Sequence[Fold]) -> dict[str, F64]:
    """Each rung's (n,) margins of the rows that the folds judge, fold after fold (see `judged`).

    Every margin is from a model that has seen neither the customer nor the window.
    """
    margins: dict[str, F64] = {}
    for rung in rungs:
        if rung.members:
            margins[rung.name] = np.mean([margins[member] for member in rung.members], axis=0)
        else:
            fitted = [rung.fit(rows.take(fold.train)).margin(rows.x[fold.valid]) for fold in folds]
            margins[rung.name] = np.concatenate(fitted)
    return margins


def judged(folds: Sequence[Fold]) -> NDArray[np.int64]:
    """The numbers of the rows that the folds judge, fold after fold."""
    return np.concatenate([fold.valid for fold in folds])


def choose(definition: Definition, y: F64, predicted: Mapping[str, F64], customers: NDArray[np.int64]) -> Contest:
    """The first rung (in order of the mapping) whose loss is not significantly above the lowest.

    y: (n,) outcomes.  predicted: (n,) predictions by rung, simplest first.  customers: (n,) whose row it is.
    """
    losses = {name: loss(definition, y, p) for name, p in predicted.items()}
    best = min(losses, key=lambda name: losses[name])
    metric = tweedie_deviance if definition.task == "ltv" else log_loss
    against = {name: paired(metric, y, p, predicted[best], customers) for name, p in predicted.items() if name != best}
    against[best] = Interval(0.0, 0.0, 0.0)
    winner = next(name for name in predicted if against[name].low <= 0.0)
    reason = f"{winner} has the lowest loss, {losses[winner]:.4f}"
    if winner != best:
        gap = against[winner]
        reason = (
            f"{winner} ({losses[winner]:.4f}) is the simplest that {best} ({losses[best]:.4f}) does not beat: "
            f"difference {gap.point:+.4f}, 95 % interval {gap.low:+.4f} to {gap.high:+.4f}"
        )
    return Contest(winner, losses, against, reason)


def calibrate(definition: Definition, y: F64, margin: F64) -> Calibration:
    """Bring predictions to what happened; y, margin: (n,) of customers that the fits had not seen."""
    p = uncalibrated(definition, margin)
    return fit_level(y, p) if definition.task == "ltv" else fit_beta(y, p)
