"""How good a model is on a window that it never saw, beside the simpler models on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training import metrics
from training.bootstrap import Interval, interval, paired

F64 = NDArray[np.float64]
Json = dict[str, Any]
FEWEST_FOR_BINS = 30
BRIEF = 200  # draws of a window's intervals


def probability_report(y: F64, p: F64, others: Mapping[str, F64], customers: NDArray[np.int64]) -> Json:
    """Metrics with 95 % intervals, reliability and gains of the winner, and each candidate beside it.

    y: (n,) 0 or 1.  p: (n,) the winner's calibrated probabilities.  others: each candidate's (n,) probabilities, as the
    candidate gives them.  customers: (n,) whose row it is; the intervals resample customers.
    """
    bins = int(np.clip(len(y) // FEWEST_FOR_BINS, 1, 15))
    intercept, slope = metrics.calibration_line(y, p)
    line = metrics.reliability(y, p, min(bins, 10))
    contacted, captured = metrics.gains(y, p, 51)
    return {
        "rows": len(y), "rate": float(y.mean()), "positives": int(y.sum()),
        "metrics": {
            "auc": said(interval(metrics.auc, y, p, customers)),
            "log_loss": said(interval(metrics.log_loss, y, p, customers)),
            "brier": said(interval(metrics.brier, y, p, customers)),
            "average_precision": _alone(metrics.average_precision(y, p)),
            "ece": _alone(metrics.calibration_error(y, p, bins)),
            "calibration_slope": _alone(slope), "calibration_intercept": _alone(intercept),
            "lift_10": _alone(metrics.lift_at(y, p, 0.1)), "capture_10": _alone(metrics.capture_at(y, p, 0.1)),
        },
        "reliability": {name: _list(getattr(line, name)) for name in ("predicted", "observed", "count", "low", "high")},
        "gains": {"share": _list(contacted), "captured": _list(captured)},
        "candidates": {
            name: {
                "auc": metrics.auc(y, other), "loss": metrics.log_loss(y, other),
                "minus_winner": said(paired(metrics.log_loss, y, other, p, customers)),
                "gains": _list(metrics.gains(y, other, 51)[1]),
            }
            for name, other in others.items()
        },
    }  # fmt: skip


def amount_report(
    y: F64, expected: F64, low: F64, high: F64, others: Mapping[str, F64], customers: NDArray[np.int64]
) -> Json:
    """Rank, level and interval quality of predicted amounts, and each candidate beside the winner.

    y, expected, low, high: (n,) amounts.  others: each candidate's (n,) amounts.  customers: (n,) whose row it is.
    """
    order = np.argsort(-expected, kind="stable")
    deciles = np.array_split(order, min(10, len(y)))
    return {
        "rows": len(y), "rate": float(np.mean(y != 0)), "positives": int((y > 0).sum()),
        "total": float(y.sum()), "promised": float(expected.sum()),
        "metrics": {
            "normalized_gini": _alone(metrics.normalized_gini(y, expected)),
            "spearman": _alone(metrics.spearman(y, expected)),
            "mae": said(interval(metrics.mae, y, expected, customers)),
            "bias": said(interval(metrics.bias, y, expected, customers)),
            "deviance": _alone(metrics.tweedie_deviance(y, expected)),
            "capture_10": _alone(metrics.value_capture_at(y, expected, 0.1)),
            "coverage_80": _alone(float(np.mean((y >= low) & (y <= high)))),
        } | ({"decile_mape": _alone(metrics.decile_mape(y, expected))} if len(y) >= 10 else {}),
        "deciles": {
            "promised": [float(expected[part].mean()) for part in deciles],
            "came": [float(y[part].mean()) for part in deciles],
        },
        "candidates": {
            name: {
                "normalized_gini": metrics.normalized_gini(y, other), "mae": metrics.mae(y, other),
                "loss": metrics.tweedie_deviance(y, other),
                "minus_winner": said(paired(metrics.tweedie_deviance, y, other, expected, customers)),
            }
            for name, other in others.items()
        },
    }  # fmt: skip


def window_report(task: str, y: F64, p: F64, low: F64, high: F64, customers: NDArray[np.int64]) -> Json:
    """The few figures that tell one window of the back-test from another; arguments as for the full reports."""
    if task == "ltv":
        return _brief_amounts(y, p, customers) | {"coverage_80": float(np.mean((y >= low) & (y <= high)))}
    line = metrics.reliability(y, p, int(np.clip(len(y) // FEWEST_FOR_BINS, 1, 10)))
    names = ("predicted", "observed", "count")
    return _brief_chances(y, p, customers) | {"reliability": {name: _list(getattr(line, name)) for name in names}}


def pooled_report(task: str, y: F64, p: F64, customers: NDArray[np.int64]) -> Json:
    """The same figures over all windows together; a customer's rows in several windows are drawn together."""
    return (_brief_amounts if task == "ltv" else _brief_chances)(y, p, customers)


def _brief_chances(y: F64, p: F64, customers: NDArray[np.int64]) -> Json:
    intercept, slope = metrics.calibration_line(y, p)
    return {
        "rows": len(y), "rate": float(y.mean()),
        "auc": said(interval(metrics.auc, y, p, customers, draws=BRIEF)),
        "log_loss": said(interval(metrics.log_loss, y, p, customers, draws=BRIEF)),
        "ece": _number(metrics.calibration_error(y, p, int(np.clip(len(y) // FEWEST_FOR_BINS, 1, 15)))),
        "slope": _number(slope), "intercept": _number(intercept),
    }  # fmt: skip


def _brief_amounts(y: F64, p: F64, customers: NDArray[np.int64]) -> Json:
    return {
        "rows": len(y), "rate": float(y.mean()),
        "normalized_gini": said(interval(metrics.normalized_gini, y, p, customers, draws=BRIEF)),
        "mae": said(interval(metrics.mae, y, p, customers, draws=BRIEF)),
        "bias": said(interval(metrics.bias, y, p, customers, draws=BRIEF)),
    }  # fmt: skip


def flat_metrics(report: Mapping[str, Any]) -> dict[str, float]:
    """A model's report as MLflow wants its metrics: one finite number a name, with _low and _high beside a point.

    report: of `training.finish`; the losses of every judged window are among them, as loss_DATE_RUNG.
    """
    flat: dict[str, float] = {}
    for name, part in report["test"]["metrics"].items():
        flat |= {name if key == "point" else f"{name}_{key}": value for key, value in part.items()}
    for rung, part in report["test"]["candidates"].items():
        flat |= {f"candidate_{rung}_{name}": part[name] for name in part if isinstance(part[name], float)}
    for day, losses in report["choice"]["by_window"].items():
        flat |= {f"loss_{day}_{rung}": loss for rung, loss in losses.items()}
    return {name: value for name, value in flat.items() if value is not None and np.isfinite(value)}


def said(found: Interval) -> Json:
    """An interval as JSON; what is undefined is null."""
    return {name: _number(getattr(found, name)) for name in ("point", "low", "high")}


def _alone(value: float) -> Json:
    return {"point": _number(value)}


def _number(value: float) -> float | None:
    """JSON has no NaN: undefined is null."""
    return float(value) if np.isfinite(value) else None


def _list(values: Any) -> list[float]:
    return [float(value) for value in values]
