"""JSON: one object a line, or objects in a list or one after the other over many lines; keys are dotted paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.problems import InputProblem
from features.rejects import BAD_JSON, BAD_UTF8, NUL, TEXT_LENGTH
from features.sources import scan
from features.sources.content import Bytes, Content
from features.sources.delimited import blocks
from features.sources.json_layout import BY_LINE, HEAD, head_columns, lines, newline, records, start_of
from features.sources.paths import extract, paths_in
from features.sources.raw import RawRows, joined, missing_column, no_faults, spread

_CHUNK = 1 << 18
_WINDOW = 1 << 27


@dataclass(frozen=True, eq=False)
class JsonLinesFile:
    """A file of JSON objects; see SourceFile. `columns` are the paths that a look at the file found.

    start: the byte from which records stand over any number of lines, or -1 when each line is one.
    """

    content: Content
    columns: tuple[str, ...]
    start: int = BY_LINE
    open_ended: bool = True

    @property
    def path(self) -> Path:
        return self.content.path

    @property
    def notes(self) -> tuple[str, ...]:
        return self.content.notes

    def finds(self, name: str) -> bool:
        return name in self.columns

    def absent(self, name: str, hint: str = "") -> InputProblem:
        return missing_column(self.path, name, self.columns, hint)

    def read(self, columns: Sequence[str]) -> RawRows:
        """The values at the named paths as strings; null where a record has no such key."""
        asked = tuple(dict.fromkeys(columns))
        parts = [self._rows(text, line, asked) for text, line in self._chunks(_CHUNK)]
        return joined(parts, pa.schema([(name, pa.string()) for name in asked]))

    def pieces(self, columns: Sequence[str], rows: int) -> Iterator[RawRows]:
        """As `read`, cut between records."""
        asked = tuple(dict.fromkeys(columns))
        for text, line in self._chunks(min(rows, _CHUNK)):
            yield self._rows(text, line, asked)
            self.content.release()

    def sample(self, rows: int) -> pa.Table:
        """All paths of records from the start, the middle and the end of the file."""
        if self.start == BY_LINE:
            thin = replace(self.content, bytes=blocks(self.content.bytes))
            whole = len(thin.bytes) == len(self.content.bytes)
            columns = self.columns if whole else paths_in(lines(thin.bytes))
            table = JsonLinesFile(thin, columns).read(columns).table
        else:
            found = [np.empty((0, 3), np.int64), *records(self.content.bytes, self.start, _CHUNK)]
            places = np.concatenate(found)
            text, line = _cut(self.content, places[spread(len(places), rows)])
            columns = tuple(dict.fromkeys([*self.columns, *paths_in(text.to_pylist())]))
            table = _read(text, line, columns).table
        return table.take(spread(table.num_rows, rows))

    def _chunks(self, most: int) -> Iterator[tuple[pa.Array, npt.NDArray[np.int64]]]:
        if self.start == BY_LINE:
            yield from _line_chunks(self.content, most)
        else:
            yield from (_cut(self.content, found) for found in records(self.content.bytes, self.start, most))

    def _rows(self, text: pa.Array, line: npt.NDArray[np.int64], asked: Sequence[str]) -> RawRows:
        rows = _read(text, line, asked)
        if self.start == BY_LINE or not len(rows.faults) or rows.faults["line"][-1].as_py() != line[-1]:
            return rows
        open_at = f"{self.path.name} line {line[-1]:,}: this record is not whole, and nothing after it could be read."
        return replace(rows, notes=(open_at,))


def looks_like_json(content: Content) -> bool:
    """Whether the first byte that is not blank opens an object or a list, as no table's header does."""
    head = content.bytes[:HEAD].tobytes().lstrip()
    return head[:1] == b"{" or (head[:1] == b"[" and head[1:].lstrip()[:1] in (b"{", b"]", b""))


def open_jsonlines(content: Content) -> JsonLinesFile:
    """Look at the first records of a JSON file.

    Raises InputProblem (code `not_json_lines`) when it has text and none of it is a JSON object.
    """
    start = start_of(content.bytes)
    columns = head_columns(content.bytes, start)
    if not columns and (start == BY_LINE or content.bytes[start : start + HEAD].tobytes().strip(b" \r\n\t,]}")):
        raise InputProblem(
            f"{content.path} looks like JSON, but no record in it is a whole JSON object. Export it again as one "
            "object a line (JSON lines), or as one list of objects.",
            "not_json_lines",
        )
    return JsonLinesFile(content, columns, start)


def _cut(content: Content, found: npt.NDArray[np.int64]) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    low, high = np.ascontiguousarray(found[:, 1]), np.ascontiguousarray(found[:, 2])
    text = scan.gather(content.bytes, low, high, np.zeros(len(found), np.uint8))
    return text.cast(pa.large_binary()) if content.damaged else text, found[:, 0]


def _line_chunks(content: Content, most: int) -> Iterator[tuple[pa.Array, npt.NDArray[np.int64]]]:
    """Up to `most` physical lines at a time, as Arrow strings with their numbers."""
    buf, line = content.bytes, 1
    kind = pa.large_binary() if content.damaged else pa.large_string()
    for bounds in _bounds(buf, newline(buf)[0]):
        for first in range(0, len(bounds) - 1, most):
            cuts = bounds[first : first + most + 1]
            data = buf[cuts[0] : cuts[-1]]
            count = len(cuts) - 1
            lines = pa.Array.from_buffers(kind, count, [None, pa.py_buffer(cuts - cuts[0]), pa.py_buffer(data)])
            yield lines, np.arange(line, line + count)
            line += count


def _bounds(buf: Bytes, newline: int) -> Iterator[npt.NDArray[np.int64]]:
    """The bytes at which lines start and the byte after the last of them, for some MB of whole lines at a time."""
    at, size = 0, _WINDOW
    while at < len(buf):
        ends = np.flatnonzero(buf[at : at + size] == newline) + at + 1
        if at + size >= len(buf):
            rest = [len(buf)] if not len(ends) or ends[-1] < len(buf) else []
            yield np.concatenate([[at], ends, rest]).astype(np.int64)
            return
        if not len(ends):
            size *= 2
            continue
        yield np.concatenate([[at], ends]).astype(np.int64)
        at, size = int(ends[-1]), _WINDOW


def _read(lines: pa.Array, line: npt.NDArray[np.int64], asked: Sequence[str]) -> RawRows:
    if pa.types.is_large_binary(lines.type):
        decoded = [_decoded(text) for text in lines.to_pylist()]
        lines = pa.array(decoded, pa.large_string())
    text = pc.utf8_trim_whitespace(lines)
    filled = pc.fill_null(pc.not_equal(text, ""), True)
    text, line = text.filter(filled), line[np.asarray(filled)]
    table, good = extract(text, asked)
    faults = _faults(text.filter(pa.array(~good)), line[~good])
    return RawRows(table.filter(pa.array(good)), line[good], faults)


def _decoded(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _faults(text: pa.Array, line: npt.NDArray[np.int64]) -> pa.Table:
    if not len(text):
        return no_faults()
    shown = pc.fill_null(pc.utf8_slice_codeunits(text, 0, TEXT_LENGTH), "").cast(pa.string())
    nul = np.asarray(pc.fill_null(pc.match_substring(text, "\0"), False))
    reason = np.where(np.asarray(text.is_null()), BAD_UTF8, np.where(nul, NUL, BAD_JSON)).astype(object)
    return pa.table({"line": pa.array(line), "reason": pa.array(reason, pa.string()), "text": shown})
