"""The customers to look at first: reasons, worth and next step of each, as the page and the file show them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.batch import Scored
from serving.explanations import Explanation, Reason
from serving.phrases import Language, concept_name
from serving.report.findings import Findings
from serving.report.reasons import against_others
from serving.report.words import NEXT_STEPS
from serving.report.writing import amount, percent, percent_sign, points, say, signed
from serving.scores import UNCERTAIN

REASONS = 3
_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d .]*$)")


@dataclass(frozen=True)
class Why:
    """One reason.  effect: in the unit of the score; weight: 0 to 1 beside the list's strongest; strength: in words."""

    text: str
    concept: str
    effect: float
    weight: float
    strength: str
    actionable: bool


@dataclass(frozen=True)
class Customer:
    """One line of the list.  score, worth, stake: as numbers; said: as words, with the facts beside them.

    uncertainty: how far a probability could move, NaN where that is not known and for amounts.
    """

    user: str
    stage: str
    score: float
    worth: float
    stake: float
    said: str
    facts: tuple[str, ...]
    reasons: tuple[Why, ...]
    adds_up: str
    next_step: str
    uncertainty: float


def customers(scored: Scored, found: Findings, language: Language) -> tuple[Customer, ...]:
    """The list in order, each customer with the strongest reasons of the page's question."""
    if not found.first:
        return ()
    explained = against_others(scored, found)
    why = [explained.row(place, REASONS, language) for place in range(len(found.first))]
    strongest = max((abs(reason.effect) for one in why for reason in one.reasons), default=0.0) or 1.0
    return tuple(
        _customer(scored, found, row, one, strongest, language) for row, one in zip(found.first, why, strict=True)
    )


def _customer(
    scored: Scored, found: Findings, row: int, why: Explanation, strongest: float, language: Language
) -> Customer:
    score, worth = float(found.score[row]), float(found.worth.amount[row])
    return Customer(
        str(scored.people[row]), str(scored.scores.stage[row]),
        score, worth, float(found.at_stake[row]),
        _score(found, score, language), tuple(_facts(scored, found, row, language)),
        tuple(_why(found, reason, strongest, language) for reason in why.reasons),
        _adds_up(found, why, score, language), next_step(why.reasons, found.focus, language),
        _uncertainty(scored, found, row),
    )  # fmt: skip


def next_step(reasons: Sequence[Reason], task: str, language: Language) -> str:
    """The step for the strongest reason that counts against the customer and that somebody can act on."""
    against = 1.0 if task == "churn" else -1.0
    open_ones = [reason for reason in reasons if reason.actionable and reason.effect * against > 0]
    steps = NEXT_STEPS[language]
    strongest = max(open_ones, key=lambda reason: abs(reason.effect), default=None)
    return steps[""] if strongest is None else steps.get(strongest.concept, steps[""])


def _score(found: Findings, score: float, language: Language) -> str:
    return amount(score) if found.focus == "ltv" else percent(score, language)


def _uncertainty(scored: Scored, found: Findings, row: int) -> float:
    return float("nan") if found.focus == "ltv" else float(scored.scores.tasks[found.focus].figure("uncertainty")[row])


def _facts(scored: Scored, found: Findings, row: int, language: Language) -> list[str]:
    apart = _uncertainty(scored, found, row)
    facts = [say(language, "uncertain", points=points(apart, language))] if apart > UNCERTAIN else []
    facts += [say(language, f"worth_{found.worth.unit}", worth=amount(found.worth.amount[row]))]
    if found.focus == "churn" and found.worth.unit == "value":
        facts.append(say(language, "at_stake", stake=amount(found.at_stake[row])))
    ltv = scored.scores.tasks.get("ltv")
    if ltv is not None and np.isfinite(ltv.predicted[row]):
        figures = {name: amount(ltv.figure(name)[row]) for name in ("expected", "low", "high")}
        facts.append(say(language, "expected_value", days=ltv.bundle.definition.horizon_days, **figures))
    return [str(fact) for fact in facts]


def _why(found: Findings, reason: Reason, strongest: float, language: Language) -> Why:
    strength = amount(abs(reason.effect)) if found.focus == "ltv" else str(points(reason.effect, language))
    concept = concept_name(reason.concept, language)
    return Why(reason.text, concept, reason.effect, abs(reason.effect) / strongest, strength, reason.actionable)


def _adds_up(found: Findings, why: Explanation, score: float, language: Language) -> str:
    """The sum in whole numbers; rounding goes to "everything else", so that a reader who adds gets the total."""
    if not why.reasons:
        return str(say(language, "no_reasons"))
    scale = 1 if found.focus == "ltv" else 100
    base, total = round(why.base * scale), round(score * scale)
    effects = [round(reason.effect * scale) for reason in why.reasons]
    unit = "" if scale == 1 else percent_sign(language)
    said = " ".join(signed(effect) for effect in effects)
    other = signed(total - base - sum(effects))
    return str(say(language, "adds_up", base=f"{base:,}{unit}", sum=said, other=other, score=f"{total:,}{unit}"))


def as_csv(listed: Sequence[Customer], found: Findings) -> bytes:
    """The list as a file that a spreadsheet opens: UTF-8 with its mark, one row a customer, numbers unrounded."""
    score = "ltv_expected" if found.focus == "ltv" else f"{found.focus}_probability"
    worth = "spent_365_days" if found.worth.unit == "value" else "events_365_days"
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["rank", "user_id", score, "stage", worth, "at_stake", "next_step", "reasons", "uncertainty"])
    for rank, one in enumerate(listed, 1):
        figures = (round(one.score, 6), one.stage, round(one.worth, 2), round(one.stake, 2))
        why = "; ".join(
            f"{reason.text} ({'+' if reason.effect > 0 else '-'}{reason.strength})" for reason in one.reasons
        )
        apart = round(one.uncertainty, 6) if np.isfinite(one.uncertainty) else ""
        rows.writerow([rank, _inert(one.user), *figures, one.next_step, _inert(why), apart])
    return text.getvalue().encode("utf-8-sig")


def _inert(text: str) -> str:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front; a plain number stays what it is."""
    return f"'{text}" if _FORMULA.match(text) else text
