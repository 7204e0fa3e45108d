"""On a worker: rows as they stand in the files become events, by the very code of the embedded driver."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.business import Business
from features.digests import text_digests
from features.events import SCHEMA, Events, events_of, nothing_left
from features.problems import InputProblem
from features.sources.columns import RawEvents
from features.sources.nested import leaf, step
from features.sources.raw import RawRows, no_faults
from features.sources.reading import Reading, Seen
from features.sources.text import chunks, cleaned
from features.spark.compiling import compiling_alone
from features.spark.schema import PLACE

ROWS = 2_000_000
_PLACE_DIGITS = 20
COLUMNS = pa.schema([
    ("user", pa.string()), ("time", pa.int64()), ("kind", pa.string()), ("value", pa.float64()), ("item", pa.string()),
    ("event_id", pa.string()), ("ingested_at", pa.int64()),
    ("bucket", pa.int32()), ("place", pa.int64()), ("account", pa.string()),
])  # fmt: skip


@dataclass(frozen=True)
class Account:
    """What became of one piece of the source.

    rejected: rows.  whole_numbers: whether every user id is one.  problem: message and code, where the piece cannot be
    read at all; nothing: the same where no event of it is left.
    """

    rows: int = 0
    events: int = 0
    rejected: int = 0
    notes: tuple[str, ...] = ()
    dates_only: bool = True
    complete_until: int = 0
    whole_numbers: bool = True
    problem: tuple[str, str] | None = None
    nothing: tuple[str, str] | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Account:
        pairs = json.loads(text).items()
        fields: dict[str, Any] = {name: tuple(part) if isinstance(part, list) else part for name, part in pairs}
        return cls(**fields)


@dataclass(frozen=True)
class Understanding:
    """Reads pieces of a source; each gives its events (COLUMNS), and one row more that carries its Account.

    buckets: how many groups the users are divided into.  now: microseconds UTC; later events are rejected.
    """

    business: Business
    reading: Reading
    nanoseconds: dict[str, bool]
    buckets: int
    now: int

    def pieces(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Spark cuts its partitions into small batches: put together again up to ROWS rows."""
        held: list[pa.RecordBatch] = []
        for batch in batches:
            held.append(batch)
            if sum(one.num_rows for one in held) >= ROWS:
                yield from self._piece(pa.Table.from_batches(held)).to_batches()
                held = []
        if held:
            yield from self._piece(pa.Table.from_batches(held)).to_batches()

    def _piece(self, table: pa.Table) -> pa.Table:
        with compiling_alone("reading"):
            try:
                events = events_of(self._raw(table), self.business, self.now)
            except InputProblem as problem:
                return _with_account(
                    COLUMNS.empty_table(), Account(table.num_rows, problem=(str(problem), problem.code))
                )
            return self._bucketed(events)

    def _raw(self, table: pa.Table) -> RawEvents:
        """The rows of a piece; behind each event id stands its place, so that only Spark decides which one is first."""
        names = [name for name in table.column_names if name != PLACE]
        columns = pa.table({name: self._typed(name, table[name]) for name in names})
        asked = {name: step(name, names) for name in self.reading.asked(0)}
        leaves = pa.table({name: leaf(columns[root], name[len(root) + 1 :]) for name, root in asked.items()})
        line = np.arange(1, table.num_rows + 1, dtype=np.int64)
        rows = Seen(self.reading).add(0, RawRows(leaves, line)).table
        by_role = {role: chunks(rows[role]) for role in self.reading.roles}
        if PLACE in table.column_names:
            by_role["event_id"] = [_with_place(by_role["event_id"], table[PLACE])]
        faults = no_faults().add_column(0, "file", pa.array([], pa.int32()))
        source = Path(self.business.events.location)
        return RawEvents(by_role, np.zeros(len(line), np.int32), line, faults, (source,), ())

    def _typed(self, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
        if name not in self.nanoseconds:
            return column
        return column.cast(pa.timestamp("ns", "UTC" if self.nanoseconds[name] else None))

    def _bucketed(self, events: Events) -> pa.Table:
        table, count = events.table, events.table.num_rows
        texts = {name: table[name].cast(pa.string()) for name in ("user", "kind", "item")}
        users = texts["user"].combine_chunks().dictionary_encode()
        bucket = (text_digests(users.dictionary) % np.uint64(self.buckets)).astype(np.int32)[np.asarray(users.indices)]
        ids, place = _without_place(table["event_id"].combine_chunks())
        columns = {name: table[name] for name in SCHEMA.names} | texts
        columns |= {"event_id": ids, "bucket": pa.array(bucket), "place": place}
        columns["account"] = pa.nulls(count, pa.string())
        nothing = nothing_left(events.rejected)
        account = Account(
            events.counted.rows_read, count, events.counted.rejected, events.notes, events.dates_only,
            events.complete_until, _whole_numbers(users.dictionary),
            nothing=None if count else (str(nothing), nothing.code),
        )  # fmt: skip
        return _with_account(pa.table(columns).select(COLUMNS.names).cast(COLUMNS), account)


def _with_account(table: pa.Table, account: Account) -> pa.Table:
    row = {name: [None] for name in COLUMNS.names} | {"account": [account.to_json()]}
    return pa.concat_tables([table, pa.table(row, schema=COLUMNS)]).combine_chunks()


def _with_place(ids: list[pa.Array], place: pa.ChunkedArray) -> pa.Array:
    written = pc.utf8_lpad(place.cast(pa.string()), _PLACE_DIGITS, "0").combine_chunks()
    return pc.binary_join_element_wise(cleaned(ids).combine_chunks(), written, "")


def _without_place(ids: pa.Array) -> tuple[pa.Array, pa.Array]:
    if ids.null_count == len(ids):
        return ids, pa.nulls(len(ids), pa.int64())
    place = pc.utf8_slice_codeunits(ids, -_PLACE_DIGITS)
    return pc.utf8_slice_codeunits(ids, 0, -_PLACE_DIGITS), place.cast(pa.int64())


def _whole_numbers(users: pa.Array) -> bool:
    return bool(pc.all(pc.match_substring_regex(users, r"^\d+$")).as_py() is not False)
