"""What a training run found, as lines that a person reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.bundle import Bundle
from training.judging.promotion import Verdict

Json = Mapping[str, Any]
DOES = {"churn": "leave", "conversion": "convert"}
WITH_TREES = ("boosted", "blend", "blend_btyd")


def story(bundle: Bundle, version: str, verdict: Verdict) -> list[str]:
    """The question, how it was judged, every candidate beside the winner, the grade and the judge's reasons."""
    report, task = bundle.report, bundle.definition.task
    money = task == "ltv"
    told = [
        report["choice"].get("left_out", ""),
        f"chosen: {report['choice']['reason']}{_where(report['choice'], bundle.definition.horizon_days)}",
        report["sizes"]["says"] if bundle.rung in WITH_TREES else "",
        _tested(report["test"], bundle.rung),
        f"{_level(report['test'])}: {(_amounts if money else _probabilities)(report['test'])}",
    ]
    return [
        f"{task}: {bundle.definition.sentence()}",
        f"  {_judged(report['test'])}",
        *_candidates(report, bundle.rung, money),
        *(f"  {said}" for said in told if said),
        *_windows(report["backtest"]["windows"], money),
        *(f"  {said}" for said in (_today(report, task), _leaks(report.get("leaks"))) if said),
        f"  evidence grade {bundle.grade}{': ' if bundle.grade_reasons else ''}{'; '.join(bundle.grade_reasons)}",
        f"  winback-{task}/{version} {'is now the champion' if verdict.promote else 'is NOT promoted'}: "
        + "; ".join(verdict.reasons),
    ]


def _judged(test: Json) -> str:
    rows, window = f"{test['rows']:,} customers", f"{test['as_of'][:10]} to {test['until'][:10]}"
    if test["out_of_time"]:
        return f"judged on {rows} over {window}, a period and customers that the judged models had not seen:"
    return f"judged on {rows} over {window}: customers that the judged models had not seen, but NOT a later period:"


def _candidates(report: Json, winner: str, money: bool) -> list[str]:
    head = ("norm. Gini", "deviance") if money else ("AUC", "log loss")
    rank = "normalized_gini" if money else "auc"
    lines = [f"    {'candidate':<14}{head[0]:>11}{head[1]:>10}"]
    for name, part in report["test"]["candidates"].items():
        mark = "*" if name == winner else " "
        says = report["choice"]["says"].get(name, "")
        lines.append(f"  {mark} {name:<14}{part[rank]:>11.4f}{part['loss']:>10.4f}   {says}")
    return lines


def _where(choice: Json, horizon_days: int) -> str:
    days = ", ".join(day[:10] for day in choice["judged_at"])
    if not choice["out_of_time"]:
        return f" on the window after {days}, on other customers of the same period: history is short"
    if choice["horizon_days"] != horizon_days:
        short = f"on {choice['horizon_days']} days in place of {horizon_days}: history holds no full window before"
        return f" on the windows after {days} ({short})"
    return f" on the window{'s' if len(choice['judged_at']) > 1 else ''} after {days}"


def _tested(test: Json, rung: str) -> str:
    """What was judged, where the choice made before the last window was another one."""
    if test["rung"] == rung:
        return ""
    return f"before the last window {test['rung']} would have been chosen; the figures below are of what it promised"


def _level(test: Json) -> str:
    return "calibrated on the windows before" if test["calibrated"] else "as the model gives it"


def _windows(windows: Sequence[Json], money: bool) -> list[str]:
    """The back-test: what one would have promised at each moment, and how that came out."""
    head = ("norm. Gini", "bias", "in 80 %") if money else ("AUC", "log loss", "off by")
    lines = [f"    {'promised on':<14}{head[0]:>11}{head[1]:>10}{head[2]:>9}"]
    for one in windows:
        figures = (
            (one["normalized_gini"]["point"], one["bias"]["point"], one["coverage_80"])
            if money
            else (one["auc"]["point"], one["log_loss"]["point"], one["ece"])
        )
        first, second, third = figures
        lines.append(f"    {one['as_of'][:10]:<14}{_figure(first, '.4f'):>11}"
                     f"{_figure(second, '+.0%' if money else '.4f'):>10}{_figure(third, '.1%'):>9}")  # fmt: skip
    return lines


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _today(report: Json, task: str) -> str:
    """What to expect of today's scores, with the error of such expectations in the past."""
    level = report["level"]
    error = f", give or take {level['error']:.0%}" if level["error"] is not None else ""
    if task == "ltv":
        source = " (the total of the aggregate Pareto/NBD forecast)" if level["source"] == "pareto_nbd" else ""
        return f"today everybody together is promised {level['forecast']:,.0f}{source}{error}"
    auc = report["expected"].get("auc")
    told = f"; AUC to expect of today's scores: {auc['point']:.3f}" if auc else ""
    return f"today {level['forecast']:,.0f} are expected to {DOES[task]}{error}{told}"


def _leaks(found: Json | None) -> str:
    if not found:
        return ""
    if found["alarms"]:
        return f"LEAK SUSPECTED: {'; '.join(alarm['says'] for alarm in found['alarms'])}"
    return f"searched for leaks in {sum(not turn['why_not'] for turn in found['ran'])} ways: nothing found"


def _probabilities(test: Json) -> str:
    auc, loss, gap = (test["metrics"][name] for name in ("auc", "log_loss", "ece"))
    return (
        f"AUC {_between(auc)}, log loss {_between(loss)}, promised and observed differ by {gap['point']:.1%} on average"
    )


def _amounts(test: Json) -> str:
    metrics = test["metrics"]
    return (
        f"promised {test['promised']:,.0f}, came {test['total']:,.0f}; "
        f"MAE {_between(metrics['mae'], 2)}; the 80 % interval held {metrics['coverage_80']['point']:.0%}"
    )


def _between(part: Json, digits: int = 4) -> str:
    if part["point"] is None:
        return "undefined"
    if part["low"] is None:
        return f"{part['point']:.{digits}f}"
    return f"{part['point']:.{digits}f} ({part['low']:.{digits}f} to {part['high']:.{digits}f})"
