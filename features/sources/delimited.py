"""Text tables: comma, tab, semicolon or bar between the fields, or columns aligned by blanks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.problems import InputProblem
from features.rejects import BAD_QUOTE, BAD_UTF8, FIELD_COUNT, HALF_WRITTEN, TEXT_LENGTH
from features.sources import scan
from features.sources.content import Bytes, Content
from features.sources.dialect import Dialect, sniff
from features.sources.paths import holds_json, place_of, with_inside
from features.sources.raw import RawRows, missing_column, no_faults, one_line, spread

_CHUNK_ROWS = 1 << 18
_FAULTS_AT_ONCE = 1 << 12
_LOOK = 2_000
_SAMPLE_BYTES = 1 << 22
_BLOCKS = 16
_SWALLOWED = (
    "a quoted field goes on over lines that look like rows of their own; if it should not, a quote is missing there."
)
_REASONS = {scan.BAD_QUOTE: BAD_QUOTE, scan.FIELD_COUNT: FIELD_COUNT}


@dataclass(frozen=True, eq=False)
class DelimitedFile:
    """A text table with its dialect found; see SourceFile.  half: the start of a last line whose end is lost."""

    content: Content
    dialect: Dialect
    half: str = ""
    open_ended: bool = False

    @property
    def path(self) -> Path:
        return self.content.path

    @property
    def columns(self) -> tuple[str, ...]:
        return self.dialect.columns

    @property
    def notes(self) -> tuple[str, ...]:
        return self.content.notes

    def read(self, columns: Sequence[str]) -> RawRows:
        """The named columns of all records as strings; a.b is the path b inside the JSON texts of the column a."""
        places = self._places(columns)
        asked = tuple(dict.fromkeys(column for column, _ in places.values()))
        return self._joined(list(self._scanned(asked, _CHUNK_ROWS)), asked, places)

    def pieces(self, columns: Sequence[str], rows: int) -> Iterator[RawRows]:
        """As `read`, cut between records."""
        places = self._places(columns)
        asked = tuple(dict.fromkeys(column for column, _ in places.values()))
        held: list[_Piece] = []
        for piece in self._scanned(asked, min(rows, _CHUNK_ROWS)):
            held.append(piece)
            if sum(len(one.line) + one.faults.num_rows for one in held) + _CHUNK_ROWS > rows:
                yield self._joined(held, asked, places)
                held = []
                self.content.release()
        if held:
            yield self._joined(held, asked, places)

    def _scanned(self, asked: Sequence[str], most: int) -> Iterator[_Piece]:
        yield from _pieces(self.content.bytes, self.dialect, self._slots(asked), len(asked), self.content.damaged, most)
        if self.half:
            line = int((self.content.bytes == 10).sum()) + 1
            fault = pa.table({"line": [line], "reason": [HALF_WRITTEN], "text": [self.half[:TEXT_LENGTH]]})
            yield _Piece([pa.array([], pa.string())] * len(asked), np.empty(0, np.int64), fault, 0)

    def _joined(self, pieces: Sequence[_Piece], asked: Sequence[str], places: Mapping[str, tuple[str, str]]) -> RawRows:
        schema = pa.schema([(name, pa.string()) for name in asked])
        batches = [pa.RecordBatch.from_arrays(piece.fields, schema=schema) for piece in pieces]
        faults = pa.concat_tables([no_faults(), *(piece.faults for piece in pieces)])
        line = np.concatenate([np.empty(0, np.int64), *(piece.line for piece in pieces)])
        doubtful = [piece.doubtful for piece in pieces if piece.doubtful]
        notes = (f"{self.path.name} line {doubtful[0]:,}: {_SWALLOWED}",) if doubtful else ()
        return RawRows(with_inside(pa.Table.from_batches(batches, schema), places), line, faults, notes)

    def sample(self, rows: int) -> pa.Table:
        """All columns of records from the start, the middle and the end of the file."""
        data = self.content.bytes[self.dialect.first_byte :]
        thin = replace(self.content, bytes=blocks(data))
        table = DelimitedFile(thin, replace(self.dialect, first_byte=0)).read(self.columns).table
        return table.take(spread(table.num_rows, rows))

    def finds(self, name: str) -> bool:
        """Whether there is such a column, or a column whose texts are JSON with such a path."""
        place = place_of(name, self.columns)
        return place is not None and (not place[1] or self._holds_json(place[0]))

    def _holds_json(self, column: str) -> bool:
        for piece in self._scanned((column,), _LOOK):
            return holds_json(pa.chunked_array(piece.fields))
        return True

    def _places(self, columns: Sequence[str]) -> dict[str, tuple[str, str]]:
        found = {name: place_of(name, self.columns) for name in columns}
        for name, place in found.items():
            if place is None or (place[1] and not self._holds_json(place[0])):
                raise self.absent(name)
        return {name: place for name, place in found.items() if place is not None}

    def _slots(self, asked: Sequence[str]) -> npt.NDArray[np.int64]:
        slots = np.full(len(self.columns), -1, np.int64)
        for slot, name in enumerate(asked):
            slots[self.columns.index(name)] = slot
        return slots

    def absent(self, name: str, hint: str = "") -> InputProblem:
        if not self.dialect.headerless:
            return missing_column(self.path, name, self.columns, hint)
        first = self.content.bytes[self.dialect.first_byte :][:TEXT_LENGTH].tobytes().decode("utf-8", "replace")
        shown = one_line(first.strip().splitlines()[0])
        return InputProblem(
            f"{self.path} has no header line: its first line is data already ('{shown}'), "
            "and columns are addressed by name. Put a line with the column names on top, "
            f"or call them column1 to column{len(self.columns)} (instead of '{name}') under [events] in winback.toml.",
            "no_header",
        )


def open_delimited(content: Content) -> DelimitedFile:
    """Find the dialect of a text table; raises InputProblem as `sniff` does."""
    if not content.cut:
        return DelimitedFile(content, sniff(content))
    end = int(np.flatnonzero(content.bytes == 10)[-1]) + 1
    half = content.bytes[end:].tobytes().decode("utf-8", "replace")
    return DelimitedFile(whole := replace(content, bytes=content.bytes[:end]), sniff(whole), half)


def blocks(data: Bytes) -> Bytes:
    """The bytes themselves when they are few, else whole lines from evenly spaced places, joined."""
    if len(data) <= _BLOCKS * _SAMPLE_BYTES:
        return data
    parts: list[Bytes] = []
    for start in np.linspace(0, len(data) - _SAMPLE_BYTES, _BLOCKS).astype(int):
        first = int(scan.next_line(data, start)) if start else 0
        last = int(scan.next_line(data, start + _SAMPLE_BYTES - 1))
        parts.append(data[first:last])
    joined = np.concatenate(parts)
    joined.setflags(write=False)  # the compiled scanner has one signature, for bytes that nobody changes
    return joined


@dataclass(frozen=True, eq=False)
class _Piece:
    fields: list[pa.Array]
    line: npt.NDArray[np.int64]
    faults: pa.Table
    doubtful: int


def _pieces(
    buf: Bytes, dialect: Dialect, slots: npt.NDArray[np.int64], count: int, damaged: bool, most: int
) -> Iterator[_Piece]:
    at, line = dialect.first_byte, dialect.first_line
    while at < len(buf):
        room = min(most, (len(buf) - at) // 2 + 2)
        rows, faults = np.empty((room, 3), np.int64), np.empty((_FAULTS_AT_ONCE, 4), np.int64)
        low, high = np.empty((count, room), np.int64), np.empty((count, room), np.int64)
        escaped = np.zeros((count, room), np.uint8)
        at, line, good, bad, doubtful = scan.scan(
            buf, at, line, dialect.delimiter, len(slots), slots, rows, low, high, escaped, faults
        )
        rows, faults = rows[:good], faults[:bad]
        keep = np.arange(good)
        if damaged:
            whole = np.array([_is_utf8(buf, first, after) for _, first, after in rows.tolist()], bool)
            broken = np.column_stack([rows[~whole], np.full((~whole).sum(), -1)])
            faults, keep = np.concatenate([faults, broken.reshape(-1, 4)]), keep[whole]
        fields = [scan.gather(buf, low[slot, keep], high[slot, keep], escaped[slot, keep]) for slot in range(count)]
        yield _Piece(fields, rows[keep, 0], _fault_table(buf, faults), doubtful)


def _is_utf8(buf: Bytes, first: int, after: int) -> bool:
    try:
        buf[first:after].tobytes().decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _fault_table(buf: Bytes, faults: npt.NDArray[np.int64]) -> pa.Table:
    if not len(faults):
        return no_faults()
    texts = [
        buf[first : min(after, first + 4 * TEXT_LENGTH)]
        .tobytes()
        .decode("utf-8", "replace")
        .rstrip("\r\n")[:TEXT_LENGTH]
        for _, first, after, _ in faults.tolist()
    ]
    reasons = [_REASONS.get(code, BAD_UTF8) for code in faults[:, 3].tolist()]
    return pa.table(
        {"line": pa.array(faults[:, 0]), "reason": pa.array(reasons, pa.string()), "text": pa.array(texts, pa.string())}
    )
