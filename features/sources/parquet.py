"""Parquet files: typed columns; fields of structs and lists of them are addressed by a dotted path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.problems import InputProblem
from features.sources.content import Content
from features.sources.nested import is_list, leaf, step, struct_names, unfolded
from features.sources.paths import holds_json
from features.sources.raw import RawRows, missing_column, spread

_SAMPLE_GROUPS = 8
_LOOK = 2_000
_NUMBER_BYTES = 4


@dataclass(frozen=True, eq=False)
class ParquetFile:
    """A Parquet file; see SourceFile.  texts: the columns that it hands over as dictionaries.

    in_utc: the columns of the old type INT96, by which Spark, Hive and Impala mean instants without saying so.
    """

    content: Content
    schema: pa.Schema
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()
    open_ended: bool = False
    texts: tuple[str, ...] = ()
    in_utc: frozenset[str] = frozenset()

    @property
    def path(self) -> Path:
        return self.content.path

    def read(self, columns: Sequence[str]) -> RawRows:
        """The named columns of all rows, typed as in the file; rows are numbered from 1."""
        asked = tuple(dict.fromkeys(columns))
        self._refuse_missing(asked)
        table = self._columns(asked)
        return RawRows(table, np.arange(1, table.num_rows + 1, dtype=np.int64))

    def pieces(self, columns: Sequence[str], rows: int) -> Iterator[RawRows]:
        """As `read`: as many row groups at a time as make about `rows` rows, large ones in slices."""
        asked = tuple(dict.fromkeys(columns))
        self._refuse_missing(asked)
        first = 1
        for table in self._batches(asked, rows):
            yield RawRows(table, np.arange(first, first + table.num_rows, dtype=np.int64))
            first += table.num_rows
            self.content.release()

    def sample(self, rows: int) -> pa.Table:
        """All columns of rows from row groups all over the file."""
        groups = _open(self.content).metadata.num_row_groups
        table = self._columns(self.columns, [int(i) for i in spread(groups, _SAMPLE_GROUPS)])
        return unfolded(table.take(spread(table.num_rows, rows)))

    def finds(self, name: str) -> bool:
        """Whether there is such a column, or such a path into its structs, lists of structs or JSON texts."""
        root = self._root(name)
        return bool(root) and self._reaches(root, self.schema.field(root).type, name[len(root) + 1 :])

    def absent(self, name: str, hint: str = "") -> InputProblem:
        return missing_column(self.path, name, self.columns, hint)

    def _reaches(self, seen: str, kind: pa.DataType, path: str) -> bool:
        if not path:
            return not pa.types.is_struct(kind)
        if is_list(kind):
            names = struct_names(kind.value_type)
            return "key" in names or self._reaches(seen, kind.value_type, path)
        if pa.types.is_struct(kind):
            name = step(path, struct_names(kind))
            return bool(name) and self._reaches(f"{seen}.{name}", kind.field(name).type, path[len(name) + 1 :])
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        return text and seen in self.columns and self._holds_json(seen)

    def _holds_json(self, column: str) -> bool:
        first = range(min(1, _open(self.content).num_row_groups))
        return holds_json(self._columns([column], first)[column].slice(0, _LOOK))

    def _refuse_missing(self, asked: Sequence[str]) -> None:
        for name in asked:
            if not self.finds(name):
                raise self.absent(name)

    def is_instant(self, name: str) -> bool:
        """Whether a column's type says that it is a time."""
        kind = self._type(name)
        return kind is not None and (pa.types.is_timestamp(kind) or pa.types.is_date(kind))

    def is_number(self, name: str) -> bool:
        """Whether a column's type says that it is a number."""
        kind = self._type(name)
        return kind is not None and (pa.types.is_integer(kind) or pa.types.is_floating(kind))

    def _type(self, name: str) -> pa.DataType | None:
        return self.schema.field(name).type if name in self.schema.names else None

    def with_texts(self, names: Sequence[str]) -> ParquetFile:
        """The same file, with those of the columns handed over as dictionaries that it holds as dictionaries."""
        return replace(self, texts=tuple(name for name in names if self._is_dictionary(name)))

    def _is_dictionary(self, name: str) -> bool:
        """Whether a column of strings is kept as numbers; beyond a certain size, writers go on with the strings."""
        metadata = _open(self.content).metadata
        if self._type(name) != pa.string() or not metadata.num_row_groups:
            return False
        column = next(
            column for column in map(metadata.row_group(0).column, range(metadata.num_columns))
            if column.path_in_schema == name
        )  # fmt: skip
        return bool(column.total_uncompressed_size < _NUMBER_BYTES * max(column.num_values, 1))

    def _columns(self, asked: Sequence[str], groups: Sequence[int] | None = None) -> pa.Table:
        file = _open(self.content, self.texts)
        roots = self._roots(asked)
        try:
            table = file.read(roots) if groups is None else file.read_row_groups(list(groups), roots)
        except (pa.ArrowInvalid, OSError) as error:
            raise _damaged(self.path, error) from None
        return self._picked(table, asked)

    def _batches(self, asked: Sequence[str], rows: int) -> Iterator[pa.Table]:
        file = _open(self.content, self.texts)
        try:
            sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            for groups in _grouped(sizes, rows):
                if sum(sizes[i] for i in groups) <= rows:
                    yield self._picked(file.read_row_groups(groups, self._roots(asked)), asked)
                    continue
                for batch in file.iter_batches(rows, groups, self._roots(asked)):
                    yield self._picked(pa.Table.from_batches([batch]), asked)
        except (pa.ArrowInvalid, OSError) as error:
            raise _damaged(self.path, error) from None

    def _roots(self, asked: Sequence[str]) -> list[str]:
        return list(dict.fromkeys(self._root(name) for name in asked))

    def _picked(self, table: pa.Table, asked: Sequence[str]) -> pa.Table:
        for name in self.in_utc.intersection(table.column_names):
            instants = pc.assume_timezone(table[name], "UTC")
            table = table.set_column(table.column_names.index(name), name, instants)
        arrays = [leaf(table[self._root(name)], name[len(self._root(name)) + 1 :]) for name in asked]
        return pa.Table.from_arrays(arrays, names=list(asked))

    def _root(self, name: str) -> str:
        return step(name, self.schema.names)


def open_parquet(content: Content) -> ParquetFile:
    """Read the schema; raises InputProblem (code `damaged_parquet`) when the file is cut off or not Parquet inside."""
    file = _open(content)
    schema = file.schema_arrow
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise InputProblem(
            f"{content.path} names a column more than once: '{twice[0]}'. Give each its own name.", "duplicate_columns"
        )
    columns = map(file.schema.column, range(len(file.schema)))
    old = frozenset(column.path for column in columns if column.physical_type == "INT96")
    return ParquetFile(content, schema, tuple(dict.fromkeys(_leaves(schema))), in_utc=old)


def _grouped(sizes: Sequence[int], rows: int) -> Iterator[list[int]]:
    """Neighbouring row groups that have up to `rows` rows together, or one that has more."""
    held: list[int] = []
    for index, size in enumerate(sizes):
        if held and sum(sizes[i] for i in held) + size > rows:
            yield held
            held = []
        held.append(index)
    if held:
        yield held


def _open(content: Content, texts: Sequence[str] = ()) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(pa.BufferReader(pa.py_buffer(content.bytes)), read_dictionary=list(texts))
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(content.path, error) from None


def _damaged(path: Path, error: Exception) -> InputProblem:
    why = str(error).splitlines()[0].rstrip(".")
    return InputProblem(f"{path} is a damaged Parquet file: {why}. Write or fetch it again.", "damaged_parquet")


def _leaves(fields: pa.Schema | pa.StructType, prefix: str = "") -> Iterator[str]:
    for item in fields:
        if pa.types.is_struct(item.type):
            yield from _leaves(item.type, f"{prefix}{item.name}.")
        elif (
            is_list(item.type)
            and struct_names(item.type.value_type)
            and "key" not in struct_names(item.type.value_type)
        ):
            yield from _leaves(item.type.value_type, f"{prefix}{item.name}.")
        else:
            yield f"{prefix}{item.name}"
