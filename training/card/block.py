"""What a section of the card holds: sentences, facts, tables and pictures, ready to be written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from training.bundle import Bundle
from training.card.names import Language
from training.card.writing import MINUS, TEXTS, UNKNOWN, amount, decimals, number, say

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """head: one a column.  rows: as many cells each.  used: the number of the row that stands for the model in use.

    words: columns that hold words and not figures, beside the first.  folded: shown when asked for; title: then how.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    used: int | None = None
    words: tuple[int, ...] = ()
    folded: bool = False
    title: str = ""


@dataclass(frozen=True)
class Picture:
    """A title, the picture, and how to read it."""

    title: str
    svg: Markup
    read: str = ""


@dataclass(frozen=True)
class Block:
    """One section.  key: its anchor.  small: whether its pictures stand in a row of many."""

    key: str
    title: str
    says: tuple[Markup | str, ...] = ()
    facts: tuple[tuple[str, Markup | str], ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    small: bool = False
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Subject:
    """The model that a card is about.

    name, version: in the registry.  value: the column that holds amounts, if known.
    """

    bundle: Bundle
    name: str
    version: str
    language: Language
    value: str = ""

    @property
    def called(self) -> Markup | str:
        """Its name and version in the registry; before it is registered it has a name alone."""
        return self.say("of", name=self.name, version=self.version) if self.version else self.name

    @property
    def report(self) -> Json:
        return self.bundle.report

    @property
    def money(self) -> bool:
        return self.bundle.definition.task == "ltv"

    def say(self, key: str, /, **values: Any) -> Markup:
        """One text of the card in its language."""
        return say(self.language, f"card_{key}", **values)

    def heads(self, *keys: str) -> tuple[str, ...]:
        """Several texts, such as the head of a table."""
        return tuple(self.say(key) for key in keys)

    def metric(self, name: str) -> str:
        """What a metric is called."""
        return TEXTS[self.language].get(f"card_metric_{name}", name)

    def segment(self, by: str, name: str) -> Markup:
        """What a segment is called, and by what customers are told apart."""
        own = f"stage_{name}" if by == "stage" else f"card_{'tenure' if by == 'tenure' else 'tier'}_{name}"
        texts = TEXTS[self.language]
        return self.say("segment_of", by=texts.get(f"card_by_{by}", by), name=texts.get(own, name))

    def effect(self, size: float | None) -> str:
        """An effect on the score: points of probability, or an amount."""
        if size is None or not math.isfinite(size):
            return UNKNOWN
        return amount(size) if self.money else decimals(size * 100, 1)

    def tick(self, size: float) -> str:
        """An effect beside an axis."""
        return f"{number(size) if self.money else f'{size * 100:.3g}'}".replace("-", MINUS)

    @property
    def unit(self) -> Markup:
        """What effects are counted in."""
        return self.say("unit_amount" if self.money else "unit_points")


def figure(value: Any) -> float:
    """A number of the report, NaN where it is missing."""
    return math.nan if value is None else float(value)


def point(part: Any, places: int = 3) -> str:
    """The value of a figure that has an interval or not."""
    return decimals(figure((part or {}).get("point")), places)


def between(part: Any, places: int = 3) -> str:
    """A figure with its interval where it has one: 0.777 [0.716, 0.829]."""
    return f"{point(part, places)} {bounds(part, places)}".strip()


def bounds(part: Any, places: int = 3) -> str:
    """The interval of a figure, empty without one."""
    low, high = (figure((part or {}).get(side)) for side in ("low", "high"))
    known = math.isfinite(low) and math.isfinite(high)
    return f"[{decimals(low, places)}, {decimals(high, places)}]" if known else ""


def moment(text: Any) -> str:
    """An instant of the report as its day in UTC, with the time of day unless it is midnight."""
    said = str(text or UNKNOWN)
    day, _, clock = said.partition("T")
    return day if clock[:5] in ("", "00:00") else f"{day} {clock[:5]}"
