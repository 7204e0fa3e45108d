"""A page is whole when something is missing: values, questions, figures, customers; and says what is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.clock import DAY
from features.definitions import TaskName
from serving.phrases import LANGUAGES, Language
from serving.report import page
from serving.report.findings import find
from tests.serving.report_world import NOW, Cells, World, a_log, a_report, a_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return a_world(tmp_path_factory.mktemp("world"))


# Seen to fail: the missing values summed to a worth of 0.
def test_without_values_it_counts_people_and_says_so(tmp_path: Path) -> None:
    world = a_world(tmp_path, tasks=("churn",), value=False)
    text = Cells(world.render()).text
    assert "There is no value column" in text
    assert "spent" not in text
    assert "There is no trained model for value" in text
    found = find(world.business, world.scored)
    orders = world.log[world.log["at"] > world.scored.as_of - 365 * DAY].groupby("user").size()
    users = world.scored.users()
    assert [found.worth.amount[row] for row in found.first] == [orders[users[row]] for row in found.first]


@pytest.mark.parametrize("task", ["conversion", "ltv"])
def test_one_question_alone_makes_a_whole_page(tmp_path: Path, task: TaskName) -> None:
    world = a_world(tmp_path, tasks=(task,))
    found = find(world.business, world.scored)
    assert found.focus == task
    stakes = [found.at_stake[row] for row in found.first]
    assert stakes == sorted(stakes, reverse=True)
    for language in LANGUAGES:
        seen = Cells(world.render(language))
        assert seen.tags["li"] > len(found.first) > 0
        assert seen.rows["all"][1] == f"{len(world.scored.table):,}"
        assert page.render_card(world.business, world.scored, language, NOW)


def undefined_report() -> dict[str, Any]:
    """Everything NaN or null, as when all customers of the test did the same; as a saved bundle has it."""
    report = a_report("churn")
    nothing = {"point": None, "low": None, "high": None}
    report["test"]["metrics"] = dict.fromkeys(report["test"]["metrics"], nothing)
    report["test"] |= {"rate": 0.0, "positives": 0}
    report["test"]["candidates"]["recency"] |= {"auc": float("nan"), "loss": float("nan"), "minus_winner": nothing}
    report["test"]["reliability"] = {name: [float("nan")] for name in ("predicted", "observed", "count", "low", "high")}
    report["drivers"] = {"recency": float("nan"), "spend": None}
    return dict(json.loads(json.dumps(report)))


# Seen to fail: an undefined AUC said as "– times in 100"; report["test"] taken for granted.
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("report", [{}, undefined_report()])
def test_a_model_without_figures_is_said_to_have_none(world: World, report: dict[str, Any], language: Language) -> None:
    without = world.carrying(report)
    text = Cells(without.render(language) + page.render_card(without.business, without.scored, language, NOW)).text
    assert ("Cannot be measured" in text or "no test results" in text) == (language == "en")
    assert "nan" not in text
    assert "– times" not in text
    assert "None" not in text


# Seen to fail: reasons asked for an empty list, whose others have no mean; the lapsed counted as asked.
@pytest.mark.filterwarnings("error")
def test_nobody_left_or_one_alone(tmp_path: Path) -> None:
    log = a_log(silence=100)
    world = a_world(tmp_path, log=log)
    assert [world.scored.users()[row] for row in find(world.business, world.scored).first] == ["lone"]
    lapsed = np.full(len(world.scored.table), "lapsed", dtype=object)
    gone = replace(world, scored=replace(world.scored, scores=replace(world.scored.scores, stage=lapsed)))
    said = {"en": ("Nobody qualifies", "already lapsed or left"), "zh": ("没有符合条件的客户", "都已流失或取消")}
    for language in LANGUAGES:
        text = Cells(gone.render(language)).text
        assert all(sentence in text for sentence in said[language])
    assert "1 customer" in Cells(a_world(tmp_path, log=log.tail(1)).render()).text


# Seen to fail: without the comparison of as_of with the data's end, and with the models' last data.
def test_a_day_after_the_data_or_before_the_training_is_said(world: World) -> None:
    late = World(world.business, replace(world.scored, as_of=world.scored.as_of + 30 * DAY), world.log)
    early = World(world.business, replace(world.scored, as_of=world.scored.as_of - 30 * DAY), world.log)
    assert "may only be missing data" in late.render()
    assert "flatters scores of a past day" in early.render()
    assert "flatters scores" not in world.render()


# Seen to fail: lines of the file counted and not rows, of which one has a line break.
def test_rejected_rows_are_counted_by_reason(world: World) -> None:
    assert "No file of rejected rows" in world.render()
    world.business.state.mkdir()
    rows = 'file,line,reason,text\na,1,no time,"x\ny"\na,4,no time,z\na,9,no user id,\n'
    (world.business.state / "rejected.csv").write_text(rows, "utf-8")
    assert "3 rows rejected" in world.render()
    assert "缺少时间 2、缺少用户 ID 1" in world.render("zh")
