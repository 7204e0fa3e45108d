"""The page's texts by language, the card's among them; both languages hold the same keys."""

from __future__ import annotations

from collections.abc import Mapping

from serving.report import chinese, english
from training.card import writing
from training.card.names import Language

TEXTS: Mapping[Language, Mapping[str, str]] = {
    "en": {**writing.TEXTS["en"], **english.TEXTS}, "zh": {**writing.TEXTS["zh"], **chinese.TEXTS},
}  # fmt: skip
NEXT_STEPS: Mapping[Language, Mapping[str, str]] = {"en": english.NEXT_STEPS, "zh": chinese.NEXT_STEPS}
