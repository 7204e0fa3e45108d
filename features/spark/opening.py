"""The past of a business as Spark keeps it: from the event log, or from the Parquet that winback.toml names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from features.business import Business
from features.log.manifest import SEGMENTS
from features.log.reading import EventLog, open_log
from features.progress import Progress
from features.spark.past import COLUMNS, SparkPast, buckets_for
from features.spark.schema import literal
from features.spark.source import past_of_source

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def spark_past(spark: SparkSession, business: Business, now: int, progress: Progress) -> Iterator[SparkPast]:
    """The past of a business, to be used inside `features.spark.session.settings`.

    now: microseconds UTC; later events of a source are rejected.
    Raises what `open_log` and `past_of_source` raise.
    """
    log = open_log(business)
    if log is not None:
        with progress.step(f"opening the event log ({log.event_count:,} events) with Spark"):
            past = _past_of_log(spark, log)
        yield past
        return
    with past_of_source(spark, business, now, progress) as past:
        yield past


def _past_of_log(spark: SparkSession, log: EventLog) -> SparkPast:
    """The segments as they are, their buckets divided further where they are larger than a worker should hold."""
    from pyspark.sql import functions as sql

    paths = [log.folder / SEGMENTS / segment.name / "events.parquet" for segment in log.manifest.segments]
    parts = buckets_for(log.event_count // log.manifest.buckets)
    columns = {name: sql.col(name) for name in COLUMNS}
    columns |= {name: sql.unix_micros(name) for name in ("time", "ingested_at")}
    finer = sql.col("bucket").cast("int") * parts + sql.pmod(sql.xxhash64("user"), sql.lit(parts)).cast("int")
    rows = spark.read.parquet(*map(literal, paths))
    for user, until in log.hidden_users().items():
        rows = rows.where((sql.col("user") != user) | (sql.unix_micros("time") > until))
    events = rows.select(*(column.alias(name) for name, column in columns.items()), finer.alias("bucket"))
    return SparkPast(events, log.span, log.uses(), log.arrivals, held=log)
