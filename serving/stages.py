"""Lifecycle stages alone: what can be said of everybody by rules, before there is a model or where none can be had."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.build import build_at
from features.business import Business
from features.clock import format_instant
from features.definitions import Definition, definitions
from features.export import refuse_before_everybody
from features.lifecycle import STAGES, lifecycle
from features.past import Past, catalog_of, open_past
from features.progress import Progress
from features.whole_file import whole_file

SCHEMA = pa.schema([("user_id", pa.string()), ("as_of", pa.timestamp("us", tz="UTC")), ("lifecycle", pa.string())])


@dataclass(frozen=True)
class Staged:
    """How many users are in which stage at `as_of`, microseconds UTC."""

    as_of: int
    stages: Mapping[str, int] = field(default_factory=dict)

    def lines(self) -> list[str]:
        told = ", ".join(f"{self.stages[stage]:,} {stage}" for stage in STAGES if self.stages.get(stage))
        return [f"{sum(self.stages.values()):,} users as of {format_instant(self.as_of)}: {told}"]


def write_stages(business: Business, as_of: int | None, out: Path, now: int, progress: Progress) -> Staged:
    """Write user_id, as_of and lifecycle of everybody as Parquet, bucket by bucket; no model is needed.

    as_of: microseconds UTC; None is the newest event.  The file appears whole or not at all.
    Raises InputProblem when nobody had an event by as_of.
    """
    past, _ = open_past(business, now, progress)
    if as_of is None:
        past = past.as_known_today()
    moment = past.span.last if as_of is None else as_of
    refuse_before_everybody(past, moment)
    asked = definitions(business)
    question = asked.get("churn") or next(iter(asked.values()))
    counted: Counter[str] = Counter()
    with progress.step(f"writing stages into {out}"), whole_file(out) as path, pq.ParquetWriter(path, SCHEMA) as writer:
        for table in _tables(business, past, question, moment):
            counted.update(table["lifecycle"].to_pylist())
            writer.write_table(table)
    return Staged(moment, dict(counted))


def _tables(business: Business, past: Past, question: Definition, moment: int) -> Iterator[pa.Table]:
    features = catalog_of(business, past)
    for histories in past.buckets():
        table = build_at(histories, features, moment)
        people = pa.array(histories.users[table.user], pa.string())
        when = pa.array(np.full(len(table), moment), pa.timestamp("us", tz="UTC"))
        yield pa.table([people, when, pa.array(lifecycle(question, table).tolist(), pa.string())], schema=SCHEMA)
