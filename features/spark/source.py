"""The Parquet that winback.toml names as a past: read once, each event id kept once, its kinds counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from features.business import Business
from features.catalog import KindUse
from features.events import refuse_many_kinds
from features.histories import Span
from features.progress import Progress
from features.spark.agreement import agreed
from features.spark.past import COLUMNS, SparkPast, buckets_for
from features.spark.schema import SourceFrame, source_frame
from features.spark.understanding import COLUMNS as UNDERSTOOD
from features.spark.understanding import Account, Understanding

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@contextmanager
def past_of_source(spark: SparkSession, business: Business, now: int, progress: Progress) -> Iterator[SparkPast]:
    """The past that the source holds, kept on the workers' disks until the block ends.

    Raises what `source_frame` and `agreed` raise, and InputProblem: too_many_kinds.
    """
    with ExitStack() as keeping:
        with progress.step(f"reading {business.events.source} with Spark"):
            understood = keeping.enter_context(_kept(_understood(source_frame(spark, business), business, now)))
            saved = understood.where("account is not null").select("account").collect()
            whole = agreed([Account.from_json(text) for (text,) in saved], business)
            events = understood.where("account is null")
            if business.events.event_id:
                repeated = keeping.enter_context(_kept(_repeated(events)))
                events = _once(events, repeated) if repeated.count() else events
            past = _past(events.select(*COLUMNS, "bucket"), whole, business)
        yield past


@contextmanager
def _kept(frame: DataFrame) -> Iterator[DataFrame]:
    from pyspark import StorageLevel

    kept = frame.persist(StorageLevel.DISK_ONLY)
    try:
        yield kept
    finally:
        kept.unpersist()


def _understood(source: SourceFrame, business: Business, now: int) -> DataFrame:
    """The events of all pieces of the source, with a row more for the account of each piece."""
    from pyspark.sql.pandas.types import from_arrow_schema

    reader = Understanding(business, source.reading, source.nanoseconds, buckets_for(source.rows), now)

    def of_partition(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return reader.pieces(batches)

    return source.frame.mapInArrow(of_partition, from_arrow_schema(UNDERSTOOD))


def _repeated(events: DataFrame) -> DataFrame:
    """The ids that several events share, each with the place of the first of them."""
    from pyspark.sql import functions as sql

    same = events.where("event_id is not null").groupBy("event_id")
    return same.agg(sql.min("place").alias("first"), sql.count("*").alias("events")).where("events > 1")


def _once(events: DataFrame, repeated: DataFrame) -> DataFrame:
    """Of the events that share an id the one that is first in the source, as the embedded driver keeps it."""
    found = events.join(repeated.select("event_id", "first"), "event_id", "left")
    return found.where("first is null or place = first")


def _past(events: DataFrame, whole: Account, business: Business) -> SparkPast:
    from pyspark.sql import functions as sql

    counts = [sql.count(name) for name in ("*", "item", "value", "ingested_at")]
    rows = sorted(events.groupBy("kind").agg(*counts, sql.min("time"), sql.max("time")).collect())
    uses = tuple(KindUse(kind, count, items > 0, values > 0) for kind, count, items, values, *_ in rows)
    refuse_many_kinds([use.kind for use in uses], business)
    first, last = min(row[5] for row in rows), max(row[6] for row in rows)
    until = max(last, whole.complete_until) if whole.dates_only else last
    span = Span(first, last, until, whole.dates_only, business.events.time_zone)
    return SparkPast(events, span, uses, any(row[4] for row in rows))
