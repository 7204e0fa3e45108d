"""Does a set of models answer as it should? Asked before it meets a caller."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from features.build import FeatureTable, History, build_one
from features.clock import DAY, zone_table
from features.definitions import TaskName
from features.problems import InputProblem
from serving.scores import Scores, score_table
from training.keeping.registry import Champion

MOMENT = 20_000 * DAY  # any will do: a rehearsal knows no data
LENGTHS = (1, 2, 7, 40, 400)
CLOSE = 1e-9


def rehearse(champions: Mapping[TaskName, Champion], zone: str) -> None:
    """Score some made-up histories with every model, reasons included; it also compiles what is compiled once.

    Raises InputProblem (failed_rehearsal) when a score is no number, a probability is none, or the reasons do not add
    up to the score.
    """
    try:
        scores = score_table({task: one.bundle for task, one in champions.items()}, _made_up(champions, zone), 3)
        for row in range(len(LENGTHS)):
            _check(scores, row)
    except (ArithmeticError, ValueError, LookupError, TypeError) as error:
        names = ", ".join(f"{one.name}/{one.version}" for one in champions.values())
        raise InputProblem(
            f"{names} cannot score: {error}. Promote another version, or run `winback train`.", "failed_rehearsal"
        ) from error


def _check(scores: Scores, row: int) -> None:
    answer = scores.answer(row)
    for task in scores.tasks:
        said = answer[task]
        if said is None:
            continue
        score = said["expected"] if task == "ltv" else said["probability"]
        if not math.isfinite(score) or (task != "ltv" and not 0.0 <= score <= 1.0):
            raise ValueError(f"{task} gives {score}")
        told = said["base"] + sum(reason["effect"] for reason in said["reasons"]) + said["other_effect"]
        if not abs(told - score) <= CLOSE * max(1.0, abs(score)):
            raise ValueError(f"the reasons of {task} add up to {told}, not to {score}")


def _made_up(champions: Mapping[TaskName, Champion], zone: str) -> FeatureTable:
    """The features of a few histories of every kind that the models know, the same ones each time."""
    catalog = next(iter(champions.values())).bundle.catalog
    kinds = tuple(sorted({kind for selector in catalog.selectors for kind in selector.kinds})) or ("event",)
    plan, chance = catalog.plan(kinds), np.random.default_rng(0)
    rows = []
    for length in LENGTHS:
        time = np.sort(MOMENT - chance.integers(0, 900 * DAY, length))
        kind = chance.integers(0, len(kinds), length).astype(np.int16)
        value = np.where(chance.random(length) < 0.5, chance.gamma(2.0, 20.0, length), np.nan)
        hour = zone_table(zone).hour_of_week(time)
        history = History(time, kind, value, chance.integers(0, 9, length), hour, np.empty(0, np.int64))
        rows.append(build_one(history, plan, MOMENT))
    return FeatureTable(catalog, np.arange(len(rows)), np.full(len(rows), MOMENT), np.stack(rows))
