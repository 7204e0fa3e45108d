"""Rows that could not be read as events: each with its file, physical line, reason and text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from features.sources.raw import one_line
from features.whole_file import whole_file

SCHEMA = pa.schema([("file", pa.string()), ("line", pa.int64()), ("reason", pa.string()), ("text", pa.string())])
TEXT_LENGTH = 200

NO_USER = "no user id"
NO_TIME = "no time"
NO_KIND = "no kind"
BAD_TIME = "unreadable time"
OLD_TIME = "before the year 1900"
FUTURE = "in the future"
BAD_VALUE = "value is not a finite number"
BAD_INGESTED = "unreadable ingested_at"
NUL = "contains a NUL character"
BAD_QUOTE = "a quote that never closes"
FIELD_COUNT = "wrong number of fields"
BAD_JSON = "not a JSON object"
BAD_UTF8 = "not valid UTF-8 text"
HALF_WRITTEN = "half-written last line"

_PHRASES = {
    NO_USER: "without a user id",
    NO_TIME: "without a time",
    NO_KIND: "without a kind",
    BAD_TIME: "with an unreadable time",
    OLD_TIME: "with a time before the year 1900",
    FUTURE: "with a time in the future",
    BAD_VALUE: "with a value that is not a finite number",
    BAD_INGESTED: "with an unreadable ingested_at",
    NUL: "with a NUL character",
    BAD_QUOTE: "with a quote that never closes",
    FIELD_COUNT: "with a wrong number of fields",
    BAD_JSON: "that are not a JSON object",
    BAD_UTF8: "that are not valid UTF-8 text",
    HALF_WRITTEN: "half-written at the end of a cut-off file",
}
_SHOW_TEXT = {BAD_TIME, OLD_TIME, FUTURE, BAD_VALUE, BAD_INGESTED}


@dataclass(frozen=True)
class Rejected:
    """Every row that was not read.

    table: file string, line int64 (1-based physical line; row number in Parquet), reason string, text string (at most
    200 characters: the unreadable value, or the row).  rows_read: rows seen in all, the rejected ones included.
    source: what to call it all in a sentence.  files: how many files were read.
    """

    table: pa.Table = field(default_factory=SCHEMA.empty_table)
    rows_read: int = 0
    source: str = "events"
    files: int = 1

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def by_reason(self) -> dict[str, int]:
        """How many rows each reason took, most frequent first."""
        counts = {entry["values"]: entry["counts"] for entry in pc.value_counts(self.table["reason"]).to_pylist()}
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))

    def summary(self) -> str:
        """One sentence for a person: how many of how many rows, by reason, and where the first of each is."""
        if not len(self):
            return f"{self.source}: all {self.rows_read:,} rows read."
        reasons = ", ".join(self._one(reason, count) for reason, count in self.by_reason.items())
        return f"{self.source}: {len(self):,} of {self.rows_read:,} rows rejected: {reasons}."

    def _one(self, reason: str, count: int) -> str:
        first = self.table.slice(pc.index(self.table["reason"], reason).as_py(), 1).to_pylist()[0]
        place = f"line {first['line']:,}" if self.files == 1 else f"{first['file']} line {first['line']:,}"
        where = f"first: '{one_line(first['text'], 40)}', {place}" if reason in _SHOW_TEXT else f"first at {place}"
        return f"{count:,} {_PHRASES.get(reason, f'({reason})')} ({where})"

    def without_rows(self) -> Rejected:
        """The same without the texts of whole rows, in which somebody's id may stand; a single bad value stays."""
        single = pc.is_in(self.table["reason"], value_set=pa.array(sorted(_SHOW_TEXT)))
        texts = pc.if_else(single, self.table["text"], "")
        return replace(self, table=self.table.set_column(SCHEMA.names.index("text"), "text", texts))

    def write(self, path: Path) -> None:
        """Write the rows as CSV in one step: a reader sees the old file or the whole new one, never a part."""
        with whole_file(path) as draft:
            pacsv.write_csv(self.table, draft)


def mentions(table: pa.Table, user: str) -> NDArray[np.bool_]:
    """(rows,) which rejected rows (SCHEMA) name a user, as one of their cells or as a word of a broken row."""
    word = re.compile(rf"(?<![\w.@-]){re.escape(user)}(?![\w@-])")
    return np.array([bool(text) and bool(word.search(text)) for text in table["text"].to_pylist()], dtype=np.bool_)
