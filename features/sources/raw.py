"""What every format hands over: records as they stand in the file, with their physical lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.problems import InputProblem, did_you_mean

Lines = npt.NDArray[np.int64]


def no_faults() -> pa.Table:
    """The empty table of rows that could not be parsed."""
    return pa.table(
        {"line": pa.array([], pa.int64()), "reason": pa.array([], pa.string()), "text": pa.array([], pa.string())}
    )


@dataclass(frozen=True)
class RawRows:
    """Records of one file, in order.

    table: the asked columns; strings in text formats, typed in Parquet.  line: (rows,) 1-based physical line at which
    each record starts (row number in Parquet).  faults: line int64, reason string, text string of rows not parsed.
    notes: sentences for a person.
    """

    table: pa.Table
    line: Lines
    faults: pa.Table = field(default_factory=no_faults)
    notes: tuple[str, ...] = ()

    @property
    def rows_read(self) -> int:
        """Records seen, the faulty ones included."""
        return len(self.line) + int(self.faults.num_rows)


class SourceFile(Protocol):
    """One file of an event log.

    open_ended: records may lack any column (JSON lines), so that `columns` lists only what a look at the file found.
    notes: sentences for a person about how the file was understood.
    """

    @property
    def path(self) -> Path: ...
    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def open_ended(self) -> bool: ...

    def finds(self, name: str) -> bool:
        """Whether `read` can give a column of that name; where open_ended, whether a look at the file found it."""
        ...

    def absent(self, name: str, hint: str = "") -> InputProblem:
        """The problem that it has no column of that name.  hint: what to do instead of correcting the name."""
        ...

    def read(self, columns: Sequence[str]) -> RawRows:
        """The named columns of all records; raises InputProblem for a column that the file does not have."""
        ...

    def pieces(self, columns: Sequence[str], rows: int) -> Iterator[RawRows]:
        """What `read` gives, in pieces of about `rows` records, of which one is in memory at a time."""
        ...

    def sample(self, rows: int) -> pa.Table:
        """All columns of about `rows` records that are spread over the file."""
        ...


def joined(pieces: Sequence[RawRows], schema: pa.Schema) -> RawRows:
    """Pieces one after the other; `schema` is the table's where there is none."""
    return RawRows(
        pa.concat_tables([schema.empty_table(), *(piece.table for piece in pieces)]),
        np.concatenate([np.empty(0, np.int64), *(piece.line for piece in pieces)]),
        pa.concat_tables([no_faults(), *(piece.faults for piece in pieces)]),
        tuple(dict.fromkeys(note for piece in pieces for note in piece.notes)),
    )


def missing_column(path: Path, name: str, columns: Sequence[str], hint: str = "") -> InputProblem:
    """The problem that a configured column is not in a file, with what is there and the nearest name."""
    shown = ", ".join(f"'{one_line(column)}'" for column in columns[:30]) + (", ..." if len(columns) > 30 else "")
    near = did_you_mean(name, columns) if columns else ""
    near = near if near.startswith("Did") else ""
    return InputProblem(
        f"{path} has no column '{name}'. {near + ' ' if near else ''}It has {shown}. "
        f"{hint or 'Correct the name under [events] in winback.toml.'}",
        "missing_column",
    )


def one_line(text: str, length: int = 60) -> str:
    """A cell as it can stand in a sentence: without line breaks, and not too long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= length else flat[: length - 3] + "..."


def spread(count: int, wanted: int) -> Lines:
    """Up to `wanted` indices, evenly spaced over range(count)."""
    if count <= wanted:
        return np.arange(count)
    return np.linspace(0, count - 1, wanted).astype(np.int64)
