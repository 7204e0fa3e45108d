"""The configured columns of all files of a source, one after the other, still in raw form."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.business import Business
from features.sources.files import Opened, open_source, paths_of
from features.sources.postgres import open_query
from features.sources.raw import RawRows, joined
from features.sources.reading import FEW_TEXTS, Reading, Seen, reading_of
from features.sources.text import as_text, chunks

_ROW_GROUP = 1_000_000


@dataclass(frozen=True, eq=False)
class RawEvents:
    """Rows of all files in order of reading.

    by_role: the pieces of each configured column, whose lengths add up to the rows.  file: (n,) index into `files`.
    line: (n,) physical line, or row number in Parquet.  faults: file int32, line, reason, text of rows not parsed.
    """

    by_role: Mapping[str, Sequence[pa.Array]]
    file: npt.NDArray[np.int32]
    line: npt.NDArray[np.int64]
    faults: pa.Table
    files: tuple[Path, ...]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.line)

    def has(self, role: str) -> bool:
        return role in self.by_role

    def pieces(self, role: str) -> Sequence[pa.Array]:
        return self.by_role[role]

    def text(self, role: str, rows: npt.NDArray[np.int64]) -> pa.Array:
        """The raw cells of some ascending rows as strings."""
        parts, at = [pa.array([], pa.string())], 0
        for piece in self.by_role[role]:
            here = rows[(rows >= at) & (rows < at + len(piece))] - at
            parts.append(as_text(piece.take(pa.array(here))))
            at += len(piece)
        return pa.concat_arrays(parts)


def read_raw(business: Business) -> RawEvents:
    """Read the configured columns of every file of the source.

    Raises InputProblem for a file or a column that cannot be read, and header_only when there is no record at all.
    """
    return _whole(_reading(business))


def _whole(reading: Reading) -> RawEvents:
    seen = Seen(reading)
    read = [(i, seen.add(i, reading.file(i).read(reading.asked(i)))) for i in range(len(reading.files))]
    notes = [*reading.notes, *(note for _, rows in read for note in rows.notes), *seen.judge()]
    return _events(reading.roles, read, tuple(file.path for file in reading.files), notes)


def alike_pieces(business: Business) -> Iterator[RawEvents]:
    """The whole source at once, or in pieces where nothing about its values has to be guessed: in Parquet with typed
    times and amounts, which is read a row group at a time because memory that is used again costs less."""
    reading = _reading(business)
    if reading.settled:
        yield from _in_pieces(reading, _ROW_GROUP, None)
    else:
        yield _whole(reading)


def raw_pieces(business: Business, rows: int = 2_000_000, of: Collection[Path] | None = None) -> Iterator[RawEvents]:
    """Read the same in pieces of about `rows` records, of which only one need be in memory.

    of: the files on disk to read, where not all; what the columns mean is decided on all.
    Their concatenation, in order, is what `read_raw` gives; `files` of a piece names the file that it is from. A
    problem that only the whole source shows (no record anywhere, a key that no record has) is raised after the last
    piece. The last piece may have no rows: it brings the notes about the whole.
    """
    return _in_pieces(_reading(business), rows, of)


def _in_pieces(reading: Reading, rows: int, of: Collection[Path] | None) -> Iterator[RawEvents]:
    seen, notes = Seen(reading, of is None), reading.notes
    chosen = None if of is None else {path.resolve() for path in of}
    for index, file in enumerate(reading.files):
        if chosen is not None and chosen.isdisjoint([file.path.resolve(), *file.path.resolve().parents]):
            continue  # a file of an archive has the archive among its parents
        for piece in reading.file(index).pieces(reading.asked(index), rows):
            found = seen.add(index, piece)
            if found.rows_read:
                yield _events(reading.roles, [(0, found)], (file.path,), [*notes, *found.notes])
                notes = []
    if last := [*notes, *seen.judge()]:
        schema = pa.schema([(role, pa.string()) for role in reading.roles])
        yield _events(reading.roles, [(0, joined([], schema))], (reading.files[-1].path,), last)


def source_files(business: Business) -> tuple[Path, ...]:
    """The files on disk that would be read, in order; none for a database."""
    return () if business.events.database else paths_of(business.source)


def _reading(business: Business) -> Reading:
    events = business.events
    if events.database:
        return reading_of(Opened((open_query(events.source, events.password, events.query),), ()), events)
    return reading_of(open_source(business.source), events)


def _events(
    roles: Sequence[str], read: Sequence[tuple[int, RawRows]], files: tuple[Path, ...], notes: Sequence[str]
) -> RawEvents:
    return RawEvents(
        {role: [piece for _, rows in read for piece in chunks(rows.table[role], role in FEW_TEXTS)] for role in roles},
        np.concatenate([np.full(len(rows.line), index, np.int32) for index, rows in read]),
        np.concatenate([rows.line for _, rows in read]),
        pa.concat_tables([_with_file(rows.faults, index) for index, rows in read]),
        files,
        tuple(notes),
    )


def _with_file(faults: pa.Table, index: int) -> pa.Table:
    return faults.add_column(0, "file", pa.array(np.full(faults.num_rows, index, np.int32)))
