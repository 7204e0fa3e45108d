"""What a training run found, as lines that a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.bundle import Bundle
from training.promotion import Verdict

Json = Mapping[str, Any]


def story(bundle: Bundle, version: str, verdict: Verdict) -> list[str]:
    """The question, how it was judged, every candidate beside the winner, the grade and the judge's reasons."""
    report, task = bundle.report, bundle.definition.task
    return [
        f"{task}: {bundle.definition.sentence()}",
        f"  {_judged(report['test'])}",
        *_candidates(report, bundle.rung, task == "ltv"),
        *([f"  {report['choice']['left_out']}"] if report["choice"].get("left_out") else []),
        f"  chosen: {report['choice']['reason']}{_where(report['choice'])}",
        f"  {_level(report['choice'])}: {(_amounts if task == 'ltv' else _probabilities)(report['test'])}",
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


def _where(choice: Json) -> str:
    days = ", ".join(day[:10] for day in choice["judged_at"])
    same = " (the same rows as above: history is short)" if choice["same_rows_as_test"] else ""
    return f" on the window after {days}{same}"


def _level(choice: Json) -> str:
    return f"calibrated on {'other customers' if choice['same_rows_as_test'] else 'the window before'}"


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
