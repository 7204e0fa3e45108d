"""Score every user at one moment into a Parquet file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.build import FeatureTable, build_at
from features.business import Business
from features.clock import format_instant
from features.definitions import TaskName
from features.events import read_events
from features.export import write_parquet
from features.histories import Histories, histories
from features.problems import InputProblem
from features.progress import Progress
from serving.phrases import Language
from serving.scores import F64, Scores, bands, score_table
from training.registry import Champion, champions

REASONS = 3
REASON = pa.struct({"task": pa.string(), "concept": pa.string(), "effect": pa.float64(), "text": pa.string()})


@dataclass(frozen=True)
class Scored:
    """Everybody's scores at one moment, and the histories and models that they came from."""

    scores: Scores
    past: Histories
    champions: Mapping[TaskName, Champion]
    as_of: int

    @property
    def table(self) -> FeatureTable:
        return self.scores.table

    def users(self) -> list[str]:
        """The user ids of the rows."""
        return [str(user) for user in self.past.users[self.table.user]]

    def lines(self) -> list[str]:
        """How many are in which stage and band, for a person to read."""
        stages = Counter(str(stage) for stage in self.scores.stage)
        said = [f"{len(self.table):,} users as of {format_instant(self.as_of)}: {_counts(stages)}"]
        if "churn" in self.scores.tasks:
            churn = self.scores.tasks["churn"]
            risk = Counter(str(band) for band in bands(churn.predicted) if band)
            said.append(f"risk of leaving within {churn.bundle.definition.horizon_days} days: {_counts(risk)}")
        return said


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counted.most_common())


def score_everybody(business: Business, as_of: int | None, now: int, language: Language, progress: Progress) -> Scored:
    """Read the events, build everybody's features and score them with the champions.

    as_of: microseconds UTC; None is the newest event.  Events after as_of are not seen.
    Raises InputProblem without a champion, and when nobody had an event by as_of.
    """
    with progress.step("loading the champions"):
        held = champions(business)
    with progress.step("reading events"):
        past = histories(read_events(business, now), business.events.time_zone)
    if as_of is None:
        past = past.as_known_today()
    moment = past.last if as_of is None else as_of
    if moment < past.first:
        raise InputProblem(
            f"Nobody is known at {format_instant(moment)}: the first event is of {format_instant(past.first)}. "
            "Use a later --as-of.",
            "as_of_too_early",
        )
    bundles = {task: champion.bundle for task, champion in held.items()}
    with progress.step("scoring"):
        table = build_at(past, next(iter(bundles.values())).catalog, moment)
        return Scored(score_table(bundles, table, REASONS, language), past, held, moment)


def score(business: Business, as_of: int | None, out: Path, now: int, lang: Language, progress: Progress) -> Scored:
    """Write one row a user: scores, bands, stage and reasons; the file appears whole or not at all."""
    scored = score_everybody(business, as_of, now, lang, progress)
    with progress.step(f"writing {out}"):
        write_scores(scored, out)
    return scored


def write_scores(scored: Scored, out: Path) -> None:
    """Write the score table as Parquet, the model versions in its metadata."""
    table = pa.table(_columns(scored))
    versions = {task: f"{champion.name}/{champion.version}" for task, champion in scored.champions.items()}
    table = table.replace_schema_metadata(
        {"winback": json.dumps({"models": versions, "as_of": format_instant(scored.as_of)})}
    )
    write_parquet(table, out)


def _columns(scored: Scored) -> dict[str, pa.Array]:
    scores, rows = scored.scores, len(scored.table)
    churn, conversion, ltv = _numbers(scores, "churn"), _numbers(scores, "conversion"), _numbers(scores, "ltv")
    nothing = np.full(rows, np.nan)
    low, high = scores.tasks["ltv"].interval() if "ltv" in scores.tasks else (nothing, nothing)
    grade = scores.tasks["churn"].bundle.grade if "churn" in scores.tasks else None
    return {
        "user_id": pa.array(scored.users(), pa.string()),
        "as_of": pa.array(np.full(rows, scored.as_of), pa.timestamp("us", tz="UTC")),
        "lifecycle": pa.array(scores.stage.tolist(), pa.string()),
        "churn_probability": _optional(churn), "churn_band": pa.array(bands(churn).tolist(), pa.string()),
        "churn_grade": pa.array([None if np.isnan(p) else grade for p in churn], pa.string()),
        "conversion_probability": _optional(conversion),
        "ltv_expected": _optional(ltv), "ltv_low": _optional(low), "ltv_high": _optional(high),
        "reasons": pa.array([_reasons(scores, i) for i in range(rows)], pa.list_(REASON)),
    }  # fmt: skip


def _numbers(scores: Scores, task: TaskName) -> F64:
    return scores.tasks[task].predicted if task in scores.tasks else np.full(len(scores.table), np.nan)


def _optional(numbers: F64) -> pa.Array:
    return pa.array(numbers, pa.float64(), from_pandas=True)


def _reasons(scores: Scores, i: int) -> list[dict[str, object]]:
    said = []
    for task, own in scores.tasks.items():
        explanation = own.explanation(i, scores.reasons, scores.language)
        for reason in explanation.reasons if explanation else ():
            said.append({"task": task, "concept": reason.concept, "effect": reason.effect, "text": reason.text})
    return said
