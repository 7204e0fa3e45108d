"""Scores: the answer adds up as it is shown, bands have exact edges, and who is not asked gets null."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from features.build import FeatureTable, build_at
from features.problems import InputProblem
from features.sources.amounts import LARGEST_VALUE
from serving.scores import Scores, bands, score_table
from tests import made
from tests.histories_made import Event, past


def scored(reasons: int = 3, rung: str = "blend", table: FeatureTable | None = None) -> Scores:
    return score_table({task: made.bundle(task, rung) for task in made.TASKS}, table or made.today(), reasons)


# Seen to fail when other_effect was 0.
@pytest.mark.parametrize("rung", ["rfm", "boosted", "blend"])
@pytest.mark.parametrize("reasons", [0, 1, 3, 50])
def test_base_reasons_and_the_rest_are_the_answers_number(rung: str, reasons: int) -> None:
    found = scored(reasons, rung)
    for row in range(0, len(made.today()), 7):
        answer = json.loads(json.dumps(found.answer(row), allow_nan=False))
        assert answer["lifecycle"] == found.stage[row]
        for task in made.TASKS:
            said = answer[task]
            if said is None:
                assert task != "ltv"
                continue
            total = said["base"] + sum(reason["effect"] for reason in said["reasons"]) + said["other_effect"]
            assert total == pytest.approx(said["expected" if task == "ltv" else "probability"], abs=1e-9)
            assert len(said["reasons"]) <= reasons
            assert 0 <= said["percentile"] <= 100
            if reasons == 50:
                assert said["other_effect"] == pytest.approx(0.0, abs=1e-9)


def test_the_answer_has_the_fields_of_the_interface() -> None:
    found = scored()
    row = next(r for r in range(len(made.today())) if all(found.answer(r)[task] for task in made.TASKS))
    answer = found.answer(row)
    shared = {"percentile", "grade", "horizon_days", "base", "other_effect", "reasons"}
    assert set(answer["churn"]) == set(answer["conversion"]) == shared | {"probability", "band", "uncertainty"}
    assert set(answer["ltv"]) == shared | {"expected", "low", "high", "interval", "low_90", "high_90"}
    assert set(answer["churn"]["reasons"][0]) == {"concept", "effect", "text", "actionable"}
    assert answer["ltv"]["low"] <= answer["ltv"]["expected"] <= answer["ltv"]["high"]
    assert answer["churn"]["grade"] == "C"


# Seen to fail with `place` left unshifted (row i answered with the score of row i + 1).
def test_who_is_not_asked_gets_null_and_everybody_else_their_own() -> None:
    found, table = scored(), made.today()
    orders = table.column("order_count_ever")
    for task, asked in (("churn", orders > 0), ("conversion", orders < 3), ("ltv", np.ones(len(table), dtype=bool))):
        assert asked.any()
        own = found.tasks[task]  # type: ignore[index]
        np.testing.assert_array_equal(~np.isnan(own.predicted), asked)
        bundle = made.bundle(task)  # type: ignore[arg-type]
        np.testing.assert_array_equal(own.predicted[asked], bundle.predict(bundle.matrix(table)[asked]))
        out = np.flatnonzero(~asked)
        assert all(own.explanation(int(row), 3, "en") is None for row in out)
        assert all(found.answer(int(row))[task] is None for row in out)
    ltv = found.tasks["ltv"]
    assert (ltv.figure("low") <= ltv.predicted).all()
    assert (ltv.predicted <= ltv.figure("high")).all()
    with pytest.raises(KeyError, match="low"):
        found.tasks["churn"].figure("low")


@pytest.mark.parametrize("rung", ["boosted", "blend", "rfm"])
def test_a_question_that_nobody_here_is_asked_is_no_problem(rung: str) -> None:
    # Failed before with trees: one customer with three orders took the whole answer down (ZeroDivisionError).
    table = made.today()
    loyal = np.flatnonzero(table.column("order_count_ever") >= 3)[:1]
    one = replace(table, user=table.user[loyal], as_of=table.as_of[loyal], values=table.values[loyal])
    answer = scored(rung=rung, table=one).answer(0)
    assert answer["conversion"] is None
    assert answer["churn"]["probability"] > 0


def test_one_alone_is_scored_as_among_all() -> None:
    table, everybody = made.today(), scored()
    for row in range(0, len(table), 17):
        one = replace(table, user=table.user[[row]], as_of=table.as_of[[row]], values=table.values[[row]])
        alone, among = scored(table=one).answer(0), everybody.answer(row)
        assert alone["lifecycle"] == among["lifecycle"]
        for task in made.TASKS:
            if among[task] is None:
                assert alone[task] is None
                continue
            number = "expected" if task == "ltv" else "probability"
            assert alone[task][number] == pytest.approx(among[task][number], abs=1e-12)
            assert [r["text"] for r in alone[task]["reasons"]] == [r["text"] for r in among[task]["reasons"]]


# Seen to fail with side="left", and with a NaN that became "low".
def test_bands_have_exact_edges() -> None:
    below, third, two = math.nextafter(1 / 3, 0), 1 / 3, 2 / 3
    asked = np.array([0.0, below, third, math.nextafter(two, 0), two, 1.0, np.nan])
    assert bands(asked).tolist() == ["low", "low", "medium", "medium", "high", "high", None]


def test_another_catalogue_does_not_score() -> None:
    table = made.today()
    fewer = replace(table.catalog, features=table.catalog.features[1:])
    with pytest.raises(InputProblem, match="missing order_count_7d"):
        scored(table=replace(table, catalog=fewer, values=table.values[:, 1:]))


def test_without_churn_the_stage_comes_from_another_question() -> None:
    found = score_table({"ltv": made.bundle("ltv", "rfm")}, made.today())
    assert set(found.stage) <= {"prospect", "new", "active", "returning", "slipping", "lapsed", "left"}
    assert set(found.answer(0)) == {"lifecycle", "ltv"}


def test_a_huge_amount_is_answered_with_numbers() -> None:
    log = past(
        [Event("u", made.START, "order", LARGEST_VALUE, "p"), Event("u", made.START + made.DAY, "visit", None, "p")]
    )
    table = build_at(log, made.features(), log.span.last)
    for rung in ("rfm", "boosted", "blend"):
        json.dumps(scored(20, rung, table).answer(0), allow_nan=False)
