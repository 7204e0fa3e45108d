"""The head of the page: the answer in one sentence, as of when, from how much evidence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from markupsafe import Markup

from features.clock import DAY
from serving.batch import Scored
from serving.phrases import Language
from serving.report.findings import GONE, KEEPABLE, NO_BAND, Findings
from serving.report.writing import Count, amount, by_focus, day, has, joined, say
from training.bundle import Bundle

View = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """The totals behind the sentence.

    asked: of whom the question is asked (for churn: of those who can still be kept).  high: of them, in the high band.
    worth: what those brought.  expected: sum of the scores of all asked.  keep, gone: how many can be kept, are gone.
    """

    asked: int
    high: int
    worth: float
    expected: float
    keep: int
    gone: int


def answer(found: Findings) -> Answer:
    """Add up the stages that the page's question is about."""
    keep, gone = found.of(KEEPABLE), found.of(GONE)
    rows = keep if found.focus == "churn" else found.stages
    asked = sum(row.total if found.focus == "ltv" else row.total - row.users[NO_BAND] for row in rows)
    return Answer(
        asked, sum(row.users["high"] for row in rows), sum(row.worth["high"] for row in rows),
        sum(row.expected for row in rows), sum(row.total for row in keep), sum(row.total for row in gone),
    )  # fmt: skip


def headline_view(scored: Scored, found: Findings, bundle: Bundle, language: Language) -> View:
    """Title, explanation, figures, dates and evidence."""
    totals, days = answer(found), bundle.definition.horizon_days
    only_gone = found.focus == "churn" and not totals.asked and totals.gone > 0
    explained = say(
        language, "sub_gone" if only_gone else f"sub_{found.focus}", days=days, keep=Count(totals.asked),
        expected=Count(round(totals.expected)), gone=Count(totals.gone),
    )  # fmt: skip
    return {
        "title": _title(found, totals, only_gone, days, language), "explained": explained,
        "facts": _facts(found, totals, days, language),
        "dated": _dated(scored, language), "grade": _grade(bundle, language),
    }  # fmt: skip


def _title(found: Findings, totals: Answer, only_gone: bool, days: int, language: Language) -> Markup:
    if found.focus == "ltv":
        return say(language, "headline_ltv", expected=amount(totals.expected), users=Count(totals.asked), days=days)
    if only_gone:
        return say(language, "headline_gone", users=Count(totals.gone))
    key = f"headline_{found.focus}" if totals.high else f"headline_{found.focus}_none"
    title = say(language, key, users=Count(totals.high), days=days)
    if found.focus == "churn" and totals.high:
        worth = say(language, f"headline_worth_{found.worth.unit}", worth=amount(totals.worth))
        return joined(language, title, worth)
    return title


def _facts(found: Findings, totals: Answer, days: int, language: Language) -> list[tuple[str, Markup, str]]:
    """The figures under the sentence: figure, what it counts, css class."""
    first = amount(totals.expected) if found.focus == "ltv" else f"{totals.high:,}"
    facts = [(first, by_focus(found.focus, language, "fact_high", days=days), "high")]
    if found.focus == "churn" and found.worth.unit == "value":
        facts.append((amount(totals.worth), say(language, "fact_worth"), "high"))
    facts.append((f"{totals.keep:,}", say(language, "fact_keep"), ""))
    return [*facts, (f"{totals.gone:,}", say(language, "fact_gone"), "")]


def _dated(scored: Scored, language: Language) -> Markup:
    past = scored.past
    moment = partial(day, zone=past.span.zone, language=language, clock=not past.span.dates_only)
    said = [say(language, "dated", as_of=moment(scored.as_of), until=moment(past.span.complete_until))]
    if scored.as_of > past.span.complete_until:
        said.append(say(language, "dated_late"))
    learned = max(held.bundle.origin.until for held in scored.champions.values())
    if learned > scored.as_of + DAY:
        said.append(say(language, "dated_early", until=moment(learned)))
    return joined(language, *said)


def _grade(bundle: Bundle, language: Language) -> Markup:
    known = has(language, f"grade_{bundle.grade}")
    said = say(language, f"grade_{bundle.grade}" if known else "grade_other", grade=bundle.grade)
    rows = (bundle.report.get("test") or {}).get("rows")
    if rows is None:
        return say(language, "sentence", said=said)
    moments, windows = Count(len(bundle.origin.cutoffs)), Count(bundle.origin.windows)
    why = say(language, "grade_why", cutoffs=moments, windows=windows, rows=Count(rows))
    return say(language, "sentence_why", said=said, why=why)
