"""Values inside JSON by dotted paths: nested keys, keys with dots, entries of a list of objects."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_DEPTH = 4  # a dotted name is tried with each dot as literal or as nesting up to this many parts
_MOST_TEXTS = 20_000
_MOSTLY = 0.9
_TYPED = ("string_value", "int_value", "float_value", "double_value")  # of an event_params entry of GA4


def extract(text: pa.Array, asked: Sequence[str]) -> tuple[pa.Table, npt.NDArray[np.bool_]]:
    """One column of strings a path, and whether each text is an object. Each text is parsed once for all paths.

    "a.b" is the key "a.b", else "b" in the object "a". Where "a" is a list of objects it is the value of the entry
    whose `key` is "b" (of a value with string_value, int_value, ... the one that is filled), else "b" of the first.
    """
    tried = [_spellings(name) for name in asked]
    listed = _Lists(text)
    starts = np.cumsum([1, *map(len, tried)])
    fields = [
        _field([f"found[{start + i}]" for i in range(len(spellings))], listed.entries(name), f"f{slot}")
        for slot, (name, start, spellings) in enumerate(zip(asked, starts, tried, strict=False))
    ]
    paths = ", ".join(map(_quoted, itertools.chain.from_iterable(tried))) or "'$'"
    with duckdb.connect(config={"autoinstall_known_extensions": "false", "threads": 2}) as database:
        database.register("texts", pa.table({"text": text}))
        query = f"""
            WITH parsed AS (
                SELECT text, CASE WHEN json_valid(text) AND json_type(text) = 'OBJECT'
                       THEN json_extract_string(text, [{paths}]) END AS found FROM texts)
            SELECT {", ".join([*fields, "found IS NOT NULL AS good"])} FROM parsed"""
        table = database.sql(query).to_arrow_table()
    columns = [column.cast(pa.string()) for column in table.columns[:-1]]
    return pa.Table.from_arrays(columns, names=list(asked)), np.asarray(table["good"])


def extract_inside(column: pa.ChunkedArray, asked: Sequence[str]) -> list[pa.ChunkedArray]:
    """The values at paths inside a column of JSON texts, objects or lists; null where a text is neither."""
    names = [f"in.{name}" for name in asked]
    wrapped = [pc.binary_join_element_wise('{"in":', piece.cast(pa.string()), "}", "") for piece in column.chunks]
    tables = [extract(piece, names)[0] for piece in wrapped]
    return [pa.chunked_array([c for t in tables for c in t[name].chunks], pa.string()) for name in names]


def place_of(name: str, columns: Sequence[str]) -> tuple[str, str] | None:
    """The column that a name means, the longest possible, and the path inside it; None when there is none."""
    if name in columns:
        return name, ""
    outer = max((column for column in columns if column and name.startswith(f"{column}.")), key=len, default="")
    return (outer, name[len(outer) + 1 :]) if outer else None


def holds_json(column: pa.ChunkedArray) -> bool:
    """Whether most texts of a column, if there are any, start as JSON objects or lists of them do."""
    text = column.drop_null().cast(pa.string())
    text = text.filter(pc.not_equal(pc.utf8_trim_whitespace(text), ""))
    opens = pc.match_substring_regex(text, r"^\s*(\{|\[\s*[\{\]])")
    return not len(text) or bool(pc.mean(opens.cast(pa.float64())).as_py() > _MOSTLY)


def with_inside(table: pa.Table, places: Mapping[str, tuple[str, str]]) -> pa.Table:
    """Columns by name from a table of the columns that they are, or inside whose JSON texts they are."""
    if not any(inside for _, inside in places.values()):
        return table.select([column for column, _ in places.values()]).rename_columns(list(places))
    found: dict[str, pa.ChunkedArray] = {name: table[column] for name, (column, inside) in places.items() if not inside}
    for outer in {column for column, inside in places.values() if inside}:
        asked = {name: inside for name, (column, inside) in places.items() if column == outer and inside}
        found.update(zip(asked, extract_inside(table[outer], list(asked.values())), strict=True))
    return pa.table({name: found[name] for name in places})


def expanded(table: pa.Table) -> pa.Table:
    """A sample with a column more for each path inside its columns of JSON texts."""
    for name in table.column_names:
        column = table[name]
        if pa.types.is_string(column.type) and holds_json(column):
            wrapped = (f'{{"in":{text}}}' for text in column.drop_null().to_pylist())
            found = [path.removeprefix("in.") for path in paths_in(wrapped) if path.startswith("in.")]
            paths = [path for path in found if f"{name}.{path}" not in table.column_names]
            for path, values in zip(paths, extract_inside(column, paths), strict=True):
                table = table.append_column(f"{name}.{path}", values)
    return table


def flatten(record: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested objects with their dotted paths, in order; of a list of objects as `extract` finds them."""
    for name, value in record.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict) and value:
            yield from flatten(value, f"{path}.")
        elif isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
            keyed = [entry for entry in value if {"key", "value"} <= entry.keys()]
            yield from ((f"{path}.{entry['key']}", entry["value"]) for entry in keyed)
            yield from () if keyed else flatten(value[0], f"{path}.")
        else:
            yield path, value


def paths_in(texts: Iterable[str | bytes]) -> tuple[str, ...]:
    """All paths in the first texts that are JSON objects."""
    found: dict[str, None] = {}
    for text in itertools.islice(texts, _MOST_TEXTS):
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            found.update((path, None) for path, _ in flatten(record))
    return tuple(found)


def _field(plain: Sequence[str], entries: Sequence[str], name: str) -> str:
    if not entries:
        return f"coalesce({', '.join(plain)}) AS {name}"
    return f"CASE WHEN found IS NOT NULL THEN coalesce({', '.join([*plain, *entries])}) END AS {name}"


class _Lists:
    """Which keys of some texts hold lists of objects, looked up once a key, and the SQL for their entries."""

    def __init__(self, text: pa.Array) -> None:
        self.text = text
        self.known: dict[str, bool] = {}

    def entries(self, name: str) -> list[str]:
        """SQL for what a dotted name may mean through a list, by the place of the list in it."""
        parts = name.split(".")
        found: list[str] = []
        for at in range(1, len(parts)):
            if self._holds(parts[at - 1]):
                outer, rest = _path(parts[:at]), ".".join(parts[at:])
                found += [_keyed(outer, rest), *(_of_first(outer, one) for one in _spellings(rest))]
        return found

    def _holds(self, key: str) -> bool:
        if key not in self.known:
            pattern = re.escape(json.dumps(key, ensure_ascii=False)) + r"\s*:\s*\[\s*\{"
            self.known[key] = bool(pc.any(pc.match_substring_regex(self.text, pattern)).as_py())
        return self.known[key]


def _keyed(outer: str, key: str) -> str:
    """SQL for the value of the first entry with a key in a list of {"key": ..., "value": ...}."""
    entry = f"list_filter(json_extract(text, {_quoted(outer + '[*]')}), lambda x: {_of('x', 'key')} = {_quoted(key)})"
    typed = ", ".join(_of("e", f"value.{kind}") for kind in _TYPED)
    bare = f"CASE WHEN json_type(e, '$.value') NOT IN ('OBJECT', 'ARRAY') THEN {_of('e', 'value')} END"
    return f"list_transform({entry}, lambda e: coalesce({typed}, {bare}))[1]"


def _of(variable: str, path: str) -> str:
    return f"json_extract_string({variable}, '$.{path}')"


def _of_first(outer: str, path: str) -> str:
    """SQL for a path in the first entry of a list whose entries have no keys."""
    key, value = (f"json_extract_string(text, {_quoted(outer + '[0]' + one[1:])})" for one in ("$.key", path))
    return f"CASE WHEN {key} IS NULL THEN {value} END"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


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
