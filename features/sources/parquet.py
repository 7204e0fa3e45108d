"""Parquet files: typed columns; fields of structs are addressed by a dotted path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.problems import InputProblem
from features.sources.content import Content
from features.sources.raw import RawRows, missing_column, spread

_SAMPLE_GROUPS = 8


@dataclass(frozen=True, eq=False)
class ParquetFile:
    """A Parquet file; see SourceFile."""

    content: Content
    schema: pa.Schema
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()
    open_ended: bool = False

    @property
    def path(self) -> Path:
        return self.content.path

    def read(self, columns: Sequence[str]) -> RawRows:
        """The named columns of all rows, typed as in the file; rows are numbered from 1."""
        asked = tuple(dict.fromkeys(columns))
        for name in asked:
            if name not in self.columns:
                raise missing_column(self.path, name, self.columns)
        table = self._columns(asked)
        return RawRows(table, np.arange(1, table.num_rows + 1, dtype=np.int64))

    def sample(self, rows: int) -> pa.Table:
        """All columns of rows from row groups all over the file."""
        groups = _open(self.content).metadata.num_row_groups
        table = self._columns(self.columns, [int(i) for i in spread(groups, _SAMPLE_GROUPS)])
        return table.take(spread(table.num_rows, rows))

    def _columns(self, asked: Sequence[str], groups: Sequence[int] | None = None) -> pa.Table:
        file = _open(self.content)
        roots = list(dict.fromkeys(self._root(name) for name in asked))
        try:
            table = file.read(roots) if groups is None else file.read_row_groups(list(groups), roots)
        except (pa.ArrowInvalid, OSError) as error:
            raise _damaged(self.path, error) from None
        arrays = [_leaf(table[self._root(name)], name[len(self._root(name)) + 1 :]) for name in asked]
        return pa.Table.from_arrays(arrays, names=list(asked))

    def _root(self, name: str) -> str:
        return (
            name
            if name in self.schema.names
            else max((n for n in self.schema.names if name.startswith(f"{n}.")), key=len)
        )


def open_parquet(content: Content) -> ParquetFile:
    """Read the schema; raises InputProblem (code `damaged_parquet`) when the file is cut off or not Parquet inside."""
    schema = _open(content).schema_arrow
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise InputProblem(
            f"{content.path} names a column more than once: '{twice[0]}'. Give each its own name.", "duplicate_columns"
        )
    return ParquetFile(content, schema, tuple(dict.fromkeys(_leaves(schema))))


def _open(content: Content) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(pa.BufferReader(pa.py_buffer(content.bytes)))
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(content.path, error) from None


def _damaged(path: Path, error: Exception) -> InputProblem:
    why = str(error).splitlines()[0].rstrip(".")
    return InputProblem(f"{path} is a damaged Parquet file: {why}. Write or fetch it again.", "damaged_parquet")


def _leaves(fields: pa.Schema | pa.StructType, prefix: str = "") -> Iterator[str]:
    for item in fields:
        if pa.types.is_struct(item.type):
            yield from _leaves(item.type, f"{prefix}{item.name}.")
        else:
            yield f"{prefix}{item.name}"


def _leaf(column: pa.ChunkedArray, path: str) -> pa.ChunkedArray:
    """The field of a struct at a dotted path; names of fields may have dots themselves."""
    while path:
        names = [item.name for item in column.type]
        name = path if path in names else max((n for n in names if path.startswith(f"{n}.")), key=len)
        column, path = pc.struct_field(column, name), path[len(name) + 1 :]
    return column
