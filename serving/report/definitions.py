"""What else leaving and converting could mean here: the return curve, every alternative in figures, the advice."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from markupsafe import Markup, escape

from features.definitions import Definition
from serving.phrases import Language
from serving.report import figures
from serving.report.words import TEXTS
from serving.report.writing import UNKNOWN, Count, asked_words, day, ends_words, kinds_words, percent, say
from training.define.comparison import SHOWN_DAYS, Comparison, Question, Row

View = dict[str, Any]
MOST_STEPS = 13  # rows of the table of contracts


def definitions_view(found: Comparison, language: Language) -> View:
    """The section of the page; texts are escaped, figures are ready to show."""
    until = day(found.until, found.zone, language)
    return {
        "lead": say(language, "choice_lead", until=until, moments=_most_moments(found)),
        "curve": curve_view(found, language),
        "lasts": lasts_view(found, language) if found.contract else None,
        "questions": [
            question_view(question, task, found, language)
            for task, question in (("churn", found.churn), ("conversion", found.conversion))
            if question.rows
        ],
    }


def _most_moments(found: Comparison) -> int:
    return max((len(row.moments) for row in (*found.churn.rows, *found.conversion.rows)), default=0)


def curve_view(found: Comparison, language: Language) -> View:
    """The return curve: sentences, points to show as a table, and the picture."""
    curve = found.curve
    if not len(curve.comes_back):
        return {"lead": say(language, "curve_none"), "points": (), "svg": "", "short": ""}
    known = [(days, curve.after(days)) for days in SHOWN_DAYS]
    cannot = [days for days, share in known if math.isnan(share)]
    lead = say(
        language, "curve_lead", kinds=kinds_words(found.kinds, language), returns=f"{curve.returns:,}",
        open=f"{curve.open:,}",
    )  # fmt: skip
    used = found.churn.in_use
    silent = used is not None and used.alternative.rule == "silence"
    marks = [(used.definition.horizon_days, say(language, "curve_horizon"))] if used and silent else []
    words = {"x": TEXTS[language]["curve_silent"], "y": TEXTS[language]["curve_back"]}
    return {
        "lead": lead, "points": [(f"{days:,}", percent(share, language)) for days, share in known],
        "short": say(language, "curve_short", days=cannot[0]) if cannot else "",
        "svg": figures.steps(str(say(language, "curve_title")), curve.comes_back.tolist(), (), marks, words),
    }  # fmt: skip


def lasts_view(found: Comparison, language: Language) -> View:
    """How long contracts last: sentences, a row a period, and the picture with its interval."""
    survival = found.contract
    assert survival is not None
    end, period = survival.known_until(), found.period_days
    middle = survival.median()
    hazard = {start: share for start, _, share in survival.hazard(period)}
    rows = []
    for days in range(0, end + 1, period):
        share, low, high = survival.at(days)
        said = f"{percent(share, language)} ({percent(low, language)}–{percent(high, language)})"
        ends = percent(hazard[days], language) if days in hazard else UNKNOWN
        rows.append((f"{days:,}", f"{survival.at_risk[days]:,}", said, ends))
    words = {"x": TEXTS[language]["lasts_days"], "y": TEXTS[language]["lasts_share"]}
    known, title = slice(0, end + 1), str(say(language, "lasts_title"))
    band = (survival.low[known].tolist(), survival.high[known].tolist())
    return {
        "lead": say(language, "lasts_lead", ended=Count(survival.ended), open=f"{survival.open:,}"),
        "median": say(language, "lasts_no_median" if middle is None else "lasts_median", days=middle),
        "head": [
            say(language, key, days=period) for key in ("col_days", "col_reached", "col_lasts", "col_ends")
        ],
        "rows": rows[:MOST_STEPS],
        "svg": figures.steps(title, survival.lasts[known].tolist(), band, (), words) if end else "",
    }  # fmt: skip


def question_view(question: Question, task: str, found: Comparison, language: Language) -> View:
    """One question: its alternatives as rows of cells, how to read them, and the advice."""
    churn = task == "churn"
    keys = ["col_asked", "col_left" if churn else "col_converted", "col_share", "col_spread"]
    keys += ["col_came_back", "col_certain", "col_silent", "col_returns"] if churn else ["col_needs"]
    read = ["asked" if churn else "asked_conversion", "share"]
    read += ["came_back", "certain", "returns"] if churn else ["needs"]
    return {
        "task": task, "title": say(language, "choice" if churn else "choice_conversion"),
        "head": [say(language, key) for key in ("col_definition", *keys)],
        "rows": [_row_view(row, question, churn, language) for row in question.rows],
        "read": [say(language, f"read_{key}", follow=found.follow_days) for key in (*read, "unknown")],
        "advice": advice_words(question, found, language),
    }  # fmt: skip


def _row_view(row: Row, question: Question, churn: bool, language: Language) -> View:
    marks = [
        say(language, key)
        for key, holds in (
            ("choice_recommended", row is question.chosen), ("choice_in_use", row is question.in_use)
        )
        if holds
    ]  # fmt: skip
    last = row.last
    share, days = partial(percent, language=language), partial(_days, language=language)
    cells = [f"{last.asked:,}" if last else UNKNOWN, f"{last.outcome:,}" if last else UNKNOWN, share(row.rate)]
    cells += [_points(row.spread, language), share(row.false_lost)] if churn else [_points(row.spread, language)]
    cells += [days(row.certain_days)]
    cells += [days(row.silent_days), share(row.returns)] if churn else []
    return {"name": name_of(row, language), "marks": marks, "cells": cells, "used": row is question.in_use}


def name_of(row: Row, language: Language) -> Markup:
    """The alternative in a few words."""
    asked, rule = row.definition, row.alternative.rule
    kinds = kinds_words(asked.kinds, language)
    if rule in ("cancel", "contract"):
        return say(language, f"choice_{rule}", ends=ends_words(asked, language), days=asked.horizon_days)
    if rule == "conversion":
        eligible = asked_words(asked, language)
        return say(language, "choice_conversion_row", kinds=kinds, days=asked.horizon_days, eligible=eligible)
    return say(language, f"choice_{rule}", kinds=kinds, days=asked.horizon_days)


def advice_words(question: Question, found: Comparison, language: Language) -> list[Markup]:
    """What to take and why, what to know beside it, and how to take it."""
    advice, row = question.advice, question.chosen
    if row is None or row.last is None:
        return [say(language, f"because_{advice.because}")]
    because = "contract" if advice.because == "cancel" else advice.because
    values: dict[str, Any] = {
        "name": name_of(row, language), "left": f"{row.last.outcome:,}", "asked": f"{row.last.asked:,}",
        "returns": percent(row.returns, language), "windows": Count(row.windows),
        "spread": _points(row.spread, language), "rarer": f"{row.last.rarer:,}", "follow": found.follow_days,
    }  # fmt: skip
    said = [say(language, f"because_{because}", **values)]
    said += [say(language, f"caution_{name}", **values) for name in advice.cautions]
    if row is question.in_use:
        return [*said, say(language, "choice_same")]
    used, toml = question.in_use, toml_of(row.definition)
    if used is None:
        return [*said, say(language, "choice_new", toml=toml)]
    return [*said, say(language, "choice_other", name=name_of(used, language), toml=toml)]


def toml_of(definition: Definition) -> str:
    """The lines of winback.toml that make a definition the one in use, in one line."""
    listed: Callable[[tuple[str, ...]], str] = lambda kinds: "[" + ", ".join(f'"{kind}"' for kind in kinds) + "]"  # noqa: E731
    parts = [f"[{definition.task}]"]
    silence = definition.task == "churn" and not definition.contract
    parts += [f"activity = {listed(definition.kinds)}"] if silence else []
    parts += [f"contract = {listed(definition.contract)}"] if definition.contract else []
    parts += [f"cancel = {listed(definition.cancel)}"] if definition.cancel and definition.contract else []
    parts += [f"term_days = {definition.term_days}"] if definition.term_days else []
    parts += [f"grace_days = {definition.grace_days}"] if definition.grace_days else []
    parts += [f'eligible = "{definition.eligible}"'] if definition.task == "conversion" else []
    return " ".join([*parts, f"horizon_days = {definition.horizon_days}"])


def _days(days: float, language: Language) -> str:
    return UNKNOWN if math.isnan(days) else str(say(language, "days_short", days=f"{days:,.0f}"))


def _points(share: float, language: Language) -> str:
    if math.isnan(share):
        return UNKNOWN
    return str(escape(say(language, "points_short", points=f"{share * 100:.0f}")))
