"""JSON lines: one object a line; nested keys are addressed by a dotted path, and a literal key with dots wins."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.problems import InputProblem
from features.rejects import BAD_JSON, BAD_UTF8, NUL, TEXT_LENGTH
from features.sources.content import Bytes, Content
from features.sources.delimited import blocks
from features.sources.raw import RawRows, no_faults, spread

_CHUNK_LINES = 1 << 18
_HEAD = 1 << 20
_DEPTH = 4  # a dotted name is tried with each dot as literal or as nesting up to this many parts


@dataclass(frozen=True, eq=False)
class JsonLinesFile:
    """A file of JSON objects; see SourceFile. `columns` are the paths that a look at the file found."""

    content: Content
    columns: tuple[str, ...]
    open_ended: bool = True

    @property
    def path(self) -> Path:
        return self.content.path

    @property
    def notes(self) -> tuple[str, ...]:
        return self.content.notes

    def read(self, columns: Sequence[str]) -> RawRows:
        """The values at the named paths as strings; null where a record has no such key."""
        asked = tuple(dict.fromkeys(columns))
        parts = [_read_lines(text, line, asked) for text, line in _chunks(self.content)]
        schema = pa.schema([(name, pa.string()) for name in asked])
        table = pa.concat_tables([schema.empty_table(), *(part.table for part in parts)])
        line = np.concatenate([np.empty(0, np.int64), *(part.line for part in parts)])
        return RawRows(table, line, pa.concat_tables([no_faults(), *(part.faults for part in parts)]))

    def sample(self, rows: int) -> pa.Table:
        """All paths of records from the start, the middle and the end of the file."""
        thin = replace(self.content, bytes=blocks(self.content.bytes))
        columns = _paths(thin.bytes[:_HEAD]) if len(thin.bytes) == len(self.content.bytes) else _paths(thin.bytes)
        table = JsonLinesFile(thin, columns).read(columns).table
        return table.take(spread(table.num_rows, rows))


def looks_like_json(content: Content) -> bool:
    """Whether the first byte that is not blank opens an object or a list, as no table's header does."""
    head = content.bytes[:_HEAD].tobytes().lstrip()
    return head[:1] == b"{" or (head[:1] == b"[" and head[1:].lstrip()[:1] in (b"{", b"]"))


def open_jsonlines(content: Content) -> JsonLinesFile:
    """Look at the first records of a JSON lines file.

    Raises InputProblem (code `not_json_lines`) when it is one list or one object over many lines.
    """
    columns = _paths(content.bytes[:_HEAD])
    if not columns:
        raise InputProblem(
            f"{content.path} is JSON, but not one object a line. Convert it, for example with `jq -c '.[]' "
            f"{content.path.name} > events.jsonl`, and name the new file.",
            "not_json_lines",
        )
    return JsonLinesFile(content, columns)


def flatten(record: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested objects with their dotted paths, in order; lists are leaves."""
    for key, value in record.items():
        if isinstance(value, dict) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _paths(head: Bytes) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for line in head.tobytes().split(_newline(head))[:20_000]:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            found.update((path, None) for path, _ in flatten(record))
    return tuple(found)


def _newline(buf: Bytes) -> bytes:
    return b"\n" if (buf[:_HEAD] == 10).any() or not (buf[:_HEAD] == 13).any() else b"\r"


def _chunks(content: Content) -> Iterator[tuple[pa.Array, npt.NDArray[np.int64]]]:
    """Physical lines that are not blank, as Arrow strings with their numbers."""
    buf = content.bytes
    ends = np.append(np.flatnonzero(buf == _newline(buf)[0]) + 1, len(buf)).astype(np.int64)
    starts = np.concatenate([[0], ends[:-1]])
    for first in range(0, len(starts), _CHUNK_LINES):
        low, high = starts[first : first + _CHUNK_LINES], ends[first : first + _CHUNK_LINES]
        offsets = np.append(low, high[-1]) - low[0]
        data = buf[low[0] : high[-1]]
        kind = pa.large_binary() if content.damaged else pa.large_string()
        lines = pa.Array.from_buffers(kind, len(low), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
        yield lines, np.arange(first + 1, first + 1 + len(low))


def _read_lines(lines: pa.Array, line: npt.NDArray[np.int64], asked: Sequence[str]) -> RawRows:
    if pa.types.is_large_binary(lines.type):
        decoded = [_decoded(text) for text in lines.to_pylist()]
        lines = pa.array(decoded, pa.large_string())
    text = pc.utf8_trim_whitespace(lines)
    filled = pc.fill_null(pc.not_equal(text, ""), True)
    text, line = text.filter(filled), line[np.asarray(filled)]
    table, good = _extract(text, asked)
    faults = _faults(text.filter(pa.array(~good)), line[~good])
    return RawRows(table.filter(pa.array(good)), line[good], faults)


def _decoded(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _extract(text: pa.Array, asked: Sequence[str]) -> tuple[pa.Table, npt.NDArray[np.bool_]]:
    """One column a path, and whether each line is an object. Each line is parsed once for all paths."""
    tried = [_spellings(name) for name in asked]
    paths = list(itertools.chain.from_iterable(tried)) or ["$"]
    starts = np.cumsum([1, *map(len, tried)])
    fields = [
        f"coalesce({', '.join(f'found[{start + i}]' for i in range(len(spellings)))}) AS f{slot}"
        for slot, (start, spellings) in enumerate(zip(starts, tried, strict=False))
    ]
    with duckdb.connect(config={"autoinstall_known_extensions": "false", "threads": 2}) as database:
        database.register("lines", pa.table({"text": text}))
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
        query = f"""
            WITH parsed AS (
                SELECT CASE WHEN json_valid(text) AND json_type(text) = 'OBJECT'
                       THEN json_extract_string(text, [{listed}]) END AS found FROM lines)
            SELECT {", ".join([*fields, "found IS NOT NULL AS good"])} FROM parsed"""
        table = database.sql(query).to_arrow_table()
    columns = [column.cast(pa.string()) for column in table.columns[:-1]]
    return pa.Table.from_arrays(columns, names=list(asked)), np.asarray(table["good"])


def _spellings(name: str) -> list[str]:
    """JSON paths that a dotted name may mean, the most literal first: "a.b.c", then "a"."b.c", ..., "a"."b"."c"."""
    parts = name.split(".")
    if len(parts) > _DEPTH:
        return [_path([name]), _path(parts)]
    found = []
    for joints in itertools.product((False, True), repeat=len(parts) - 1):
        keys = [parts[0]]
        for nested, part in zip(joints, parts[1:], strict=True):
            keys = [*keys, part] if nested else [*keys[:-1], f"{keys[-1]}.{part}"]
        found.append(keys)
    return [_path(keys) for keys in sorted(found, key=len)]


def _path(keys: Sequence[str]) -> str:
    return "$" + "".join('."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"' for key in keys)


def _faults(text: pa.Array, line: npt.NDArray[np.int64]) -> pa.Table:
    if not len(text):
        return no_faults()
    shown = pc.fill_null(pc.utf8_slice_codeunits(text, 0, TEXT_LENGTH), "").cast(pa.string())
    nul = np.asarray(pc.fill_null(pc.match_substring(text, "\0"), False))
    reason = np.where(np.asarray(text.is_null()), BAD_UTF8, np.where(nul, NUL, BAD_JSON)).astype(object)
    return pa.table({"line": pa.array(line), "reason": pa.array(reason, pa.string()), "text": shown})
