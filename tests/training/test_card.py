"""The card says what the report says, leaves out what it does not hold, and is the same page every time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.definitions import TaskName
from tests import made
from tests.training.card_reader import Card
from training.bundle import Bundle, load_bundle
from training.card import figures, svg
from training.card.block import moment
from training.card.names import LANGUAGES, Language
from training.card.page import SECTIONS, card_html
from training.card.writing import SPACE
from training.finish import finish
from training.learning_curve import learning_curve
from training.measures.segments import fit_segmentation, past_of
from training.report import segment_report

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>{{ 7*7 }}'
CURVE = [
    {"depth": 3, "rounds": 50, "cost": 3600, "loss": 0.4102, "point": 0.0023, "low": -0.0011, "high": 0.0049},
    {"depth": 6, "rounds": 200, "cost": 460800, "loss": 0.4079, "point": 0.0, "low": 0.0, "high": 0.0},
]
LEAKS = {
    "ran": [{"kind": "future", "rows": 1234, "why_not": ""}, {"kind": "today", "rows": 0, "why_not": "no own code"}],
    "alarms": [{"kind": "future", "says": "the column x moved", "figure": 0.5, "limit": 0.0, "columns": ["x"]}],
}


@lru_cache(maxsize=4)
def trained(task: TaskName) -> Bundle:
    """A bundle with everything that a training can know."""
    trial, asked = made.won_by(task, "blend"), made.asked(task)
    table = past_of(asked.rows, made.features())
    told = fit_segmentation(table, asked.definition, made.question("churn")).assign(table)
    more = {
        "segments": segment_report(asked, trial.test, told), "learning": learning_curve(asked, trial.rung).to_json(),
        "leaks": LEAKS, "compared": {"reasons": ["log loss is lower on 2 of 3 windows"]},
    }  # fmt: skip
    bundle = finish(made.question(task), made.features(), made.known(), asked, trial, made.EVIDENCE, more)
    report = {**bundle.report, "backtest": _with_an_earlier_one(bundle.report["backtest"])}
    says = "trees: 50 of depth 3, loss 0.4102 (200 of depth 6 reach 0.4079), at 1% of what the largest costs"
    return replace(bundle, report={**report, "sizes": {"says": says, "curve": CURVE}})


def _with_an_earlier_one(backtest: dict[str, Any]) -> dict[str, Any]:
    """The back-test of a small shop has one window; this one has another before it, with figures of its own."""
    last = backtest["windows"][-1]
    moved = {
        name: {key: value + 0.05 for key, value in part.items()} if "point" in part else part
        for name, part in last.items() if isinstance(part, dict)
    }  # fmt: skip
    plainly = {name: value + 0.05 for name, value in last.items() if isinstance(value, float)}
    earlier = {**last, **moved, **plainly, "as_of": "2024-03-11T00:01:00.666011Z", "rows": 61}
    return {**backtest, "windows": [earlier, last]}


def seen(task: TaskName, language: Language = "en") -> Card:
    return Card(card_html(trained(task), f"winback-{task}", "7", language))


def with_report(task: TaskName, **changes: Any) -> Bundle:
    return replace(trained(task), report={**trained(task).report, **changes})


def ranged(part: dict[str, Any], places: int) -> str:
    return re.sub("-", "−", f"{part['point']:.{places}f} [{part['low']:.{places}f}, {part['high']:.{places}f}]")


def plain(value: float | None, places: int) -> str:
    return "–" if value is None else f"{value:.{places}f}".replace("-", "−")


# Seen to fail: the pooled figures written into every window's row; low and high swapped.
def test_every_window_and_all_together_stand_as_the_report_has_them() -> None:
    backtest, card = trained("churn").report["backtest"], seen("churn")
    rows = card.rows("backtest")
    for row, one in zip(rows, [*backtest["windows"], backtest["pooled"]], strict=True):
        assert row[1] == f"{one['rows']:,}"
        assert row[3:5] == [ranged(one["auc"], 3), ranged(one["log_loss"], 3)]
        assert row[5:8] == [plain(one["ece"], 3), plain(one["slope"], 2), plain(one["intercept"], 2)]
    assert [row[0] for row in rows[:-1]] == [moment(one["as_of"]) for one in backtest["windows"]]
    amounts = trained("ltv").report["backtest"]["windows"]
    for row, window in zip(seen("ltv").rows("backtest"), amounts, strict=False):
        assert row[3:6] == [ranged(window["normalized_gini"], 3), ranged(window["mae"], 2), ranged(window["bias"], 3)]


@pytest.mark.parametrize("task", ["churn", "ltv"])
def test_the_test_windows_metrics_are_the_reports(task: TaskName) -> None:
    metrics = trained(task).report["test"]["metrics"]
    shown = sorted(row[1:] for row in seen(task).rows("test"))
    assert shown == sorted(
        [plain(part.get(name), 4) if name in part else "" for name in ("point", "low", "high")]
        for part in metrics.values()
    )


# Seen to fail: came and promised swapped; the forecast without its error.
@pytest.mark.parametrize("task", ["churn", "ltv"])
def test_promised_and_realised_totals_and_todays_forecast(task: TaskName) -> None:
    level, card = trained(task).report["level"], seen(task)
    for row, one in zip(card.rows("level"), level["windows"], strict=True):
        assert [float(cell.replace(",", "")) for cell in row[1:3]] == pytest.approx(
            [one["promised"], one["came"]], abs=0.51
        )
        off = float(row[3].replace("−", "-"))
        assert off == pytest.approx((one["promised"] / one["came"] - 1) * 100, abs=0.051)
    assert f"{level['forecast']:,.0f}" in card.text["level"]
    told = with_report(task, level={**level, "error": 0.12})
    wide = Card(card_html(told, "m", "1", "en")).text["level"]
    for side in (0, -1, 1):
        assert f"{level['forecast'] * np.exp(side * 0.12):,.0f}" in wide


# Seen to fail: segments without figures left out of the table.
def test_segments_stand_with_their_figures_or_as_too_few() -> None:
    segments = trained("churn").report["segments"]
    rows = seen("churn").rows("segments")
    assert len(rows) == len(segments)
    assert {bool(one["figures"]) for one in segments} == {True, False}
    for row, one in zip(rows, segments, strict=True):
        assert row[1:3] == [f"{one['rows']:,}", f"{one['cases']:,}"]
        if one["figures"]:
            assert row[3:] == [ranged(one["figures"][name], 3) for name in ("auc", "log_loss", "calibration_gap")]
        else:
            assert row[3] == "too few"


def test_candidates_stand_with_their_losses_the_lowest_first() -> None:
    report, rows = trained("churn").report, seen("churn").rows("candidates")
    losses, measured = report["choice"]["losses"], report["test"]["candidates"]
    names = [row[0].split(":")[0] for row in rows]
    assert names == sorted(losses, key=lambda name: losses[name])
    for name, row in zip(names, rows, strict=True):
        expected = [plain(losses[name], 4), plain(measured[name]["loss"], 4), plain(measured[name]["auc"], 3)]
        assert row[1:] == [*expected, ranged(measured[name]["minus_winner"], 4)]
    by_window = seen("churn").tables["candidates"][1]
    assert by_window[0][1:] == list(report["choice"]["by_window"])
    for row in by_window[1:]:
        assert row[1:] == [plain(window[row[0]], 4) for window in report["choice"]["by_window"].values()]


# Seen to fail: effects in points for amounts too.
@pytest.mark.parametrize(("task", "scale"), [("churn", 100.0), ("ltv", 1.0)])
def test_drivers_by_segment_and_stability_stand_as_measured(task: TaskName, scale: float) -> None:
    report, card = trained(task).report, seen(task)
    told = sorted(report["drivers"], key=lambda name: (-report["drivers"][name], name))
    for row, one in zip(card.rows("drivers"), report["drivers_by_segment"], strict=True):
        assert row[1] == f"{one['rows']:,}"
        sizes = [one["drivers"][name] * scale for name in told]
        assert [float(cell.replace(",", "")) for cell in row[2:]] == pytest.approx(sizes, abs=0.51 if scale == 1 else 0.051)
    steady, rows = report["stability"], card.rows("stability")
    shares = [steady[name] for name in ("top_agrees", "two_of_three_agree")]
    said = [f">99{SPACE}%" if 0.995 <= share < 1 else f"{share * 100:.0f}{SPACE}%" for share in shares]
    assert [row[1] for row in rows[:2]] == said
    assert [row[1] for row in rows[2:4]] == [plain(steady["rank_correlation"][name], 2) for name in ("mean", "lowest_tenth")]
    assert f"For {said[0]} of the customers both name" in card.text["stability"]


def test_curves_stand_as_measured_and_the_size_in_use_is_marked() -> None:
    report, card = trained("churn").report, seen("churn")
    assert [row[2] for row in card.rows("sizes")] == [f"{one['loss']:.4f}" for one in CURVE]
    assert [row[1] for row in card.rows("sizes")] == [f"1{SPACE}%", f"100{SPACE}%"]
    used = [marks for section, css, marks in card.marks if section == "sizes" and css == "dots used"]
    assert [path.count("M") for path in used] == [1]
    points = [*report["learning"]["by_customers"], *report["learning"]["by_cutoffs"]]
    rows = card.rows("learning") + card.rows("learning", 1)
    for row, one in zip(rows, points, strict=True):
        assert row == [f"{one['customers']:,}", str(one["cutoffs"]), f"{one['rows']:,}", ranged(one["loss"], 4)]


SOURCES = {
    "time": ("windows",), "test": ("test",), "backtest": ("backtest",), "level": ("level",), "sizes": ("sizes",),
    "segments": ("segments",), "learning": ("learning",), "drivers": ("drivers_by_segment",), "width": ("uncertainty",),
    "swarm": ("beeswarm",), "stability": ("stability",), "leaks": ("leaks",), "candidates": ("test", "choice"),
}  # fmt: skip


def numbers(found: Any) -> Iterator[float]:
    """Every number of a report, however deep."""
    if isinstance(found, dict):
        for part in found.values():
            yield from numbers(part)
    elif isinstance(found, (list, tuple)):
        for part in found:
            yield from numbers(part)
    elif isinstance(found, (int, float)) and not isinstance(found, bool):
        yield float(found)


# Seen to fail: 0.001 added to every calibration error; effects of segments in thousandths.
def test_no_figure_of_any_table_is_from_elsewhere() -> None:
    report, card = trained("churn").report, seen("churn")
    for section, tables in card.tables.items():
        told = [report[key] for key in SOURCES[section]]
        known = {f"{value * scale:.{places}f}" for value in numbers(told) for scale in (1, 100) for places in range(5)}
        for table in tables:
            shares = [n for n, head in enumerate(table[0]) if head in ("Off by, %", "Cost, of the largest")]
            for row in table[1:]:
                for column, cell in enumerate(row[1:], 1):
                    for said in re.findall(r"[−\d.,]*\d", cell) if column not in shares else ():
                        assert said.strip(",").replace(",", "").replace("−", "-") in known, (section, row)


def test_amount_intervals_are_those_that_customers_get() -> None:
    bundle = trained("ltv")
    assert bundle.interval is not None
    low, high = bundle.interval.around(np.array(bundle.interval.at), 0.9)
    for row, one, other in zip(seen("ltv").rows("width"), low, high, strict=True):
        said = [float(part.replace(",", "")) for part in row[2].split(" to ")]
        assert said == pytest.approx([one, other], abs=0.51)


# Seen to fail: an alarm's sentence left out; a detector that could not look counted as one that found nothing.
def test_leak_alarms_are_said_and_what_was_not_looked_for() -> None:
    card = seen("churn")
    assert "1 detector ran" in card.text["leaks"]
    assert "1 alarm" in card.text["leaks"]
    assert "the column x moved" in card.text["leaks"]
    assert "Not looked for: today, no own code" in card.text["leaks"]
    assert card.rows("leaks") == [["future", "1,234"]]
    quiet = with_report("churn", leaks={"ran": LEAKS["ran"], "alarms": []})
    assert "found nothing" in Card(card_html(quiet, "m", "1", "en")).text["leaks"]


SECTION_OF = {
    "windows": "time", "backtest": "backtest", "level": "level", "expected": "expected", "sizes": "sizes",
    "segments": "segments", "learning": "learning", "drivers": "drivers", "beeswarm": "swarm", "uncertainty": "width",
    "dependence": "dependence", "stability": "stability", "leaks": "leaks", "compared": "compared",
}  # fmt: skip


# Seen to fail: report["backtest"] taken for granted in the roles of the timeline.
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_report_does_not_hold_is_left_out(language: Language) -> None:
    whole = set(seen("churn", language).text)
    assert set(SECTION_OF.values()) | {"what", "test", "candidates", "not"} <= whole
    for key in trained("churn").report:
        less = {name: part for name, part in trained("churn").report.items() if name != key}
        found = set(Card(card_html(replace(trained("churn"), report=less), "m", "1", language)).text)
        if key in SECTION_OF:
            assert whole - found == {SECTION_OF[key]}, key
    bare = set(Card(card_html(replace(trained("churn"), report={}), "m", "1", language)).text)
    assert bare - {""} == {"what", "test", "not"}


# Seen to fail: autoescape off; a label of a picture taken as mark-up.
@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_names_are_text_and_nothing_else(language: Language) -> None:
    swarm = json.loads(json.dumps(trained("churn").report["beeswarm"]))
    swarm["inputs"][0]["name"] = swarm["inputs"][0]["concept"] = HOSTILE
    segments = [{"by": HOSTILE, "name": HOSTILE, "rows": 1, "cases": 1, "reason": HOSTILE, "figures": None}]
    leaks = {"ran": [{"kind": HOSTILE, "rows": 1, "why_not": HOSTILE}], "alarms": [{"says": HOSTILE}]}
    bundle = with_report(
        "churn", beeswarm=swarm, dependence={"rows": 1, "inputs": [swarm["inputs"][0] | {"values": [1.0] * 200}]},
        segments=segments, leaks=leaks, compared=[HOSTILE], calibration=HOSTILE, drivers={HOSTILE: 0.1},
        choice={**trained("churn").report["choice"], "reason": HOSTILE, "left_out": HOSTILE,
                "by_window": {HOSTILE: {HOSTILE: 0.1}}},
    )  # fmt: skip
    hurt = replace(bundle, rung=HOSTILE, grade_reasons=(HOSTILE,), definition=replace(bundle.definition, kinds=(HOSTILE,)))
    html = card_html(hurt, HOSTILE, HOSTILE, language)
    assert not {"script", "img", "iframe", "object", "link"} & set(Card(html).tags)
    assert "{{ 7*7 }}" in html
    assert html.count("&lt;script&gt;") > 10
    assert "&amp;lt;" not in html


# Seen to fail: candidates in the order of the report's own keys, which a saved bundle sorts.
@pytest.mark.parametrize("task", ["churn", "ltv"])
def test_the_same_model_gives_the_same_page_saved_or_not(task: TaskName, tmp_path: Path) -> None:
    trained(task).save(tmp_path)
    for language in LANGUAGES:
        page = card_html(trained(task), "m", "1", language)
        assert page == card_html(trained(task), "m", "1", language)
        assert page == card_html(load_bundle(tmp_path), "m", "1", language)
        assert not re.search(r"https?:|//\w+\.|@import|url\(|src=|<script", page)
        assert not re.search(r"\bnan\b|\bNone\b|\binf\b", page)


def test_the_chinese_card_is_chinese() -> None:
    choice = {**trained("churn").report["choice"], "reason": "", "left_out": ""}
    sizes = {"says": "", "curve": CURVE}
    bundle = with_report("churn", choice=choice, sizes=sizes, leaks={}, compared=[], calibration="–")
    text = Card(card_html(replace(bundle, grade_reasons=()), "m", "1", "zh")).text
    for section, said in text.items():
        assert not re.findall(r"\b(?:the|of|customers?|in|and|is|was|value)\b", said), section


# Seen to fail: dots of unknown effect drawn at 0.
def test_a_swarm_draws_every_known_dot_once_in_the_shade_of_its_rank() -> None:
    one = {"name": "x", "effects": [0.1, -0.2, None, 0.1], "ranks": [0.05, 0.99, 0.5, None]}
    drawn = Card(f'<div class="block" id="a-b">{figures.swarm("t", [one], "x", str)}</div>').marks
    dots = {css.split()[-1]: marks for _, css, marks in drawn if css.startswith("swarm")}
    assert {shade: marks.count("M") for shade, marks in dots.items()} == {"s-0": 1, "s-8": 1, "s-none": 1}
    place = {shade: float(marks[1:].split()[0]) for shade, marks in dots.items()}
    assert place["s-8"] < place["s-0"] == place["s-none"]


def test_places_and_ticks_by_hand() -> None:
    frame = svg.Frame(10, 20, 100, 50, (0, 4), (-1, 1))
    assert frame.at(1, 1) == (35, 20)
    assert frame.at(4, -1) == (110, 70)
    by_factors = svg.Frame(0, 0, 100, 1, (1, 10_000), (0, 1), log=True)
    assert by_factors.at(100, 0) == pytest.approx((50, 1))
    assert svg.ticks(0.13, 0.58) == pytest.approx([0.2, 0.3, 0.4, 0.5])
    assert len(svg.ticks(-7, 21)) <= 5
    assert svg.ticks(3.0, 3.0) == [3.0]


def test_before_it_is_registered_a_model_has_a_name_alone() -> None:
    told = {version: card_html(trained("churn"), "winback-churn", version, "en") for version in ("", "7")}
    assert "version" not in Card(told[""]).text["what"]
    assert "winback-churn, version 7" in Card(told["7"]).text["what"]


def test_sections_have_names_of_their_own() -> None:
    card = seen("churn")
    assert len(card.text) == len(SECTIONS) + 2  # what stands before the first one, and what it is not for
