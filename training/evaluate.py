"""How good a model is on a window that it never saw, beside the simpler models on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.measures import metrics
from training.measures.bootstrap import Interval, draws_for, interval, paired
from training.measures.coverage import coverage, coverage_by_decile
from training.measures.profit import Campaign, expected_most_profit, profit_at

F64 = NDArray[np.float64]
Json = dict[str, Any]
FEWEST_FOR_BINS = 30
CONTACTED = (5, 10, 20)  # percent of the customers that a campaign may reach
DRAWS, BRIEF = 500, 200  # draws of a window's intervals


def probability_report(
    y: F64, p: F64, others: Mapping[str, F64], customers: NDArray[np.int64], campaign: Campaign | None = None
) -> Json:
    """Metrics with 95 % intervals, reliability and gains of the winner, and each candidate beside it.

    y: (n,) 0 or 1.  p: (n,) the winner's calibrated probabilities.  others: each candidate's (n,) probabilities, as the
    candidate gives them.  customers: (n,) whose row it is; the intervals resample customers.
    campaign: of retention, to say what it would have earned; None where the question is not who leaves.
    """
    bins = int(np.clip(len(y) // FEWEST_FOR_BINS, 1, 15))
    intercept, slope = metrics.calibration_line(y, p)
    line = metrics.reliability(y, p, min(bins, 10))
    contacted, captured = metrics.gains(y, p, 51)
    return {
        "rows": len(y), "rate": float(y.mean()), "positives": int(y.sum()),
        "metrics": {
            "auc": said(interval(metrics.auc, y, p, customers, draws_for(len(y), DRAWS))),
            "log_loss": said(interval(metrics.log_loss, y, p, customers, draws_for(len(y), DRAWS))),
            "brier": said(interval(metrics.brier, y, p, customers, draws_for(len(y), DRAWS))),
            "average_precision": _alone(metrics.average_precision(y, p)),
            "ece": _alone(metrics.calibration_error(y, p, bins)),
            "calibration_slope": _alone(slope), "calibration_intercept": _alone(intercept),
        } | _top(y, p) | ({} if campaign is None else _profit_metrics(y, p, campaign)),
        "reliability": {name: _list(getattr(line, name)) for name in ("predicted", "observed", "count", "low", "high")},
        "gains": {"share": _list(contacted), "captured": _list(captured)},
        "candidates": {
            name: {
                "auc": metrics.auc(y, other), "loss": metrics.log_loss(y, other),
                "minus_winner": said(paired(metrics.log_loss, y, other, p, customers, draws_for(len(y), DRAWS))),
                "gains": _list(metrics.gains(y, other, 51)[1]),
            }
            for name, other in others.items()
        },
    } | ({} if campaign is None else {"profit": _profit(y, p, campaign)})  # fmt: skip


def _top(y: F64, p: F64) -> Json:
    """How many of the cases the best customers hold."""
    found: Json = {}
    for share in CONTACTED:
        found[f"lift_{share}"] = _alone(metrics.lift_at(y, p, share / 100))
        found[f"capture_{share}"] = _alone(metrics.capture_at(y, p, share / 100))
    return found


def _profit_metrics(y: F64, p: F64, campaign: Campaign) -> Json:
    """Money a customer, the campaign's terms in the name: a profit means nothing without its costs."""
    payoff = campaign.payoff()
    return {
        f"empc_{campaign.name}": _alone(expected_most_profit(y, p, campaign).per_customer),
        f"profit_{campaign.name}": _alone(profit_at(y, p, payoff, payoff.threshold).per_customer),
    }


def _profit(y: F64, p: F64, campaign: Campaign) -> Json:
    """What the campaign would have earned, money a customer, and the share of customers that it would have contacted.

    expected_most: with the best use of the order, on average over how many accept the offer.  at_threshold: of those
    from the probability on at which a contact pays, when the mean share accepts.
    """
    payoff = campaign.payoff()
    best, sent = expected_most_profit(y, p, campaign), profit_at(y, p, payoff, payoff.threshold)
    return {
        "campaign": asdict(campaign), "payoff": asdict(payoff), "threshold": _number(payoff.threshold),
        "expected_most": {name: _number(value) for name, value in asdict(best).items()},
        "at_threshold": {name: _number(value) for name, value in asdict(sent).items()},
    }  # fmt: skip


def amount_report(
    y: F64, expected: F64, low: F64, high: F64, others: Mapping[str, F64], customers: NDArray[np.int64],
    low_90: F64 | None = None, high_90: F64 | None = None,
) -> Json:  # fmt: skip
    """Rank, level and interval quality of predicted amounts, and each candidate beside the winner.

    y, expected, low, high: (n,) amounts.  others: each candidate's (n,) amounts.  customers: (n,) whose row it is.
    low, high: meant to hold 80 % of customers.  low_90, high_90: (n,) the same of 90 %; None leaves them out.
    """
    order = np.argsort(-expected, kind="stable")
    deciles, tenths = np.array_split(order, min(10, len(y))), len(y) >= 10
    ranges = _ranges(low, high, low_90, high_90)
    return {
        "rows": len(y), "rate": float(np.mean(y != 0)), "positives": int((y > 0).sum()),
        "total": float(y.sum()), "promised": float(expected.sum()),
        "metrics": {
            "normalized_gini": _alone(metrics.normalized_gini(y, expected)),
            "spearman": _alone(metrics.spearman(y, expected)),
            "mae": said(interval(metrics.mae, y, expected, customers, draws_for(len(y), DRAWS))),
            "bias": said(interval(metrics.bias, y, expected, customers, draws_for(len(y), DRAWS))),
            "deviance": _alone(metrics.tweedie_deviance(y, expected)),
            "capture_10": _alone(metrics.value_capture_at(y, expected, 0.1)),
        }
        | {name: _alone(coverage(y, *bounds)) for name, bounds in ranges.items()}
        | ({"decile_mape": _alone(metrics.decile_mape(y, expected))} if tenths else {}),
        "deciles": {
            "promised": [float(expected[part].mean()) for part in deciles],
            "came": [float(y[part].mean()) for part in deciles],
        } | {name: _list(coverage_by_decile(y, expected, *bounds)) for name, bounds in ranges.items() if tenths},
        "candidates": {
            name: {
                "normalized_gini": metrics.normalized_gini(y, other), "mae": metrics.mae(y, other),
                "loss": metrics.tweedie_deviance(y, other),
                "minus_winner": said(
                    paired(metrics.tweedie_deviance, y, other, expected, customers, draws_for(len(y), DRAWS))
                ),
            }
            for name, other in others.items()
        },
    }  # fmt: skip


def _ranges(low: F64, high: F64, low_90: F64 | None, high_90: F64 | None) -> dict[str, tuple[F64, F64]]:
    """The intervals by the name of their coverage."""
    wider = {} if low_90 is None or high_90 is None else {"coverage_90": (low_90, high_90)}
    return {"coverage_80": (low, high)} | wider


def window_report(
    task: str, y: F64, p: F64, low: F64, high: F64, customers: NDArray[np.int64],
    low_90: F64 | None = None, high_90: F64 | None = None,
) -> Json:  # fmt: skip
    """The few figures that tell one window of the back-test from another; arguments as for the full reports."""
    if task == "ltv":
        ranges = _ranges(low, high, low_90, high_90)
        return _brief_amounts(y, p, customers) | {name: coverage(y, *bounds) for name, bounds in ranges.items()}
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
        "auc": said(interval(metrics.auc, y, p, customers, draws=draws_for(len(y), BRIEF))),
        "log_loss": said(interval(metrics.log_loss, y, p, customers, draws=draws_for(len(y), BRIEF))),
        "brier": _number(metrics.brier(y, p)), "average_precision": _number(metrics.average_precision(y, p)),
        "ece": _number(metrics.calibration_error(y, p, int(np.clip(len(y) // FEWEST_FOR_BINS, 1, 15)))),
        "slope": _number(slope), "intercept": _number(intercept),
    }  # fmt: skip


def _brief_amounts(y: F64, p: F64, customers: NDArray[np.int64]) -> Json:
    return {
        "rows": len(y), "rate": float(y.mean()),
        "normalized_gini": said(interval(metrics.normalized_gini, y, p, customers, draws=draws_for(len(y), BRIEF))),
        "mae": said(interval(metrics.mae, y, p, customers, draws=draws_for(len(y), BRIEF))),
        "bias": said(interval(metrics.bias, y, p, customers, draws=draws_for(len(y), BRIEF))),
        "spearman": _number(metrics.spearman(y, p)),
    } | ({"decile_mape": _number(metrics.decile_mape(y, p))} if len(y) >= 10 else {})  # fmt: skip


def flat_metrics(report: Mapping[str, Any]) -> dict[str, float]:
    """A model's report as MLflow wants its metrics: one finite number a name, with _low and _high beside a point.

    report: of `training.finish`.  Of the back-test's windows as window_DATE_auc and so on, of all of them together as
    pooled_auc; the losses of every candidate on every window as loss_DATE_RUNG; the error of the promised totals as
    level_error; what AUC to expect of today's scores as expected_auc.
    """
    flat = _flat(report["test"]["metrics"])
    for rung, part in report["test"]["candidates"].items():
        flat |= {f"candidate_{rung}_{name}": part[name] for name in part if isinstance(part[name], float)}
    for day, losses in report["choice"]["by_window"].items():
        flat |= {f"loss_{day}_{rung}": loss for rung, loss in losses.items()}
    backtest: Json = report.get("backtest") or {}
    for window in backtest.get("windows", ()):
        flat |= _flat(window, f"window_{window['as_of'][:10]}_")
    flat |= _flat(backtest.get("pooled") or {}, "pooled_") | _flat(report.get("expected") or {}, "expected_")
    flat |= _flat({"error": (report.get("level") or {}).get("error")}, "level_")
    return {name: value for name, value in flat.items() if np.isfinite(value)}


def _flat(figures: Mapping[str, Any], before: str = "") -> dict[str, float]:
    """Figures with their intervals side by side; what is no figure (a date, a curve, a yes or no) is left out."""
    flat: dict[str, float] = {}
    for name, of in figures.items():
        parts = of if isinstance(of, Mapping) else {"point": of}
        for key, value in parts.items():
            if key in ("point", "low", "high") and isinstance(value, int | float) and not isinstance(value, bool):
                flat[before + (name if key == "point" else f"{name}_{key}")] = float(value)
    return flat


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
