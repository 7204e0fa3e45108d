"""Score every user at one moment into a Parquet file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.build import FeatureTable, build
from features.business import Business
from features.catalog import Catalog
from features.clock import format_instant
from features.definitions import TaskName
from features.export import refuse_before_everybody
from features.histories import Histories
from features.past import Past, open_past
from features.problems import InputProblem
from features.progress import Progress
from features.whole_file import whole_file
from serving.parts import Parts
from serving.phrases import Language
from serving.scores import F64, Scores, bands, score_table
from serving.tally import Tally
from training.keeping.registry import Champion, champions

REASONS = 3
MOST_USERS = 50_000  # scored at once, which bounds the memory where a bucket is large
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

    def crowds(self) -> Iterator[Crowd]:
        """Everybody who had an event by as_of, at most MOST_USERS of one bucket at a time; at least one crowd."""
        for histories in self.past.buckets():
            users = histories.seen(self.as_of)
            for start in range(0, max(len(users), 1), MOST_USERS):
                yield Crowd(histories, users[start : start + MOST_USERS])

    def table(self, crowd: Crowd) -> FeatureTable:
        """Their features."""
        moments = np.full(len(crowd.users), self.as_of, dtype=np.int64)
        return build(crowd.histories, self.catalog, crowd.users, moments)

    def tables(self) -> Iterator[tuple[FeatureTable, NDArray[np.object_]]]:
        """Everybody's features with their ids, crowd by crowd."""
        for crowd in self.crowds():
            yield self.table(crowd), crowd.people

    def tally(self, scores: pa.Table | None = None) -> Tally:
        """How many of a table of `score_columns` are in which stage and band; of nobody without one."""
        churn = self.champions.get("churn")
        days = churn.bundle.definition.horizon_days if churn else 0
        if scores is None:
            return Tally(self.as_of, horizon_days=days)
        stages, risk = (Counter(scores[name].drop_null().to_pylist()) for name in ("lifecycle", "churn_band"))
        return Tally(self.as_of, len(scores), stages, risk, days)

    def follows_from(self) -> dict[str, Any]:
        """What the scores follow from; where any of it differs, so may they."""
        return {
            "winback": version("winback"), "as_of": self.as_of, "language": self.language, "reasons": REASONS,
            "log": self.past.fingerprint(), "arrivals": self.past.arrivals,
            "models": {
                task: [one.name, one.version, one.bundle.fingerprint()] for task, one in self.champions.items()
            },
        }  # fmt: skip


@dataclass(frozen=True)
class Crowd:
    """Some users of one bucket.  users: (n,) indices into the histories."""

    histories: Histories
    users: NDArray[np.int64]

    @property
    def people(self) -> NDArray[np.object_]:
        """(n,) their ids."""
        return self.histories.users[self.users]


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

    No more than one bucket of users is in memory.  What is finished is kept in `<out>.parts` until the file is whole;
    after a kill the same command goes on from there, and anything that would score otherwise starts anew.
    """
    asked = ask(business, as_of, now, lang, progress)
    if out.is_dir():
        raise InputProblem(f"{out} is a folder. Name a file, such as {out / 'scores.parquet'}.", "unwritable_file")
    parts = Parts.beside(out, asked.follows_from())
    tally, count = _in_parts(asked, parts, progress)
    with progress.step(f"writing {out}"):
        write_scores(parts.tables(count), origin_of(asked), out)
    parts.forget()
    return tally


def _in_parts(asked: Asked, parts: Parts, progress: Progress) -> tuple[Tally, int]:
    """Score every crowd that is not finished yet; returns how everybody stands, and the number of crowds."""
    tally, count = asked.tally(), 0
    for crowd in asked.crowds():
        scores = parts.finished(count, crowd.people)
        if scores is None:
            first = tally.users + 1
            with progress.step(f"scoring users {first:,} to {tally.users + len(crowd.users):,}"):
                scores = pa.table(score_columns(asked.scored(asked.table(crowd), crowd.people)))
                parts.keep(count, crowd.people, scores)
        tally, count = tally + asked.tally(scores), count + 1
    return tally, count


def write_scores(tables: Iterable[pa.Table], origin: Mapping[str, object], out: Path) -> None:
    """Write tables of `score_columns`, at least one, one after the other as Parquet; origin: its metadata."""
    with whole_file(out) as path, ExitStack() as opened:
        writer: pq.ParquetWriter | None = None
        for table in tables:
            if writer is None:
                schema = table.schema.with_metadata({"winback": json.dumps(origin)})
                writer = opened.enter_context(pq.ParquetWriter(path, schema))
            writer.write_table(table)


def origin_of(scored: Scored | Asked) -> dict[str, object]:
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
