"""Both languages say the same things with the same figures, and numbers are written as people write them."""

from __future__ import annotations

import itertools
import string

import pytest

from features.clock import parse_instant
from serving.phrases import LANGUAGES
from serving.report.words import NEXT_STEPS, TEXTS
from serving.report.writing import Count, amount, day, kinds_words, percent, points, say, signed


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


# Seen to fail: a key taken out of chinese.py; {low} misspelt in it.
def test_every_text_has_its_twin_with_the_same_values() -> None:
    english, chinese = TEXTS["en"], TEXTS["zh"]
    assert set(english) == {key for key in chinese if not key.startswith("rejected: ")}
    assert set(NEXT_STEPS["en"]) == set(NEXT_STEPS["zh"])
    unlike = {"and_more"}  # "or 3 more" counts the rest, "等共 9 种" all
    for key in set(english) - unlike:
        assert fields(english[key]) == fields(chinese[key]), key


# Seen to fail: half-width commas typed into chinese.py.
def test_chinese_has_chinese_punctuation() -> None:
    for text in (*TEXTS["zh"].values(), *NEXT_STEPS["zh"].values()):
        plain = "".join(literal for literal, _, _, _ in string.Formatter().parse(text))
        for before, mark in itertools.pairwise(plain):
            assert not ("一" <= before <= "鿿" and mark in ",:;?!()"), text


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "0 %"),
        (0.004, "<1 %"),
        (0.006, "1 %"),
        (0.994, "99 %"),
        (0.996, ">99 %"),
        (1.0, "100 %"),
        (float("nan"), "–"),
    ],
)
def test_a_percentage_is_whole_and_never_a_false_certainty(share: float, said: str) -> None:
    assert percent(share, "en").replace("\N{NO-BREAK SPACE}", " ") == said


def test_figures_as_people_write_them() -> None:
    assert [amount(value) for value in (12345.6, 3.25, -40.0, None)] == ["12,346", "3.2", "−40", "–"]
    assert [signed(value) for value in (3, 0, -1200)] == ["+3", "0", "−1,200"]
    assert [str(points(effect, "en")) for effect in (0.124, -0.01, 0.002)] == ["12 points", "1 point", "under 1 point"]
    assert f"{Count(1):customer|customers}, {Count(1234):customer|customers}" == "1 customer, 1,234 customers"
    moment = parse_instant("2026-07-15T22:30:00Z")
    assert day(moment, "Europe/Berlin", "en", clock=True) == "16 July 2026, 00:30"
    assert day(moment, "UTC", "zh") == "2026年7月15日"


# Seen to fail: all 300 names of kinds in one sentence.
@pytest.mark.parametrize("language", LANGUAGES)
def test_hundreds_of_kinds_stay_one_short_sentence(language: str) -> None:
    assert len(kinds_words([f"kind_{number}" for number in range(300)], language)) < 120  # type: ignore[arg-type]


# Seen to fail: Markup made after formatting.
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_value_in_a_text_is_escaped(language: str) -> None:
    assert "<i>" not in say(language, "why_prospect", kinds="<i>")  # type: ignore[arg-type]
