"""A packed file of which only the outline stays in memory; it is unpacked again when it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from features.problems import InputProblem
from features.sources.parquet import ParquetFile
from features.sources.paths import place_of
from features.sources.raw import RawRows, SourceFile


@dataclass(frozen=True, eq=False)
class Reopened:
    """See SourceFile.  again: opens the file anew."""

    path: Path
    columns: tuple[str, ...]
    notes: tuple[str, ...]
    open_ended: bool
    again: Callable[[], SourceFile]

    def finds(self, name: str) -> bool:
        if name in self.columns or self.open_ended:
            return name in self.columns
        return place_of(name, self.columns) is not None and self.again().finds(name)

    def absent(self, name: str, hint: str = "") -> InputProblem:
        return self.again().absent(name, hint)

    def read(self, columns: Sequence[str]) -> RawRows:
        return self.again().read(columns)

    def pieces(self, columns: Sequence[str], rows: int) -> Iterator[RawRows]:
        return self.again().pieces(columns, rows)

    def sample(self, rows: int) -> pa.Table:
        return self.again().sample(rows)


def with_texts(file: SourceFile, names: Sequence[str]) -> SourceFile:
    """The same file, handing over those columns as dictionaries if it is Parquet, where that costs less."""
    if isinstance(file, ParquetFile):
        return file.with_texts(names)
    if isinstance(file, Reopened):
        again = file.again
        return replace(file, again=lambda: with_texts(again(), names))
    return file


def thin(file: SourceFile, again: Callable[[], SourceFile]) -> Reopened:
    """The outline of an opened file."""
    return Reopened(file.path, file.columns, file.notes, file.open_ended, again)
