"""Scores of many users at one moment: probabilities, amounts, bands, stages and reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from features.build import FeatureTable
from features.definitions import Definition, TaskName, eligible
from features.lifecycle import lifecycle
from serving.explanations import Explained, Explanation, explain
from serving.phrases import Language
from training.bundle import Bundle

F64 = NDArray[np.float64]
Band = Literal["low", "medium", "high"]
BANDS: tuple[Band, ...] = ("low", "medium", "high")
BAND_EDGES = (1 / 3, 2 / 3)


@dataclass(frozen=True)
class TaskScores:
    """One question's scores.  place: (n,) the row within `explained`, or -1 where the question is not asked."""

    bundle: Bundle
    explained: Explained
    place: NDArray[np.int64]

    @property
    def predicted(self) -> F64:
        """(n,) probabilities or expected amounts, NaN where the question is not asked."""
        return np.where(self.place >= 0, np.r_[self.explained.predicted, np.nan][self.place], np.nan)

    def explanation(self, i: int, most: int, language: Language) -> Explanation | None:
        """Row i's reasons, or None where the question is not asked."""
        place = int(self.place[i])
        return self.explained.row(place, most, language) if place >= 0 else None

    def interval(self) -> tuple[F64, F64]:
        """(n,) lower and (n,) upper amounts; NaN for questions without an interval."""
        expected = self.predicted
        if self.bundle.interval is None:
            nothing = np.full(len(expected), np.nan)
            return nothing, nothing
        return self.bundle.interval.around(expected)


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
        predicted = scores.explained.predicted[row : row + 1]
        said: dict[str, Any] = {"percentile": float(bundle.percentile(predicted)[0]), "grade": bundle.grade}
        if bundle.interval is not None:
            low, high = bundle.interval.around(predicted)
            said |= {
                "expected": float(predicted[0]),
                "low": float(low[0]),
                "high": float(high[0]),
                "interval": bundle.interval.share,
            }
        else:
            said |= {"probability": float(predicted[0]), "band": str(bands(predicted)[0])}
        return said | {
            "horizon_days": bundle.definition.horizon_days,
            "base": explanation.base, "other_effect": explanation.other_effect,
            "reasons": [asdict(reason) for reason in explanation.reasons],
        }  # fmt: skip


def score_table(
    bundles: Mapping[TaskName, Bundle], table: FeatureTable, reasons: int = 3, language: Language = "en"
) -> Scores:
    """Score every row of a table for every question that has a bundle.

    Raises InputProblem when the table was built with another catalogue than a bundle's.
    """
    return Scores(
        table,
        stages(bundles, table),
        {task: _scored(bundle, table) for task, bundle in bundles.items()},
        reasons,
        language,
    )


def _scored(bundle: Bundle, table: FeatureTable) -> TaskScores:
    asked = eligible(bundle.definition, table)
    place = np.where(asked, np.cumsum(asked) - 1, -1)
    return TaskScores(bundle, explain(bundle, bundle.matrix(table)[asked]), place)


def stages(bundles: Mapping[TaskName, Bundle], table: FeatureTable) -> NDArray[np.object_]:
    """(n,) lifecycle stages by the churn question, or by the first question that there is."""
    question: Definition = (bundles.get("churn") or next(iter(bundles.values()))).definition
    return lifecycle(question, table)


def bands(probability: F64) -> NDArray[np.object_]:
    """(n,) low below one in three, high from two in three, None where there is no probability."""
    edges = np.searchsorted(BAND_EDGES, np.nan_to_num(probability), side="right")
    named: NDArray[np.object_] = np.asarray(BANDS, dtype=object)[edges]
    named[np.isnan(probability)] = None
    return named
