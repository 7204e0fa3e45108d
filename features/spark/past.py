"""The past of all users as Spark keeps it: events in buckets of users, a bucket being the work of one task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.catalog import KindUse
from features.events import SCHEMA
from features.histories import Histories, Span, arranged
from features.spark.carrying import carried
from features.spark.compiling import compiling_alone

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

COLUMNS = ("user", "time", "kind", "value", "item", "ingested_at")
A_BUCKET = 250_000  # events; one bucket at a time is in a worker's memory, some 100 MB with its features
Work = Callable[[Histories], pa.Table]


def buckets_for(events: int) -> int:
    """So many that a bucket holds about A_BUCKET events."""
    return events // A_BUCKET + 1


@dataclass(frozen=True)
class Arrange:
    """Makes the histories of one bucket, on a worker.

    kinds: of the whole past, ascending.  arrivals: whether some events of the past became known late, and it matters.
    """

    kinds: tuple[str, ...]
    span: Span
    arrivals: bool

    def histories(self, events: pa.Table) -> Histories:
        """events: COLUMNS, whatever strings Spark sends, in any order."""
        table = pa.table({name: events[name] for name in COLUMNS}).cast(_PLAIN).cast(_EVENTS)
        found, _ = arranged(table, self.span, self.kinds)
        if not self.arrivals:
            return found.as_known_today()
        return found if found.arrivals else replace(found, arrived=found.time)


_PLAIN = pa.schema([
    ("user", pa.string()), ("time", pa.int64()), ("kind", pa.string()), ("value", pa.float64()), ("item", pa.string()),
    ("ingested_at", pa.int64()),
])  # fmt: skip
_EVENTS = pa.schema([SCHEMA.field(name) for name in COLUMNS])


@dataclass(frozen=True)
class SparkPast:
    """A past (see `features.past.Past`) that Spark holds.

    events: COLUMNS and `bucket`, each event once.  counted: how each kind is used, by kind ascending.
    late: whether some events became known later than they happened.  held: what must stay open meanwhile.
    """

    events: DataFrame
    span: Span
    counted: tuple[KindUse, ...]
    late: bool
    known_today: bool = False
    held: object = None

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        return tuple(use.kind for use in self.counted)

    @property
    def event_count(self) -> int:
        return sum(use.events for use in self.counted)

    @cached_property
    def user_count(self) -> int:
        return int(self.events.select("user").distinct().count())

    @property
    def arrivals(self) -> bool:
        return self.late and not self.known_today

    def uses(self) -> tuple[KindUse, ...]:
        return self.counted

    def as_known_today(self) -> SparkPast:
        return replace(self, known_today=True)

    def mapped(self, work: Work, schema: pa.Schema) -> DataFrame:
        """What `work` makes of every bucket, on the workers.  schema: of the tables that it gives."""
        from pyspark.sql.pandas.types import from_arrow_schema

        arrange = Arrange(self.kinds, self.span, self.arrivals)

        def of_bucket(events: pa.Table) -> pa.Table:
            with compiling_alone("computing"), carried():
                return work(arrange.histories(events)).cast(schema)

        return self.events.groupBy("bucket").applyInArrow(of_bucket, from_arrow_schema(schema))

    def buckets(self) -> Iterator[Histories]:
        """The histories of one bucket of users after the other, brought here."""
        arrange = Arrange(self.kinds, self.span, self.arrivals)
        for (bucket,) in sorted(self.events.select("bucket").distinct().collect()):
            yield arrange.histories(self.events.where(f"bucket = {bucket}").toArrow())

    def starts(self, kinds: Sequence[str]) -> NDArray[np.int64]:
        from pyspark.sql import functions as sql

        first = self.events.where(sql.col("kind").isin(list(kinds))).groupBy("user").agg(sql.min("time").alias("time"))
        return np.sort(first.select("time").toArrow()["time"].to_numpy())

    def fingerprint(self) -> str:
        return f"{sum(part.digest() for part in self.buckets()) % (1 << 64):016x}"
