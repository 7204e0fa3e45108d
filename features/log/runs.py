"""A run: some events in buckets, not yet sorted, with the digests of their ids; an ingest writes and merges a few."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.digests import U64, event_digests, text_digests
from features.log.partitioned import Partitioned, PartitionedWriter
from features.named import item_digests

EVENTS = pa.schema([
    ("user", pa.string()), ("time", pa.timestamp("us", "UTC")), ("kind", pa.string()), ("value", pa.float64()),
    ("item", pa.string()), ("event_id", pa.string()), ("ingested_at", pa.timestamp("us", "UTC")),
])  # fmt: skip
IDS = pa.schema([("high", pa.uint64()), ("low", pa.uint64()), ("says", pa.uint64())])
RUN_IDS = IDS.append(pa.field("row", pa.int32())).append(pa.field("read", pa.int32()))
CELLS = 64  # parts of the ids, by their digests: 100 million ids are compared 1.6 million at a time
BUCKET, CELL = "bucket", "cell"
TEXTS = ("user", "kind", "item")


@dataclass(frozen=True)
class Run:
    """The two files of a run or of a segment; `ids` is None when no event carries one."""

    events: Partitioned
    ids: Partitioned | None


def open_run(folder: Path) -> Run:
    """The files that `write_run`, or a merge, left in a folder."""
    ids = folder / "ids.parquet"
    return Run(Partitioned(folder / "events.parquet", BUCKET, TEXTS), Partitioned(ids, CELL) if ids.exists() else None)


def bucket_of(users: U64, bits: int) -> NDArray[np.uint16]:
    """The bucket of each user from the digest of the id: its leading bits, so that more bits split every bucket."""
    if bits == 0:
        return np.zeros(len(users), dtype=np.uint16)
    return (users >> np.uint64(64 - bits)).astype(np.uint16)


def write_run(table: pa.Table, bits: int, folder: Path) -> Run:
    """Write events (`features.events.SCHEMA`) bucket by bucket, in each in order of reading."""
    folder.mkdir(parents=True)
    table = table.unify_dictionaries().combine_chunks()
    users = table["user"].combine_chunks()
    digests = text_digests(users.dictionary)
    codes = np.asarray(users.indices)
    bucket = bucket_of(digests, bits)[codes]
    order = np.argsort(bucket, kind="stable")
    edges = np.searchsorted(bucket[order], np.arange((1 << bits) + 1))
    with PartitionedWriter(folder / "events.parquet", BUCKET, EVENTS, TEXTS, small=False) as out:
        for number in np.flatnonzero(np.diff(edges)):
            out.write(int(number), table.take(pa.array(order[edges[number] : edges[number + 1]])).cast(EVENTS))
    if table["event_id"].null_count < table.num_rows:
        _write_ids(table, digests[codes], order, folder / "ids.parquet")
    return open_run(folder)


def _write_ids(table: pa.Table, users: U64, order: NDArray[np.int64], path: Path) -> None:
    given = np.flatnonzero(np.asarray(table["event_id"].is_valid()))
    ids = table["event_id"].combine_chunks().take(pa.array(given))
    row = np.empty(table.num_rows, dtype=np.int32)
    row[order] = np.arange(table.num_rows, dtype=np.int32)
    found = pa.table({
        "high": text_digests(ids, seed=1), "low": text_digests(ids, seed=2),
        "says": _says(table, users)[given], "row": row[given], "read": given.astype(np.int32),
    }, schema=RUN_IDS)  # fmt: skip
    cell = bucket_of(found["high"].to_numpy(), 6)
    with PartitionedWriter(path, CELL, RUN_IDS, small=False) as out:
        for number in range(CELLS):
            out.write(number, found.take(pa.array(np.flatnonzero(cell == number))))


def _says(table: pa.Table, users: U64) -> U64:
    """(m,) what each event says, so that a repeat of its id that says something else is noticed."""
    kinds = table["kind"].combine_chunks()
    kind = text_digests(kinds.dictionary)[np.asarray(kinds.indices)]
    time = np.asarray(table["time"].to_numpy(), dtype=np.int64)
    value = pc.fill_null(table["value"], float("nan")).to_numpy()
    return event_digests(users, time, kind, np.asarray(value, dtype=np.float64), item_digests(table["item"]))
