"""What each section of the page shows, in the order of the page; the template only lays it out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from markupsafe import Markup

from features.business import Business
from features.definitions import TASKS, Definition
from serving.batch import Scored
from serving.phrases import Language, number
from serving.report import figures
from serving.report.answer import headline_view
from serving.report.findings import ALL_BANDS, GONE, KEEPABLE, NO_BAND, PROSPECTS, Findings, StageRow
from serving.report.model_view import drivers_view, trust_view
from serving.report.sources import sources_view
from serving.report.writing import Count, amount, by_focus, kinds_words, say

View = dict[str, Any]
GROUPS = (KEEPABLE, GONE, PROSPECTS)


def page_view(
    business: Business,
    scored: Scored,
    found: Findings,
    rejected: Mapping[str, int] | None,
    language: Language,
    now: int,
) -> View:
    """Everything that the template of the page asks for, but the list."""
    bundle = scored.scores.tasks[found.focus].bundle
    return {
        "say": partial(say, language), "focus": found.focus, "by_focus": partial(by_focus, found.focus, language),
        "headline": headline_view(scored, found, bundle, language), "risk": _risk(found, bundle.definition, language),
        "first_title": say(language, "first" if found.first else "first_empty", n=Count(len(found.first))),
        "rule": _rule(found, bundle.definition, language),
        "drivers": drivers_view(bundle, language), "trust": [trust_view(scored, task, language) for task in TASKS],
        "sources": sources_view(business, scored, rejected, language, now),
    }  # fmt: skip


def _risk(found: Findings, definition: Definition, language: Language) -> View:
    groups = [_group(found, names, definition, language) for names in GROUPS if found.of(names)]
    shown = [band for band in ALL_BANDS if found.focus != "ltv" and any(row.users[band] for row in found.stages)]
    priced = found.worth.unit == "value"
    activity = say(language, "col_activity", kinds=kinds_words(found.worth.kinds, language))
    return {
        "lead": say(language, "risk_lead_contract") if definition.contract
        else by_focus(found.focus, language, "risk_lead", days=definition.horizon_days),
        "strip": _strip(found, language), "plots": _plots(found, language), "groups": groups,
        "total": _table_row("", found.stages, found) | {"name": say(language, "col_total"), "why": ""},
        "bands": [(band, say(language, f"band_{band}")) for band in shown],
        "worth_name": say(language, "col_worth") if priced else activity,
        "missing": "" if priced else say(language, "no_value"),
    }  # fmt: skip


def _plots(found: Findings, language: Language) -> list[tuple[Markup, Markup]]:
    """Customers, and what they are worth where that is known; of those who can still be kept when it is about churn."""
    rows = found.of(KEEPABLE) if found.focus == "churn" else found.stages
    measures = ["users", "worth"] if found.worth.unit == "value" else ["users"]
    titles = [by_focus(found.focus, language, f"plot_{measure}") for measure in measures if rows]
    return [(title, _bars(title, rows, measure, language)) for title, measure in zip(titles, measures, strict=False)]


def _bars(title: str, rows: tuple[StageRow, ...], measure: str, language: Language) -> Markup:
    drawn = []
    for row in rows:
        sizes: Mapping[str, float] = row.users if measure == "users" else row.worth
        parts = [(f"band-{band}", sizes[band]) for band in ALL_BANDS]
        drawn.append((str(say(language, f"stage_{row.stage}")), parts, amount(sum(sizes.values()))))
    return figures.stacked_bars(title, drawn)


def _strip(found: Findings, language: Language) -> View:
    """How all users divide into kept, gone and not yet customers."""
    sizes = [sum(row.total for row in found.of(names)) for names in GROUPS]
    parts = [(css, size) for css, size in zip(("keep", "gone", "prospect"), sizes, strict=True) if size]
    shown = [(css, say(language, f"strip_{css}"), f"{size:,}") for css, size in parts]
    return {"svg": figures.strip(", ".join(f"{name} {size}" for _, name, size in shown), parts), "parts": shown}


def _group(found: Findings, names: tuple[str, ...], definition: Definition, language: Language) -> list[View]:
    """The table's rows of a few stages that belong together."""
    days = definition.horizon_days
    kinds = kinds_words(definition.activity, language)
    values = {"half": number(days / 2), "quarter": number(days / 4), "days": days, "kinds": kinds}
    return [
        _table_row(row.stage, (row,), found)
        | {"name": say(language, f"stage_{row.stage}"), "why": say(language, _why(row.stage, definition), **values)}
        for row in found.of(names)
    ]


def _why(stage: str, definition: Definition) -> str:
    """The text that explains a stage; under a contract some mean something else."""
    return f"why_{stage}_contract" if definition.contract and stage in ("prospect", "new", "lapsed") else f"why_{stage}"


def _table_row(stage: str, rows: tuple[StageRow, ...], found: Findings) -> View:
    """Figures of one stage or of several; what to expect is not said of those who are gone already."""
    counted = [row for row in rows if found.focus == "ltv" or row.total > row.users[NO_BAND]]
    if found.focus == "churn":
        counted = [row for row in counted if row.stage not in GONE]
    return {
        "stage": stage, "total": f"{sum(row.total for row in rows):,}",
        "bands": {band: sum(row.users[band] for row in rows) for band in ALL_BANDS},
        "worth": amount(sum(row.total_worth for row in rows)),
        "expected": f"{sum(row.expected for row in counted):,.0f}" if counted else "",
    }  # fmt: skip


def _rule(found: Findings, definition: Definition, language: Language) -> Markup:
    key = "rule_churn_events" if found.focus == "churn" and found.worth.unit == "events" else f"rule_{found.focus}"
    return say(language, key, kinds=kinds_words(found.worth.kinds, language), days=definition.horizon_days)
