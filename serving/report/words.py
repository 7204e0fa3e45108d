"""The page's texts by language; both languages hold the same keys."""

from __future__ import annotations

from collections.abc import Mapping

from serving.phrases import Language
from serving.report import chinese, english

TEXTS: Mapping[Language, Mapping[str, str]] = {"en": english.TEXTS, "zh": chinese.TEXTS}
NEXT_STEPS: Mapping[Language, Mapping[str, str]] = {"en": english.NEXT_STEPS, "zh": chinese.NEXT_STEPS}
