"""Score every user at one moment into a Parquet file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.build import FeatureTable, build_at
from features.business import Business
from features.catalog import Catalog
from features.clock import format_instant
from features.definitions import TaskName
from features.export import refuse_before_everybody
from features.past import Past, open_past
from features.progress import Progress
from features.whole_file import whole_file
from serving.phrases import Language
from serving.scores import F64, Scores, bands, score_table
from training.keeping.registry import Champion, champions

REASONS = 3
REASON = pa.struct({"task": pa.string(), "concept": pa.string(), "effect": pa.float64(), "text": pa.string()})


@dataclass(frozen=True)
class Scored:
    """Scores of users at one moment, and the past and the models that they came from.  people: (n,) the rows' ids."""

    scores: Scores
    past: Past
    champions: Mapping[TaskName, Champion]
    as_of: int
    people: NDArray[np.object_]

    @property
    def table(self) -> FeatureTable:
        return self.scores.table

    def users(self) -> list[str]:
        """The user ids of the rows."""
        return [str(user) for user in self.people]

    def tally(self) -> Tally:
        """How many are in which stage and band."""
        stages = Counter(str(stage) for stage in self.scores.stage)
        if "churn" not in self.scores.tasks:
            return Tally(self.as_of, len(self.table), stages)
        churn = self.scores.tasks["churn"]
        risk = Counter(str(band) for band in bands(churn.predicted) if band)
        return Tally(self.as_of, len(self.table), stages, risk, churn.bundle.definition.horizon_days)


@dataclass(frozen=True)
class Tally:
    """How many users are in which stage and band of risk; risk is empty where nobody asked about churn."""

    as_of: int
    users: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    risk: Counter[str] = field(default_factory=Counter)
    horizon_days: int = 0

    def __add__(self, more: Tally) -> Tally:
        days = max(self.horizon_days, more.horizon_days)
        return Tally(self.as_of, self.users + more.users, self.stages + more.stages, self.risk + more.risk, days)

    def lines(self) -> list[str]:
        """For a person to read."""
        said = [f"{self.users:,} users as of {format_instant(self.as_of)}: {_counts(self.stages)}"]
        if self.horizon_days:
            said.append(f"risk of leaving within {self.horizon_days} days: {_counts(self.risk)}")
        return said


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counted.most_common())


@dataclass(frozen=True)
class Asked:
    """Whose scores are asked for, of which models, at which moment (microseconds UTC)."""

    past: Past
    champions: Mapping[TaskName, Champion]
    as_of: int
    language: Language

    @property
    def catalog(self) -> Catalog:
        return next(iter(self.champions.values())).bundle.catalog

    def scored(self, table: FeatureTable, people: NDArray[np.object_]) -> Scored:
        """These rows scored by the champions."""
        bundles = {task: champion.bundle for task, champion in self.champions.items()}
        scores = score_table(bundles, table, REASONS, self.language)
        return Scored(scores, self.past, self.champions, self.as_of, people)

    def tables(self) -> Iterator[tuple[FeatureTable, NDArray[np.object_]]]:
        """Everybody's features with their ids, bucket by bucket."""
        for histories in self.past.buckets():
            table = build_at(histories, self.catalog, self.as_of)
            yield table, histories.users[table.user]


def ask(business: Business, as_of: int | None, now: int, language: Language, progress: Progress) -> Asked:
    """Open the past and load the champions.

    as_of: microseconds UTC; None is the newest event.  Events after as_of are not seen.
    Raises InputProblem without a champion, and when nobody had an event by as_of.
    """
    with progress.step("loading the champions"):
        held = champions(business)
    past, _ = open_past(business, now, progress)
    if as_of is None:
        past = past.as_known_today()
    moment = past.span.last if as_of is None else as_of
    refuse_before_everybody(past, moment)
    return Asked(past, held, moment, language)


def score_everybody(business: Business, as_of: int | None, now: int, language: Language, progress: Progress) -> Scored:
    """All users' scores at once, for a report that compares them with one another; raises what `ask` raises."""
    asked = ask(business, as_of, now, language, progress)
    with progress.step("scoring"):
        tables, people = zip(*asked.tables(), strict=True)
        values = np.concatenate([table.values for table in tables])
        rows = np.arange(len(values), dtype=np.int64)
        table = FeatureTable(asked.catalog, rows, np.full(len(values), asked.as_of, dtype=np.int64), values)
        return asked.scored(table, np.concatenate(people))


def score(business: Business, as_of: int | None, out: Path, now: int, lang: Language, progress: Progress) -> Tally:
    """Write one row a user: scores, bands, stage and reasons; the file appears whole or not at all.

    No more than one bucket of users is in memory.
    """
    asked = ask(business, as_of, now, lang, progress)
    with progress.step(f"scoring into {out}"):
        return write_scores((asked.scored(table, people) for table, people in asked.tables()), out)


def write_scores(parts: Iterable[Scored], out: Path) -> Tally:
    """Write the scores of one bucket after the other as Parquet, the model versions in its metadata."""
    tally: Tally | None = None
    with whole_file(out) as path, ExitStack() as opened:
        for scored in parts:
            table = pa.table(score_columns(scored))
            if tally is None:
                schema = table.schema.with_metadata({"winback": json.dumps(origin_of(scored))})
                writer = opened.enter_context(pq.ParquetWriter(path, schema))
            writer.write_table(table)
            tally = scored.tally() if tally is None else tally + scored.tally()
    assert tally is not None, "a past has at least one bucket"
    return tally


def origin_of(scored: Scored) -> dict[str, object]:
    versions = {task: f"{champion.name}/{champion.version}" for task, champion in scored.champions.items()}
    return {"models": versions, "as_of": format_instant(scored.as_of)}


def score_columns(scored: Scored) -> dict[str, pa.Array]:
    """The columns of the score file; what is not asked or not known is null."""
    scores, rows = scored.scores, len(scored.table)
    return {
        "user_id": pa.array(scored.people, pa.string()),
        "as_of": pa.array(np.full(rows, scored.as_of), pa.timestamp("us", tz="UTC")),
        "lifecycle": pa.array(scores.stage.tolist(), pa.string()),
        "churn_probability": _figure(scores, "churn", "probability"),
        "churn_band": pa.array(bands(_predicted(scores, "churn")).tolist(), pa.string()),
        "churn_grade": _grade(scores, "churn"), "churn_uncertainty": _figure(scores, "churn", "uncertainty"),
        "conversion_probability": _figure(scores, "conversion", "probability"),
        "conversion_grade": _grade(scores, "conversion"),
        "conversion_uncertainty": _figure(scores, "conversion", "uncertainty"),
        "ltv_expected": _figure(scores, "ltv", "expected"),
        "ltv_low": _figure(scores, "ltv", "low"), "ltv_high": _figure(scores, "ltv", "high"),
        "ltv_low_90": _figure(scores, "ltv", "low_90"), "ltv_high_90": _figure(scores, "ltv", "high_90"),
        "ltv_grade": _grade(scores, "ltv"),
        "reasons": pa.array([_reasons(scores, i) for i in range(rows)], pa.list_(REASON)),
    }  # fmt: skip


def _predicted(scores: Scores, task: TaskName) -> F64:
    return scores.tasks[task].predicted if task in scores.tasks else np.full(len(scores.table), np.nan)


def _figure(scores: Scores, task: TaskName, name: str) -> pa.Array:
    numbers = scores.tasks[task].figure(name) if task in scores.tasks else _predicted(scores, task)
    return pa.array(numbers, pa.float64(), from_pandas=True)


def _grade(scores: Scores, task: TaskName) -> pa.Array:
    """How much evidence stands behind each score of a question."""
    grade = scores.tasks[task].bundle.grade if task in scores.tasks else None
    return pa.array([None if np.isnan(score) else grade for score in _predicted(scores, task)], pa.string())


def _reasons(scores: Scores, i: int) -> list[dict[str, object]]:
    said = []
    for task, own in scores.tasks.items():
        explanation = own.explanation(i, scores.reasons, scores.language)
        for reason in explanation.reasons if explanation else ():
            said.append({"task": task, "concept": reason.concept, "effect": reason.effect, "text": reason.text})
    return said
