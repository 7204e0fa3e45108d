"""What a feature's value means, in a sentence that an operations person reads; English and Chinese."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.spec import Feature
from serving.wording import AT_NOUGHT, TEMPLATES, WORDS, R
from training.card.names import CONCEPTS as CONCEPTS
from training.card.names import LANGUAGES as LANGUAGES
from training.card.names import Language as Language
from training.card.names import concept_name as concept_name
from training.card.names import event_name as event_name
from training.card.writing import number as number
from training.inputs import EXPECTED_VALUE, Inputs

F32 = NDArray[np.float32]

_SHARES = (
    R.NIGHT_SHARE, R.WEEKEND_SHARE, R.HOUR_REGULARITY, R.SILENCE_SHARE, R.FAVOURITE_SHARE, R.RETURNED, R.FOLLOWED,
    R.VALUE_SHARE,
)  # fmt: skip
_NONE_WHEN_ZERO = (R.COUNT, R.ACTIVE_DAYS, R.DISTINCT_ITEMS, R.TREND, R.SPEND_TREND, R.SESSIONS)
_NEVER_WHEN_ZERO = (R.DECAYED_7, R.DECAYED_30, R.DECAYED_90, R.LONGEST_WEEKS, R.LONGEST_DAYS)
_OF_VALUES = (R.MEAN, R.MAX, R.MEDIAN, R.HIGH, R.LAST_VALUE, R.RETURNED, R.VALUE_SHARE)
_COUNTED = (R.COUNT, R.DECAYED_7, R.DECAYED_30, R.DECAYED_90)
# Which sibling tells what is usual: the amount whose own earlier rate it is, or the same over the whole history.
_RATES = {
    R.COUNT: "count", R.ACTIVE_DAYS: "days", R.SUM: "sum", R.TREND: "count", R.SPEND_TREND: "count",
    R.SESSIONS: "sessions",
}  # fmt: skip
_LEVELS = {
    R.MEAN: "mean_ever", R.LAST_VALUE: "mean_ever", R.MEDIAN: "median_ever", R.SESSION_MINUTES: "session_minutes_ever",
}  # fmt: skip


def concept_phrase(inputs: Inputs, row: F32, column: int, language: Language) -> str:
    """One input's value in words, beside the user's own usual where the history tells it; row: (inputs,)."""
    if column >= len(inputs.catalog.features):
        return (_day_value if inputs.names[column] == EXPECTED_VALUE else _rhythm)(inputs, row, language)
    feature, value = inputs.catalog.features[column], float(row[column])
    if feature.reduction is R.CUSTOM:
        return _custom(feature, value, language)
    if math.isnan(value):
        return _missing(inputs, row, feature, language)
    if value == 0 and _nothing_at_all(inputs, row, feature):
        told = "none" if feature.reduction in _NONE_WHEN_ZERO else "never"
        return _filled(WORDS[language][told], inputs, row, feature, value, language) + (
            _usually(inputs, row, feature, WORDS[language]) if told == "none" else ""
        )
    shown = _shown(inputs, row, feature, value)
    template = TEMPLATES[language][feature.reduction]
    if value == 0 or (feature.reduction in (R.SLOPE, R.SILENCE_SHARE) and number(shown) == "0"):
        template = AT_NOUGHT[language].get(feature.reduction, template)
    return _filled(template, inputs, row, feature, shown, language)


@dataclass(frozen=True)
class _Blanks:
    """What a template's blanks are filled with, each worked out where a template asks for it."""

    inputs: Inputs
    row: F32
    feature: Feature
    shown: float
    language: Language

    def __getitem__(self, blank: str) -> str:
        return _FILLINGS[blank](self)

    @property
    def words(self) -> Mapping[str, str]:
        return WORDS[self.language]

    @property
    def event(self) -> str:
        return event_name(self.feature.of, self.language)

    @property
    def then(self) -> str:
        return event_name(self.feature.then, self.language)

    @property
    def single(self) -> bool:
        return number(self.shown) == "1"

    @property
    def window(self) -> str:
        days = self.feature.days
        return self.words["window"].format(days=days) if days else self.words["ever"]


_FILLINGS: Mapping[str, Callable[[_Blanks], str]] = {
    "n": lambda it: number(abs(it.shown) if it.feature.reduction is R.SLOPE else it.shown),
    "event": lambda it: it.event,
    "many": lambda it: _many(it.event),
    "events": lambda it: it.event if it.feature.reduction in _COUNTED and it.single else _many(it.event),
    "items": lambda it: "item" if it.single else "items",
    "window": lambda it: it.window,
    "day": lambda it: _day(it.shown),
    "week": lambda it: "week" if it.single else "weeks",
    "session": lambda it: "session" if it.single else "sessions",
    "minute": lambda it: "minute" if it.single else "minutes",
    "moved": lambda it: it.words["rose" if it.shown > 0 else "fell"],
    "then": lambda it: it.then,
    "then_many": lambda it: _many(it.then),
    "usually": lambda it: _usually(it.inputs, it.row, it.feature, it.words),
    "usual_gap": lambda it: _usual_gap(it.inputs, it.row, it.feature, it.words),
}


def _filled(template: str, inputs: Inputs, row: F32, feature: Feature, shown: float, language: Language) -> str:
    return template.format_map(_Blanks(inputs, row, feature, shown, language))  # type: ignore[arg-type]


def _missing(inputs: Inputs, row: F32, feature: Feature, language: Language) -> str:
    """Why there is no value: nothing ever happened, nothing of that sort did, or too little to tell."""
    told = "unknown"
    if not _sibling(inputs, row, feature, "count_ever") > 0:
        told = "never"
    elif feature.reduction in (*_OF_VALUES, R.SESSION_MINUTES) and _sibling(inputs, row, feature, _count(feature)) == 0:
        told = "none"
    elif feature.reduction in _OF_VALUES:
        told = "worthless"
    elif feature.reduction is R.FAVOURITE_SHARE:
        told = "itemless"
    elif feature.reduction is R.FOLLOWED:
        told = "unfollowed"
    return _filled(WORDS[language][told], inputs, row, feature, 0.0, language)


def _nothing_at_all(inputs: Inputs, row: F32, feature: Feature) -> bool:
    """Whether a nought means that no event happened, in the window or ever, and not that none was of one sort."""
    inside = _sibling(inputs, row, feature, _count(feature)) > 0
    return feature.reduction in (*_NONE_WHEN_ZERO, *_NEVER_WHEN_ZERO) and not inside


def _count(feature: Feature) -> str:
    return f"count_{feature.days}d" if feature.days else "count_ever"


def _shown(inputs: Inputs, row: F32, feature: Feature, value: float) -> float:
    """The figure that a person reads: a share in percent, a slope as the change from the window's start to its end."""
    if feature.reduction in _SHARES:
        return value * 100
    if feature.reduction is R.SLOPE:
        weeks, known = (feature.days or 0) // 7, _sibling(inputs, row, feature, "tenure") // 7 + 1
        return value * (min(weeks, known) - 1 if known >= 1 else weeks - 1)
    return value


def _custom(feature: Feature, value: float, language: Language) -> str:
    if math.isnan(value):
        return WORDS[language]["custom"].format(says=feature.says)
    return TEMPLATES[language][R.CUSTOM].format(says=feature.says, n=f"{value:,.4g}")


def _day(count: float) -> str:
    return "day" if number(count) == "1" else "days"


def _rhythm(inputs: Inputs, row: F32, language: Language) -> str:
    words, event = WORDS[language], event_name(inputs.catalog.selectors[0].name, language)
    days, ago = float(row[inputs.catalog.activity("days_ever")]), float(row[inputs.catalog.activity("recency")])
    if math.isnan(ago):
        return words["never"].format(event=event)
    return words["rhythm"].format(
        days=number(days), ago=number(ago), event=event, events=_many(event), day=_day(days), ago_day=_day(ago)
    )


def _day_value(inputs: Inputs, row: F32, language: Language) -> str:
    words, event = WORDS[language], event_name(inputs.catalog.selectors[0].name, language)
    days, total = float(row[inputs.catalog.activity("days_ever")]), float(row[inputs.catalog.activity("sum_ever")])
    if not days > 0:
        return words["never"].format(event=event)
    return words["day_value"].format(n=number(total / days), events=_many(event), event=event)


def _usually(inputs: Inputs, row: F32, feature: Feature, words: Mapping[str, str]) -> str:
    """What this user's own earlier rate would give in the window; empty while there is too little past to say."""
    usual = math.nan
    if feature.days and (of := _RATES.get(feature.reduction)):
        ever, tenure = _sibling(inputs, row, feature, f"{of}_ever"), _sibling(inputs, row, feature, "tenure")
        inside = _sibling(inputs, row, feature, f"{of}_{feature.days}d")
        if tenure >= 1.5 * feature.days:
            usual = (ever - inside) / (tenure - feature.days) * feature.days
    elif (level := _LEVELS.get(feature.reduction)) and (feature.days or feature.reduction is R.LAST_VALUE):
        usual = _sibling(inputs, row, feature, level)
    return "" if math.isnan(usual) else words["usually"].format(usual=number(usual))


def _usual_gap(inputs: Inputs, row: F32, feature: Feature, words: Mapping[str, str]) -> str:
    if feature.reduction not in (R.RECENCY, R.GAP_LAST):
        return ""
    gap = _sibling(inputs, row, feature, "gap_mean")
    return "" if math.isnan(gap) else words["gap"].format(usual=number(gap), day=_day(gap))


def _sibling(inputs: Inputs, row: F32, feature: Feature, suffix: str) -> float:
    """Another feature of the same selector; NaN when the catalogue has none."""
    column = inputs.position.get(f"{inputs.labels[feature.of]}_{suffix}")
    return math.nan if column is None else float(row[column])


def _many(event: str) -> str:
    if not event.isascii() or not event[-1:].isalpha() or event.endswith("s") or " " in event:
        return event
    if event.endswith("y") and event[-2:-1] not in "aeiou":
        return event[:-1] + "ies"
    return event + ("es" if event.endswith(("x", "ch", "sh")) else "s")
