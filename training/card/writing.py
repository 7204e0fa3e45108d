"""How texts, numbers and days are written: always escaped, always in the reader's language."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from features.clock import DAY, zone_table
from features.definitions import Definition
from training.card import chinese, english
from training.card.names import Language, event_name

TEXTS: Mapping[Language, Mapping[str, str]] = {"en": english.TEXTS, "zh": chinese.TEXTS}
UNKNOWN = "–"
MOST_KINDS = 6
MINUS, SPACE = "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}"
_EPOCH = dt.date(1970, 1, 1)
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


class Count(int):
    """A number of things: "{n}" writes 1,234 and "{n:customer|customers}" writes "1 customer" or "1,234 customers"."""

    def __format__(self, spec: str) -> str:
        figure = f"{int(self):,}"
        if "|" not in spec:
            return figure
        one, many = spec.split("|")
        return f"{figure} {one if self == 1 else many}"


def say(language: Language, key: str, /, **values: Any) -> Markup:
    """One text of the card with its values, which are escaped; KeyError for a text or a value that is missing."""
    return Markup(TEXTS[language][key]).format(**values)


def listed(language: Language, parts: Sequence[str]) -> str:
    """A, B, C."""
    return TEXTS[language]["list_separator"].join(parts)


def kinds_words(kinds: Sequence[str], language: Language) -> str:
    """Kinds of event as people of the business call them: A or B."""
    said = TEXTS[language]["or"].join(event_name(kind, language) for kind in kinds[:MOST_KINDS])
    more = len(kinds) - MOST_KINDS
    return str(say(language, "and_more", said=said, more=more, all=len(kinds))) if more > 0 else said


def definition_words(definition: Definition, value: str, language: Language) -> Markup:
    """One question in words; value: the name of the column that holds the amounts."""
    gap = say(language, "definition_gap", gap=definition.gap_days) if definition.gap_days else ""
    if definition.contract:
        ends, holds = ends_words(definition, language), _holds_words(definition, language)
        return say(
            language, "definition_contract", ends=ends, days=definition.horizon_days, gap=gap, holds=holds
        )  # fmt: skip
    cancel = (
        say(language, "definition_cancel", kinds=kinds_words(definition.cancel, language)) if definition.cancel else ""
    )
    column = say(language, "the_column", column=value) if value else say(language, "the_value")
    kinds = kinds_words(definition.kinds, language)
    return say(
        language, f"definition_{definition.task}", kinds=kinds, days=definition.horizon_days,
        gap=gap, cancel=cancel, eligible=asked_words(definition, language), value=column,
    )  # fmt: skip


def ends_words(definition: Definition, language: Language) -> str:
    """What ends a contract."""
    ways = [kinds_words(definition.cancel, language)] if definition.cancel else []
    return TEXTS[language]["or"].join([*ways, str(say(language, "runs_out"))] if definition.term_days else ways)


def _holds_words(definition: Definition, language: Language) -> Markup:
    """Who is under contract."""
    said = Markup.escape(kinds_words(definition.contract, language))
    if definition.term_days:
        key = "holds_grace" if definition.grace_days else "holds_term"
        said = say(language, key, kinds=said, term=definition.term_days, grace=definition.grace_days)
    cancel = kinds_words(definition.cancel, language)
    return say(language, "holds_since", said=said, cancel=cancel) if definition.cancel else said


def asked_words(definition: Definition, language: Language) -> Markup:
    """Of whom the question is asked."""
    rule = definition.rule
    kind = event_name(rule.kind, language)
    if rule.kind and rule.below is not None:
        return say(language, "asked_below" if rule.below > 1 else "asked_none", kind=kind, n=rule.below)
    return say(language, "asked_least", kind=kind, n=rule.least) if rule.kind else say(language, "asked_any")


def percent(share: float | None, language: Language) -> str:
    """A share as a whole percentage; never a rounded 0 or 100 for what is neither."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    sign = percent_sign(language)
    if 0 < share < 0.005:
        return f"<1{sign}"
    if 0.995 <= share < 1:
        return f">99{sign}"
    return f"{share * 100:.0f}{sign}".replace("-", MINUS)


def percent_sign(language: Language) -> str:
    return f"{SPACE}%" if language == "en" else "%"


def number(value: float) -> str:
    """A figure as people write it: no decimals from 10 on, one below, none when whole."""
    rounded = (round(value) if abs(value) >= 10 else round(value, 1)) + 0.0  # a rounded -0.04 is 0, not -0
    return f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:,.1f}"


def amount(value: float | None) -> str:
    """Money, or whatever the value column counts, without a unit; from 10 on without decimals."""
    return UNKNOWN if value is None or not math.isfinite(value) else number(value).replace("-", MINUS)


def decimals(value: float | None, places: int = 3) -> str:
    """A figure for those who know what it means."""
    return f"{value:.{places}f}".replace("-", MINUS) if value is not None and math.isfinite(value) else UNKNOWN


def day(micros: int, zone: str, language: Language, clock: bool = False) -> str:
    """An instant as people write its day in the business zone; clock: with the time of day."""
    local = int(zone_table(zone).to_local([micros])[0])
    date = _EPOCH + dt.timedelta(days=local // DAY)
    minutes = local % DAY // 60_000_000
    time = f"{minutes // 60:02d}:{minutes % 60:02d}"
    if language == "zh":
        return f"{date.year}年{date.month}月{date.day}日" + (f" {time}" if clock else "")
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}" + (f", {time}" if clock else "")
