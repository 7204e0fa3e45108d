"""Scores of many users at one moment: probabilities, amounts, how sure they are, bands, stages and reasons."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from features.build import FeatureTable
from features.definitions import Definition, TaskName, eligible
from features.lifecycle import lifecycle
from serving.explanations import Explained, Explanation, explain
from serving.phrases import Language
from training.bundle import Bundle
from training.inputs import Inputs

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Band = Literal["low", "medium", "high"]
BANDS: tuple[Band, ...] = ("low", "medium", "high")
BAND_EDGES = (1 / 3, 2 / 3)
UNCERTAIN = 0.1  # a probability that could move by more than this is called uncertain
WIDER = 0.9  # amounts have a second interval, which holds this share of customers


@dataclass(frozen=True)
class TaskScores:
    """One question's scores.  place: (n,) the row within `explained`, or -1 where the question is not asked."""

    bundle: Bundle
    explained: Explained
    place: NDArray[np.int64]

    @property
    def predicted(self) -> F64:
        """(n,) probabilities or expected amounts, NaN where the question is not asked."""
        return self._spread(self.explained.predicted)

    @cached_property
    def figures(self) -> Mapping[str, F64]:
        """The answer's figures by their names, each (m,), a row for everybody who is asked.

        A probability has an uncertainty in [0, 1]: how far it could move for want of evidence, NaN where that is not
        known.  An amount has two intervals, the first of the share that the model names, the second of WIDER.
        """
        predicted, interval = self.explained.predicted, self.bundle.interval
        rank = {"percentile": self.bundle.percentile(predicted)}
        if interval is None:
            return rank | {"probability": predicted, "uncertainty": self.explained.uncertainty}
        (low, high), (lowest, highest) = interval.around(predicted), interval.around(predicted, WIDER)
        return rank | {"expected": predicted, "low": low, "high": high, "low_90": lowest, "high_90": highest}

    def figure(self, name: str) -> F64:
        """(n,) one of the answer's figures, NaN where the question is not asked; KeyError for another question's."""
        return self._spread(self.figures[name])

    def _spread(self, of_asked: F64) -> F64:
        spread: F64 = np.r_[of_asked, np.nan][self.place]
        return spread

    def explanation(self, i: int, most: int, language: Language) -> Explanation | None:
        """Row i's reasons, or None where the question is not asked."""
        place = int(self.place[i])
        return self.explained.row(place, most, language) if place >= 0 else None


@dataclass(frozen=True)
class Scores:
    """Scores of n rows of a feature table by task, with the lifecycle stage of each."""

    table: FeatureTable
    stage: NDArray[np.object_]
    tasks: Mapping[TaskName, TaskScores]
    reasons: int
    language: Language

    def answer(self, i: int) -> dict[str, Any]:
        """Row i as the HTTP interface shows it; a question that is not asked of this user is null."""
        return {"lifecycle": str(self.stage[i])} | {
            task: self._answer(scores, i) for task, scores in self.tasks.items()
        }

    def _answer(self, scores: TaskScores, i: int) -> dict[str, Any] | None:
        explanation = scores.explanation(i, self.reasons, self.language)
        if explanation is None:
            return None
        bundle, row = scores.bundle, int(scores.place[i])
        said: dict[str, Any] = {name: _known(column.item(row)) for name, column in scores.figures.items()}
        if bundle.interval is not None:
            said["interval"] = bundle.interval.share
        else:
            said["band"] = str(bands(scores.explained.predicted[row : row + 1])[0])
        return said | {
            "grade": bundle.grade,
            "horizon_days": bundle.definition.horizon_days,
            "base": explanation.base, "other_effect": explanation.other_effect,
            "reasons": [dict(vars(reason)) for reason in explanation.reasons],
        }  # fmt: skip


def score_table(
    bundles: Mapping[TaskName, Bundle], table: FeatureTable, reasons: int = 3, language: Language = "en"
) -> Scores:
    """Score every row of a table for every question that has a bundle.

    Raises InputProblem when the table was built with another catalogue than a bundle's.
    """
    tasks: dict[TaskName, TaskScores] = {}
    known: list[tuple[Inputs, F32]] = []  # questions of one horizon see the same
    for task, bundle in bundles.items():
        x = next((x for inputs, x in known if inputs == bundle.inputs), None)
        if x is None:
            x = bundle.matrix(table)
            known.append((bundle.inputs, x))
        tasks[task] = _scored(bundle, table, x)
    return Scores(table, stages(bundles, table), tasks, reasons, language)


def _scored(bundle: Bundle, table: FeatureTable, x: F32) -> TaskScores:
    asked = eligible(bundle.definition, table)
    if asked.all():
        return TaskScores(bundle, explain(bundle, x), np.arange(len(x)))
    return TaskScores(bundle, explain(bundle, x[asked]), np.where(asked, np.cumsum(asked) - 1, -1))


def stages(bundles: Mapping[TaskName, Bundle], table: FeatureTable) -> NDArray[np.object_]:
    """(n,) lifecycle stages by the churn question, or by the first question that there is."""
    question: Definition = (bundles.get("churn") or next(iter(bundles.values()))).definition
    return lifecycle(question, table)


def _known(figure: float) -> float | None:
    """JSON has no NaN: what is not known is null."""
    return None if math.isnan(figure) else figure


def bands(probability: F64) -> NDArray[np.object_]:
    """(n,) low below one in three, high from two in three, None where there is no probability."""
    edges = np.searchsorted(BAND_EDGES, np.nan_to_num(probability), side="right")
    named: NDArray[np.object_] = np.asarray(BANDS, dtype=object)[edges]
    named[np.isnan(probability)] = None
    return named
