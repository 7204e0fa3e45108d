"""How texts, numbers and days are written on the page: always escaped, always in the reader's language."""

from __future__ import annotations

import math
from typing import Any

from markupsafe import Markup

from serving.report.words import TEXTS
from training.card.names import Language
from training.card.writing import MINUS
from training.card.writing import UNKNOWN as UNKNOWN
from training.card.writing import Count as Count
from training.card.writing import amount as amount
from training.card.writing import asked_words as asked_words
from training.card.writing import day as day
from training.card.writing import decimals as decimals
from training.card.writing import definition_words as definition_words
from training.card.writing import ends_words as ends_words
from training.card.writing import kinds_words as kinds_words
from training.card.writing import listed as listed
from training.card.writing import percent as percent
from training.card.writing import percent_sign as percent_sign


def say(language: Language, key: str, /, **values: Any) -> Markup:
    """One text with its values, which are escaped; KeyError for a text or a value that is missing."""
    return Markup(TEXTS[language][key]).format(**values)


def has(language: Language, key: str) -> bool:
    return key in TEXTS[language]


def by_focus(focus: str, language: Language, key: str, /, **values: Any) -> Markup:
    """The text for the page's question where it has one of its own, else the one for churn."""
    own = f"{key}_{focus}"
    return say(language, own if has(language, own) else key, **values)


def joined(language: Language, *parts: Markup) -> Markup:
    """Sentences one after another; empty ones are left out."""
    return Markup(TEXTS[language]["space"]).join(part for part in parts if part)


def points(effect: float, language: Language) -> Markup:
    """A difference of probabilities in percentage points, without its sign."""
    whole = round(abs(effect) * 100)
    key = "points_small" if whole == 0 and effect else "points_one" if whole == 1 else "points"
    return say(language, key, points=whole)


def signed(value: int) -> str:
    """A whole number with its sign; a bare 0 has none."""
    return f"+{value:,}" if value > 0 else f"{MINUS}{-value:,}" if value < 0 else "0"


def of_100(share: float | None) -> str:
    """A share as so many in a hundred."""
    return f"{share * 100:.0f}" if share is not None and math.isfinite(share) else UNKNOWN

