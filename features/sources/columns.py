"""The configured columns of all files of a source, one after the other, still in raw form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.business import Business, EventsSection
from features.problems import InputProblem
from features.sources.files import open_source
from features.sources.raw import RawRows, SourceFile, missing_column, one_line
from features.sources.text import as_text, chunks

_ROLES = ("user", "time", "kind", "value", "item", "event_id", "ingested_at", "currency")


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
    opened = open_source(business.source)
    names = _named(business.events)
    read = [file.read(tuple(names.values())) for file in opened.files]
    if not sum(rows.rows_read for rows in read):
        raise _header_only(opened.files)
    for role, name in names.items():
        _refuse_absent(role, name, opened.files, read)
    by_role = {role: [piece for rows in read for piece in chunks(rows.table[name])] for role, name in names.items()}
    bare = [file.path.name for file, rows in zip(opened.files, read, strict=True) if not rows.rows_read]
    notes = [*opened.notes, *(note for file in opened.files for note in file.notes)]
    notes += [note for rows in read for note in rows.notes]
    notes += [f"{len(bare)} of {len(read)} files have no record: {', '.join(bare[:5])}."] if bare else []
    return RawEvents(
        by_role,
        np.concatenate([np.full(len(rows.line), i, np.int32) for i, rows in enumerate(read)]),
        np.concatenate([rows.line for rows in read]),
        pa.concat_tables([_with_file(rows.faults, i) for i, rows in enumerate(read)]),
        tuple(file.path for file in opened.files),
        tuple(notes),
    )


def _named(events: EventsSection) -> dict[str, str]:
    """The configured column of each role; roles without a column, and a constant kind, are left out."""
    names = {role: getattr(events, role) for role in _ROLES}
    if events.constant_kind is not None:
        del names["kind"]
    return {role: name for role, name in names.items() if name}


def _with_file(faults: pa.Table, index: int) -> pa.Table:
    return faults.add_column(0, "file", pa.array(np.full(faults.num_rows, index, np.int32)))


def _refuse_absent(role: str, name: str, files: Sequence[SourceFile], read: Sequence[RawRows]) -> None:
    """A key that no JSON record has, and a column of lists, cannot be meant."""
    for rows in read:
        if pa.types.is_nested(kind := rows.table[name].type):
            raise InputProblem(
                f"The column '{name}' ({role}) has the type {kind}, not one value a row. Name another under [events].",
                "bad_column_type",
            )
    if any(not file.open_ended or name in file.columns for file in files):
        return
    if all(rows.table[name].null_count == len(rows.table) for rows in read):
        seen = tuple(dict.fromkeys(column for file in files for column in file.columns))
        hint = 'For a kind that all events share, write kind = "=order".' if role == "kind" else ""
        raise missing_column(files[0].path, name, seen, hint)


def _header_only(files: Sequence[SourceFile]) -> InputProblem:
    first, more = files[0], f" (and {len(files) - 1} more files)" if len(files) > 1 else ""
    return InputProblem(
        f"{first.path}{more} has a header ({', '.join(map(one_line, first.columns[:10]))}) and no record below it. "
        "Export the events again, or name another source.",
        "header_only",
    )
