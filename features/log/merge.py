"""Runs become one sorted segment, bucket by bucket, each event id once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.catalog import KindUse
from features.digests import text_digests
from features.histories import Histories, Span, arranged
from features.log.manifest import SegmentFacts
from features.log.partitioned import PartitionedWriter
from features.log.runs import BUCKET, CELL, CELLS, EVENTS, IDS, TEXTS, Run, bucket_of
from features.progress import Progress

Dropped = list[NDArray[np.bool_]]


@dataclass(frozen=True)
class Repeats:
    """dropped: for each run, which of its rows repeat an id.  differing: how many of them say something else."""

    dropped: Dropped
    differing: int

    @property
    def count(self) -> int:
        return sum(int(rows.sum()) for rows in self.dropped)


def write_new_ids(runs: Sequence[Run], known: Sequence[Run], path: Path) -> Repeats:
    """Find rows of `runs` whose id is in `known` or came earlier in `runs`; write the ids that are new to `path`."""
    dropped: Dropped = [np.zeros(run.events.rows, dtype=np.bool_) for run in runs]
    if not any(run.ids for run in runs):
        return Repeats(dropped, 0)
    differing = 0
    with PartitionedWriter(path, CELL, IDS) as out:
        for number in range(CELLS):
            old = _ids([run.ids.read(number, IDS.names) if run.ids else None for run in known])
            parts = [run.ids.read(number) if run.ids else None for run in runs]
            new, owner = _ids(parts), np.repeat(np.arange(len(runs)), [0 if p is None else p.num_rows for p in parts])
            again, unlike = _again(old, new, owner)
            differing += unlike
            rows = new["row"].to_numpy()
            for at in np.flatnonzero(again):
                dropped[owner[at]][rows[at]] = True
            out.write(number, new.filter(pa.array(~again)).select(IDS.names))
    return Repeats(dropped, differing)


def gather_ids(runs: Sequence[Run], path: Path, but: Collection[tuple[int, int]] = ()) -> None:
    """Write the ids of segments, which no other has, to `path`; but: pairs of digests that are left out."""
    if not any(run.ids for run in runs):
        return
    highs = np.array([high for high, _ in but], dtype=np.uint64)
    with PartitionedWriter(path, CELL, IDS) as out:
        for number in range(CELLS):
            found = _ids([run.ids.read(number, IDS.names) if run.ids else None for run in runs]).select(IDS.names)
            near = np.isin(found["high"].to_numpy(), highs)
            for at in np.flatnonzero(near):
                near[at] = (found["high"][at].as_py(), found["low"][at].as_py()) in but
            out.write(number, found.filter(pa.array(~near)) if near.any() else found)


def _ids(parts: Sequence[pa.Table | None]) -> pa.Table:
    empty = pa.table({**{name: pa.array([], pa.uint64()) for name in IDS.names}, "row": pa.array([], pa.int32()),
                      "read": pa.array([], pa.int32())})  # fmt: skip
    return pa.concat_tables([empty, *(part for part in parts if part is not None)], promote_options="default")


def _again(old: pa.Table, new: pa.Table, owner: NDArray[np.int64]) -> tuple[NDArray[np.bool_], int]:
    """Which of the new ids are no first ones, and how many of these say something else than the first."""
    high, low, says = (np.concatenate([old[name].to_numpy(), new[name].to_numpy()]) for name in IDS.names)
    turn = np.r_[np.full(old.num_rows, -1), owner]
    read = np.r_[np.arange(old.num_rows), new["read"].to_numpy()]
    order = np.lexsort((read, turn, low, high))
    first = np.r_[True, (np.diff(high[order]) != 0) | (np.diff(low[order]) != 0)][: len(order)]
    firsts = order[np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))]
    again = np.zeros(len(order), dtype=np.bool_)
    again[order[~first]] = True
    unlike = int((says[order[~first]] != says[firsts[~first]]).sum())
    return again[old.num_rows :], unlike


def merge(
    runs: Sequence[Run], dropped: Dropped | None, bits: int, split: int, span: Span, folder: Path, progress: Progress
) -> SegmentFacts | None:
    """Write the rows of `runs` that are not dropped, sorted, into folder/events.parquet; None when none is left.

    bits: of the runs' buckets; split: how many more the segment has.  span: only its completeness and zone matter.
    """
    facts = _Facts()
    with PartitionedWriter(folder / "events.parquet", BUCKET, EVENTS, TEXTS) as out:
        for bucket in progress.track(range(1 << bits), "sorting buckets"):
            table = _bucket(runs, dropped, bucket)
            if table is None:
                continue
            histories, order = arranged(_with_integers(table), span)
            facts.add(histories)
            _write(out, table.take(pa.array(order)), histories, bucket, bits, split)
    return facts.of(folder.name, span, (folder / "ids.parquet").exists())


def _write(out: PartitionedWriter, table: pa.Table, histories: Histories, bucket: int, bits: int, split: int) -> None:
    if not split:
        out.write(bucket, table)
        return
    users = bucket_of(text_digests(pa.array(histories.users, pa.string())), bits + split)
    finer = users[histories.owner]
    for number in range(bucket << split, (bucket + 1) << split):
        out.write(number, table.filter(pa.array(finer == number)))


def _bucket(runs: Sequence[Run], dropped: Dropped | None, bucket: int) -> pa.Table | None:
    parts = []
    for number, run in enumerate(runs):
        part = run.events.read(bucket)
        if part is not None and dropped is not None and dropped[number].any():
            start = run.events.first_row(bucket)
            part = part.filter(pa.array(~dropped[number][start : start + part.num_rows]))
        if part is not None and part.num_rows:
            parts.append(part)
    return pa.concat_tables(parts).unify_dictionaries().combine_chunks() if parts else None


def _with_integers(table: pa.Table) -> pa.Table:
    """Instants as `arranged` takes them: microseconds."""
    for name in ("time", "ingested_at"):
        table = table.set_column(table.schema.names.index(name), name, table[name].cast(pa.int64()))
    return table


class _Facts:
    """Adds up, bucket by bucket, what the manifest says of a segment."""

    def __init__(self) -> None:
        self._events, self._digest, self._arrivals = 0, 0, False
        self._first, self._last = 1 << 62, -(1 << 62)
        self._uses: dict[str, KindUse] = {}

    def add(self, histories: Histories) -> None:
        self._events += histories.event_count
        self._digest = (self._digest + histories.digest()) % (1 << 64)
        self._arrivals |= len(histories.arrived) > 0
        self._first = min(self._first, int(histories.time.min()))
        self._last = max(self._last, int(histories.time.max()))
        self._uses = added(self._uses, histories.uses())

    def of(self, name: str, span: Span, ids: bool) -> SegmentFacts | None:
        if not self._events:
            return None
        uses = tuple(self._uses[kind] for kind in sorted(self._uses))
        return SegmentFacts(
            name, self._events, self._first, self._last, span.complete_until, span.dates_only, self._arrivals, ids,
            self._digest, uses,
        )  # fmt: skip


def added(some: dict[str, KindUse], more: Iterable[KindUse]) -> dict[str, KindUse]:
    """The uses of kinds in two parts of a log together."""
    together = dict(some)
    for use in more:
        before = some.get(use.kind, KindUse(use.kind, 0, False, False))
        together[use.kind] = KindUse(
            use.kind, before.events + use.events, before.items or use.items, before.values or use.values
        )
    return together
