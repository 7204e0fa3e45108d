"""How the model did on the last window, which nothing before had seen, and beside which candidates."""

from __future__ import annotations

import math
from typing import Any

from markupsafe import Markup

from training.card import figures
from training.card.block import Block, Json, Picture, Subject, Table, between, bounds, figure, moment, point
from training.card.origin import candidate
from training.card.writing import MINUS, UNKNOWN, Count, amount, decimals, percent, say

METRICS = (
    "auc", "average_precision", "log_loss", "brier", "calibration_gap", "ece", "calibration_slope",
    "calibration_intercept", "normalized_gini", "spearman", "mae", "deviance", "bias", "decile_mape", "lift_10",
    "capture_10", "coverage_80", "coverage_90",
)  # fmt: skip
_PARTS = ("point", "low", "high")
PLACES = {"mae": 2, "deviance": 4, "log_loss": 4, "brier": 4, "ece": 4}


def glance(of: Subject) -> tuple[tuple[str, str, str], ...]:
    """The few figures that one wants to know first: name, value, interval."""
    metrics: Json = (of.report.get("test") or {}).get("metrics") or {}
    names = ("normalized_gini", "mae", "bias", "coverage_80") if of.money else ("auc", "log_loss", "ece")
    found = [
        (of.metric(name), point(metrics[name], PLACES.get(name, 3)), bounds(metrics[name], PLACES.get(name, 3)))
        for name in names if name in metrics
    ]  # fmt: skip
    soon = (of.report.get("expected") or {}).get("auc")
    if soon:
        found.append((of.say("expected_short"), point(soon), ""))
    return (*found, (of.say("grade"), of.bundle.grade, ""))


def test(of: Subject) -> Block:
    """The window, every figure with its interval, and whether promises came true."""
    test: Json = of.report.get("test") or {}
    if not test.get("metrics"):
        return Block("test", of.say("test"), (say(of.language, "no_test"),))
    rows = tuple(
        (of.metric(name), *(decimals(figure(part.get(key)), 4) if key in part else "" for key in _PARTS))
        for name, part in sorted(test["metrics"].items(), key=lambda item: (_place(item[0]), item[0]))
    )
    tables = [Table(of.heads("metric", "point", "low", "high"), rows)]
    pictures = []
    if line := test.get("reliability"):
        tables.append(_reliability(of, line))
        words = (str(of.say("predicted")), str(of.say("observed")))
        svg = figures.reliability(str(of.say("reliability")), line, words, figures.furthest([line]))
        pictures.append(Picture(of.say("reliability"), svg, of.say("read_reliability")))
    if tenths := test.get("deciles"):
        pairs = zip(tenths["promised"], tenths["came"], strict=True)
        sums = tuple((str(n), decimals(said, 2), decimals(came, 2)) for n, (said, came) in enumerate(pairs, 1))
        tables.append(Table(of.heads("tenth", "promised", "came"), sums, title=of.say("deciles")))
    return Block("test", of.say("test"), _period(of, test), tables=tuple(tables), pictures=tuple(pictures))


def _place(name: str) -> int:
    """Where a metric stands in the table: the telling ones first, those not known here last."""
    return METRICS.index(name) if name in METRICS else len(METRICS)


def _period(of: Subject, test: Json) -> tuple[Markup, ...]:
    dates = {"start": moment(test.get("as_of")), "end": moment(test.get("until"))}
    counted = {"rows": Count(test["rows"]), "positives": f"{test.get('positives', 0):,}"}
    said = [of.say("test_line", **dates, **counted), of.say("unseen" if test.get("out_of_time") else "same")]
    if (of.report.get("choice") or {}).get("same_rows_as_test"):
        said.append(of.say("same_rows"))
    if test.get("calibrated") is False:
        said.append(of.say("uncalibrated"))
    return tuple(said)


def _reliability(of: Subject, line: Json) -> Table:
    names = ("predicted", "observed", "low", "high")
    rows = tuple(
        (*(decimals(figure(value), 4) for value in row), decimals(figure(count), 0))
        for *row, count in zip(*(line[name] for name in names), line["count"], strict=True)
    )
    return Table(of.heads(*names, "rows"), rows, folded=True, title=of.say("reliability_table"))


def candidates(of: Subject) -> Block | None:
    """Every candidate, the lowest loss first, with whatever was measured of it, and the losses window by window."""
    test, choice = of.report.get("test") or {}, of.report.get("choice") or {}
    found: Json = test.get("candidates") or {}
    if not found:
        return None
    names = sorted(found, key=lambda name: _last_unknown(choice.get("losses", {}).get(name, found[name].get("loss"))))
    used = names.index(of.bundle.rung) if of.bundle.rung in names else None
    rank = of.metric("normalized_gini" if of.money else "auc")
    head = (*of.heads("candidate_short", "loss_chosen", "loss_test"), rank, of.say("minus"))
    table = Table(head, tuple(_candidate(of, name, found[name], choice) for name in names), used)
    return Block("candidates", of.say("candidates"), tuple(_chosen(of, choice)), tables=(table, *_windows(of, choice)))


def _candidate(of: Subject, name: str, one: Json, choice: Json) -> tuple[str, ...]:
    rank = one.get("auc", one.get("normalized_gini"))
    return (
        candidate(of, name), decimals(figure(choice.get("losses", {}).get(name)), 4),
        decimals(figure(one.get("loss")), 4), decimals(figure(rank), 3), between(one.get("minus_winner"), 4),
    )  # fmt: skip


def _last_unknown(loss: Any) -> float:
    known = figure(loss)
    return math.inf if math.isnan(known) else known


def _chosen(of: Subject, choice: Json) -> list[Markup]:
    said = [of.say("chosen", reason=choice["reason"])] if choice.get("reason") else []
    if moments := choice.get("judged_at"):
        key = "choice_at" if choice.get("out_of_time", True) else "choice_at_same"
        when = ", ".join(moment(at) for at in moments)
        days = choice.get("horizon_days", of.bundle.definition.horizon_days)
        said.append(of.say(key, moments=when, days=days))
    return [*said, of.say("raw")]


def _windows(of: Subject, choice: Json) -> list[Table]:
    """The loss of each candidate on each window that was played."""
    played: dict[str, Any] = choice.get("by_window") or {}
    if not played:
        return []
    last = list(played.values())[-1]
    names = sorted(last, key=lambda name: _last_unknown(last[name]))
    rows = tuple(
        (name, *(decimals(figure(losses.get(name)), 4) for losses in played.values())) for name in names
    )
    used = names.index(of.bundle.rung) if of.bundle.rung in names else None
    return [Table((of.say("candidate_short"), *played), rows, used, folded=True, title=of.say("by_window"))]


def segments(of: Subject) -> Block | None:
    """How good the promises were for every kind of customer; too few are said to be too few."""
    found = of.report.get("segments") or ()
    if not found:
        return None
    names = sorted({name for one in found for name in one.get("figures") or ()}, key=_place)
    rows = tuple(
        (of.segment(one["by"], one["name"]), f"{one['rows']:,}", f"{one['cases']:,}", *_of_segment(of, one, names))
        for one in found
    )  # fmt: skip
    head = (*of.heads("segment", "rows", "cases_amount" if of.money else "cases"), *(of.metric(name) for name in names))
    lead = of.say("segments_lead", at=moment((of.report.get("test") or {}).get("as_of")))
    return Block("segments", of.say("segments"), (lead,), tables=(Table(head, rows),))


def _of_segment(of: Subject, one: Json, names: list[str]) -> list[str]:
    figures = one.get("figures")
    if not figures:
        return [of.say("too_few")] + [""] * (len(names) - 1) if names else []
    return [between(figures.get(name), 2 if name == "mae" else 3) for name in names]


def level(of: Subject) -> Block | None:
    """The totals promised and those that came, how far they lay apart, and what is promised today."""
    found = of.report.get("level") or {}
    if not found.get("windows") and found.get("forecast") is None:
        return None
    rows = tuple(
        (moment(one["as_of"]), amount(one["promised"]), amount(one["came"]), _off(one["promised"], one["came"]))
        for one in found.get("windows", ())
    )
    said = [of.say("level_lead_amount" if of.money else "level_lead")]
    if found.get("source"):
        said.append(of.say("level_aggregate" if found["source"] == "pareto_nbd" else "level_own"))
    forecast, error = found.get("forecast"), found.get("error")
    if forecast is not None and error is not None:
        low, high = (amount(forecast * math.exp(side * error)) for side in (-1, 1))
        off = percent(math.expm1(error), of.language)
        said.append(of.say("forecast", forecast=amount(forecast), low=low, high=high, error=off))
    elif forecast is not None:
        said.append(of.say("forecast_alone", forecast=amount(forecast)))
    tables = (Table(of.heads("as_of", "promised", "came", "off"), rows),) if rows else ()
    return Block("level", of.say("level"), tuple(said), tables=tables)


def _off(promised: float, came: float) -> str:
    """By how much more was promised than came, in percent of what came."""
    if not came:
        return UNKNOWN
    off = decimals((promised / came - 1.0) * 100, 1)
    return off if off.startswith(MINUS) else f"+{off}"


def expected(of: Subject) -> Block | None:
    """Which AUC today's scores will probably turn out to have, and how far such forecasts were off before."""
    found = (of.report.get("expected") or {}).get("auc") or {}
    if not found:
        return None
    said = [of.say("expected_lead", auc=point(found))]
    errors = [decimals(error, 3) for error in found.get("errors", ())]
    said.append(of.say("expected_errors", errors=", ".join(errors)) if errors else of.say("expected_alone"))
    return Block("expected", of.say("expected"), tuple(said))
