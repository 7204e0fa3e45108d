"""What the content of a column says about it: how full, how varied, numbers, times, ids."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.clock import DAY
from features.problems import InputProblem
from features.sources import instants
from features.sources.amounts import read_amounts
from features.sources.text import MISSING, NOT_A_NUMBER, chunks, cleaned

_NOTHING = (*MISSING, *NOT_A_NUMBER, "undefined", "-", "[]", "{}")
_LOOK = 2_000
_EARLIEST = 3_653 * DAY  # 1980; few logs about living customers begin before


@dataclass(frozen=True)
class Column:
    """A sample of one column.

    names: (d,) its different values as text.  counts: (d,) how often each occurs.  codes: (rows,) index into `names`,
    -1 where empty.  typed: the time type of a Parquet column, else "".
    """

    name: str
    names: tuple[str, ...]
    counts: NDArray[np.int64]
    codes: NDArray[np.int64]
    typed: str
    now: int

    @property
    def rows(self) -> int:
        return len(self.codes)

    @property
    def filled(self) -> int:
        return int(self.counts.sum())

    @property
    def distinct(self) -> int:
        return len(self.names)

    @property
    def fill(self) -> float:
        return self.filled / self.rows if self.rows else 0.0

    @property
    def unique(self) -> bool:
        """Whether no value occurs twice."""
        return self.distinct == self.filled

    @property
    def top_share(self) -> float:
        return float(self.counts.max() / self.filled) if self.filled else 0.0

    @cached_property
    def some(self) -> NDArray[np.int64]:
        """Indices of up to about 2,000 of the different values."""
        return np.arange(0, self.distinct, max(1, self.distinct // _LOOK))

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """(some,) those values as amounts, NaN where they are none."""
        texts = pa.array([self.names[at] for at in self.some], pa.string())
        try:
            return read_amounts([texts], self.name).values
        except InputProblem:
            return np.full(len(texts), np.nan)

    @cached_property
    def numeric(self) -> float:
        """Share of the filled rows that are numbers."""
        weights = self.counts[self.some]
        return float(weights[np.isfinite(self.numbers)].sum() / weights.sum()) if len(weights) else 0.0

    @cached_property
    def decimal(self) -> float:
        """Share of the numbers that are not whole."""
        good = np.isfinite(self.numbers)
        weights = self.counts[self.some][good]
        return float(weights[self.numbers[good] % 1 != 0].sum() / weights.sum()) if len(weights) else 0.0

    @cached_property
    def layout(self) -> tuple[int, float, int, int]:
        """The layout in which most values are a plausible time: (layout or -1, share, first, last microseconds)."""
        texts = pa.array([self.names[at] for at in self.some], pa.string())
        best = (-1, 0.0, 0, 0)
        for layout in range(instants.NANOS + 1) if len(texts) else ():
            micros, states = instants.read(texts, layout)
            ahead = 366 if layout > instants.COMPACT else 36_600  # numbers prove less than what is written out
            good = (states > 0) & (micros > _EARLIEST) & (micros < self.now + ahead * DAY)
            share = float(good.mean())
            if share > best[1] + 1e-9:
                best = (layout, share, int(micros[good].min()), int(micros[good].max()))
        return best

    @property
    def time_share(self) -> float:
        """Share of the values that are a plausible time in one layout."""
        return 1.0 if self.typed else self.layout[1]

    @property
    def written_time(self) -> bool:
        """Whether the values are unmistakably times; numbers that could be seconds since 1970 are not."""
        return bool(self.typed) or (self.layout[1] > 0.9 and self.layout[0] <= instants.COMPACT)

    @property
    def has_clock(self) -> bool:
        """Whether the times have a time of day."""
        return any(":" in name for name in self.names[:50]) or self.layout[0] > instants.COMPACT_DAY

    def micros(self) -> NDArray[np.float64]:
        """(rows,) the times in microseconds, NaN where unreadable; a layout other than the most frequent one is."""
        values, states = instants.read(pa.array(self.names, pa.string()), max(self.layout[0], 0))
        times = np.where(states > 0, values, np.nan)
        rows: NDArray[np.float64] = np.r_[times, np.nan][self.codes]
        return rows

    @property
    def boolean(self) -> bool:
        return 0 < self.distinct <= 2 and {name.lower() for name in self.names} <= {
            "true",
            "false",
            "0",
            "1",
            "yes",
            "no",
            "t",
            "f",
        }

    @property
    def nested(self) -> bool:
        """Whether the values are JSON objects or lists, not one thing."""
        return any(name.startswith(("{", "[")) and name.endswith(("}", "]")) for name in self.names[:20])

    def examples(self, most: int = 3) -> str:
        """The most frequent values, for a person."""
        order = np.argsort(-self.counts, kind="stable")[:most]
        return ", ".join(f"'{_short(self.names[at])}'" for at in order)


def look(table: pa.Table, now: int) -> tuple[Column, ...]:
    """Look at every column of a sample; now: microseconds UTC, after which no event can be."""
    return tuple(_column(name, table[name], now) for name in table.column_names)


def varies_within(column: Column, user: Column) -> float:
    """Share of the users with several rows for whom the column has more than one value; NaN when there is no "
    "such user."""
    both = (user.codes >= 0) & (column.codes >= 0)
    if not both.any():
        return float("nan")
    pairs = np.unique(np.stack([user.codes[both], column.codes[both]], axis=1), axis=0)
    values = np.bincount(pairs[:, 0], minlength=user.distinct)
    rows = np.bincount(user.codes[both], minlength=user.distinct)
    several = rows > 1
    return float((values[several] > 1).mean()) if several.any() else float("nan")


def _column(name: str, column: pa.ChunkedArray, now: int) -> Column:
    kind = column.type
    typed = str(kind) if pa.types.is_timestamp(kind) or pa.types.is_date(kind) else ""
    encoded = cleaned(_texts(column), _NOTHING).combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    names = tuple(encoded.dictionary.to_pylist())
    counts = np.bincount(codes[codes >= 0], minlength=len(names)).astype(np.int64)
    return Column(name, names, counts, codes, typed, now)


def _texts(column: pa.ChunkedArray) -> list[pa.Array]:
    if pa.types.is_nested(column.type) or (
        pa.types.is_dictionary(column.type) and pa.types.is_nested(column.type.value_type)
    ):
        return [pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())]
    return chunks(column)


def _short(text: str, length: int = 28) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= length else flat[: length - 3] + "..."
