"""One Parquet file whose row groups each hold one part of the rows, so that a part is read without the others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from features.problems import InputProblem

_DICTIONARY_BYTES = 1 << 30  # a part is read as one dictionary, never as a dictionary and then plain strings


class Partitioned:
    """Reads the parts; `key` names the column that holds the part's number, the same in a whole row group.

    texts: the columns that are read as dictionaries.
    """

    def __init__(self, path: Path, key: str, texts: Sequence[str] = ()) -> None:
        self.path, self._key, self._texts = path, key, list(texts)

    @cached_property
    def _file(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self.path, read_dictionary=self._texts)
        except (OSError, pa.ArrowInvalid) as error:
            raise InputProblem(
                f"{self.path} cannot be read: {str(error).splitlines()[0]}. It is part of the event log: bring it back "
                "from a backup, or remove the log's folder and ingest the sources again.",
                "damaged_log",
            ) from None

    @cached_property
    def _groups(self) -> dict[int, list[int]]:
        """Row groups by the number of the part."""
        found: dict[int, list[int]] = {}
        metadata = self._file.metadata
        column = self._file.schema_arrow.names.index(self._key)
        for group in range(metadata.num_row_groups):
            number = metadata.row_group(group).column(column).statistics.min
            found.setdefault(int(number), []).append(group)
        return found

    @property
    def rows(self) -> int:
        return int(self._file.metadata.num_rows)

    @property
    def schema(self) -> pa.Schema:
        """The columns without the key."""
        schema = self._file.schema_arrow
        return schema.remove(schema.names.index(self._key))

    def first_row(self, number: int) -> int:
        """How many rows of the file come before those of a part that is one row group."""
        group = self._groups[number][0]
        return sum(self._file.metadata.row_group(before).num_rows for before in range(group))

    def read(self, number: int, columns: Sequence[str] | None = None) -> pa.Table | None:
        """The rows of one part, in order; None when there are none."""
        groups = self._groups.get(number)
        if groups is None:
            return None
        names = list(columns) if columns is not None else self.schema.names
        return self._file.read_row_groups(groups, columns=names, use_threads=False)


class PartitionedWriter:
    """Writes the parts, each once and as one row group; the file is on disk when the block ends."""

    def __init__(
        self, path: Path, key: str, schema: pa.Schema, texts: Sequence[str] = (), small: bool = True
    ) -> None:
        """texts: the columns that are written as dictionaries.  small: compressed to be kept, not to be gone soon."""
        self._path, self._key = path, key
        self._schema = schema.append(pa.field(key, pa.int16()))
        self._writer = pq.ParquetWriter(
            path, self._schema, compression="zstd" if small else "lz4", compression_level=1 if small else None,
            use_dictionary=[*texts, key], dictionary_pagesize_limit=_DICTIONARY_BYTES,
            write_statistics=[key], store_schema=True,
        )  # fmt: skip

    def write(self, number: int, table: pa.Table) -> None:
        """Append a part; a part without rows is left out."""
        if table.num_rows:
            key = pa.array([number], pa.int16()).take(pa.repeat(0, table.num_rows))
            self._writer.write_table(table.append_column(self._key, key).cast(self._schema), row_group_size=1 << 40)

    def __enter__(self) -> PartitionedWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._writer.close()
        if error is None:
            sync(self._path)


def sync(path: Path) -> None:
    """Make sure that a file's content, or a folder's names, have reached the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
