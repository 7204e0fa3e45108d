"""Score every user at one moment with Spark: the champions go to the workers, the scores into a folder of Parquet."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from features.build import FeatureTable
from features.business import Business
from features.custom import CustomCode
from features.definitions import TaskName
from features.export import refuse_before_everybody
from features.histories import Histories
from features.progress import Progress
from features.spark.folder import write_folder
from features.spark.opening import spark_past
from features.spark.session import settings, spark_session
from serving.batch import Asked, Scored, origin_of, score_columns
from serving.phrases import Language
from serving.tally import Tally
from training.bundle import FILE, load_bundle
from training.keeping.registry import Champion, champions

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Shipped(NamedTuple):
    """A champion as text, of which nothing can be executed; custom: the business's own features, if it has some."""

    task: TaskName
    name: str
    version: str
    bundle: str
    custom: CustomCode | None


@dataclass(frozen=True)
class Scoring:
    """The scores of a bucket, on a worker: what `serving.batch` writes.  as_of: microseconds UTC."""

    shipped: tuple[Shipped, ...]
    as_of: int
    language: Language

    def __call__(self, histories: Histories) -> pa.Table:
        asked = Asked(histories, _revived(self.shipped), self.as_of, self.language)
        return pa.concat_tables(pa.table(score_columns(asked.scored(*part))) for part in asked.tables())


def score(
    business: Business, as_of: int | None, out: str, now: int, language: Language, master: str, progress: Progress
) -> Tally:
    """Write what `serving.batch.score` writes, as a folder of Parquet and in no order of rows.

    as_of: microseconds UTC; None is the newest event.  out: see `features.spark.folder`.  master: see
    `features.spark.session`.  Raises InputProblem without a champion, and when nobody had an event by as_of.
    """
    with progress.step("loading the champions"):
        held = champions(business)
    with progress.step("starting Spark"):
        spark = spark_session(master, business.state / "spark.log")
    with settings(spark), spark_past(spark, business, now, progress) as known:
        past = known.as_known_today() if as_of is None else known
        moment = past.span.last if as_of is None else as_of
        refuse_before_everybody(past, moment)
        asked = Asked(past, held, moment, language)
        schema = pa.table(score_columns(_nobody(asked))).schema
        with progress.step(f"scoring into {out} with Spark"):
            frame = past.mapped(Scoring(_shipped(list(held.values())), moment, language), schema)
            return _tally(write_folder(spark, frame, out, {"winback": origin_of(asked)}), asked.tally())


def _nobody(asked: Asked) -> Scored:
    """Scores of no user, which know what columns the scores of users have."""
    none = np.zeros(0, dtype=np.int64)
    features = np.zeros((0, len(asked.catalog.names)), dtype=np.float32)
    return asked.scored(FeatureTable(asked.catalog, none, none, features), np.zeros(0, dtype=object))


def _tally(scores: DataFrame, empty: Tally) -> Tally:
    """How many of the users written are in which stage and band."""
    stages: Counter[str] = Counter()
    risk: Counter[str] = Counter()
    for stage, band, users in scores.groupBy("lifecycle", "churn_band").count().collect():
        stages[stage] += users
        if band is not None:
            risk[band] += users
    return Tally(empty.as_of, sum(stages.values()), stages, risk, empty.horizon_days)


def _shipped(held: Sequence[Champion]) -> tuple[Shipped, ...]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        found = []
        for champion in held:
            champion.bundle.save(Path(folder))
            custom = champion.bundle.catalog.custom
            found.append(Shipped(champion.task, champion.name, champion.version, file.read_text("utf-8"), custom))
        return tuple(found)


@lru_cache(maxsize=2)
def _revived(shipped: tuple[Shipped, ...]) -> dict[TaskName, Champion]:
    """The champions again, once a worker process."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        held: dict[TaskName, Champion] = {}
        for one in shipped:
            (place / FILE).write_text(one.bundle, "utf-8")
            bundle = load_bundle(place)
            catalog = replace(bundle.catalog, custom=one.custom)
            bundle = replace(bundle, inputs=replace(bundle.inputs, catalog=catalog))
            held[one.task] = Champion(one.task, one.name, one.version, place, bundle)
        return held
