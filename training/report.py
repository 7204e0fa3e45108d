"""What a training found, as JSON that the story, the model card, MLflow and the report for operations read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.clock import format_instant
from features.definitions import Definition
from training.bundle import Bundle
from training.compete import uncalibrated
from training.criterion import loss_of
from training.evaluate import amount_report, pooled_report, probability_report, said, window_report
from training.level import level_error
from training.measures import metrics
from training.measures.profit import Campaign
from training.measures.segments import AMOUNT_FIGURES, PROBABILITY_FIGURES, by_segment
from training.rows import Rows
from training.sizes import curve_json
from training.trial import Asked, Judged, Trial

Json = dict[str, Any]


def report_of(bundle: Bundle, asked: Asked, trial: Trial, predicted: NDArray[np.float64]) -> Json:
    """Everything but the drivers.  predicted: (n,) what all who are asked today are promised."""
    definition, line = asked.definition, asked.line
    return {
        "test": _test(definition, trial) | {
            "as_of": format_instant(line.test), "until": format_instant(line.test + line.reach),
            "out_of_time": line.out_of_time, "rung": trial.test.decision.choice.rung,
            "calibrated": trial.test.decision.informed,
        },
        "choice": _choice(definition, trial),
        "backtest": {
            "windows": [_window(definition, one) for one in trial.judged],
            "pooled": pooled_report(definition.task, *_stacked(trial)),
        },
        "level": _level(trial, float(predicted.sum())),
        "expected": expected(definition, trial, predicted),
        "sizes": {"says": trial.sizing.sentence(), "curve": curve_json(trial.sizing)},
        "windows": [_outcomes(asked.rows, at) for at in line.cutoffs],
        "calibration": bundle.calibration.note,
    }  # fmt: skip


def _test(definition: Definition, trial: Trial) -> Json:
    window, said = trial.test.window, trial.test.promise
    others = {name: uncalibrated(definition, margin) for name, margin in window.margins.items()}
    if definition.task == "ltv":
        return amount_report(window.y, *said.parts[:3], others, window.user, said.low_90, said.high_90)
    campaign = Campaign() if definition.task == "churn" else None
    return probability_report(window.y, said.p, others, window.user, campaign)


def _choice(definition: Definition, trial: Trial) -> Json:
    choice, tested = trial.decision.choice, trial.test.decision.choice
    return {
        "reason": choice.contest.reason, "losses": dict(choice.contest.losses),
        "judged_at": [format_instant(at) for at in choice.judged_at],
        "horizon_days": choice.horizon_days, "out_of_time": choice.out_of_time,
        "by_window": {format_instant(window.as_of)[:10]: _losses(definition, window.y, window.margins)
                      for window in trial.windows},
        "says": {rung.name: rung.says for rung in trial.rungs},
        "same_rows_as_test": tested.judged_at == (trial.test.window.as_of,),
        "left_out": trial.idle.sentence(),
    }  # fmt: skip


def _losses(definition: Definition, y: NDArray[np.float64], margins: Any) -> dict[str, float]:
    return {name: loss_of(definition.task, y, uncalibrated(definition, margin)) for name, margin in margins.items()}


def _window(definition: Definition, one: Judged) -> Json:
    window, said = one.window, one.promise
    return {
        "as_of": format_instant(window.as_of), "until": format_instant(window.until),
        "out_of_time": window.out_of_time, "rung": one.decision.choice.rung, "before": one.decision.before,
    } | window_report(definition.task, window.y, *said.parts[:3], window.user, *said.parts[3:])  # fmt: skip


def _stacked(trial: Trial) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Outcomes, promises and users of every judged window, three (n,)."""
    return (
        np.concatenate([one.window.y for one in trial.judged]),
        np.concatenate([one.promise.p for one in trial.judged]),
        np.concatenate([one.window.user for one in trial.judged]),
    )


def _level(trial: Trial, forecast: float) -> Json:
    """Promised and realised totals: of people for a probability, of money for an amount.

    error: the root mean square of the logs of their ratios, 0.1 is about 10 %; one window alone tells nothing of it.
    """
    totals = [
        (format_instant(one.window.as_of), float(one.promise.p.sum()), float(one.window.y.sum()))
        for one in trial.judged
    ]
    errors = [level_error(came, promised) for _, promised, came in totals]
    known = [error for error in errors if np.isfinite(error)]
    return {
        "source": trial.decision.source, "forecast": forecast,
        "error": float(np.sqrt(np.mean(np.square(known)))) if len(known) > 1 else None,
        "windows": [{"as_of": at, "promised": promised, "came": came} for at, promised, came in totals],
    }  # fmt: skip


def segment_report(asked: Asked, judged: Judged, segments: Mapping[str, NDArray[np.object_]]) -> list[Json]:
    """How good the promises were for every kind of customer, on one judged window.

    segments: (rows,) names of each labelled row, by way to tell customers apart.
    """
    window, figures = judged.window, AMOUNT_FIGURES if asked.definition.task == "ltv" else PROBABILITY_FIGURES
    of_window = {by: names[window.rows] for by, names in segments.items()}
    found = by_segment(of_window, window.y, judged.promise.p, window.user, figures)
    return [
        {
            "by": one.by, "name": one.name, "rows": one.rows, "cases": one.cases, "reason": one.reason,
            "figures": {name: said(of) for name, of in one.figures.items()} if one.figures else None,
        }
        for one in found
    ]  # fmt: skip


def expected(definition: Definition, trial: Trial, predicted: NDArray[np.float64]) -> Json:
    """What AUC to expect of the scores made today, before anybody knows: the one that the probabilities promise of
    themselves, moved by how far it came out above or below that on the windows out of time.  errors: those distances.

    predicted: (n,) today's probabilities.  Empty for amounts.
    """
    if definition.task == "ltv" or not len(predicted):
        return {}
    rung, curve = trial.decision.choice.rung, trial.decision.calibration
    gaps = [
        metrics.auc(window.y, window.margins[rung])
        - metrics.expected_auc(curve.apply_margin(window.margins[rung]))
        for window in trial.windows
        if window.out_of_time
    ]
    known = [gap for gap in gaps if np.isfinite(gap)]
    moved = metrics.expected_auc(predicted) + (float(np.mean(known)) if known else 0.0)
    return {"auc": {"point": float(np.clip(moved, 0.0, 1.0)), "errors": known}} if np.isfinite(moved) else {}


def _outcomes(rows: Rows, at: int) -> Json:
    outcomes = rows.y[rows.as_of == at]
    return {"as_of": format_instant(at), "rows": len(outcomes), "mean": float(outcomes.mean())}
