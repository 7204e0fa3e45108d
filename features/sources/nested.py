"""Typed columns inside typed columns: fields of structs, entries of lists of structs, paths in JSON texts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.sources.paths import extract_inside
from features.sources.text import as_text

_MOST_KEYS = 200


def leaf(column: pa.ChunkedArray, path: str) -> pa.ChunkedArray:
    """The column at a dotted path inside another; names of fields may have dots themselves.

    In a list of structs it is the value of the entry whose `key` is the path (as GA4's event_params), as text, else
    the field of the first entry.
    """
    while path:
        if is_list(column.type):
            names = struct_names(column.type.value_type)
            if "key" in names:
                return _keyed(column, path)
            column = _first(column)
        elif pa.types.is_struct(column.type):
            name = step(path, struct_names(column.type))
            column, path = pc.struct_field(column, name), path[len(name) + 1 :]
        else:
            return extract_inside(column, [path])[0]
    return column


def step(path: str, names: Iterable[str]) -> str:
    """The name that a dotted path starts with, the longest possible; "" when it starts with none."""
    return max((name for name in names if path == name or path.startswith(f"{name}.")), key=len, default="")


def is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def struct_names(kind: pa.DataType) -> list[str]:
    """The names of the fields of a struct; none for another type."""
    return [field.name for field in kind] if pa.types.is_struct(kind) else []


def unfolded(table: pa.Table) -> pa.Table:
    """A sample with a column more for each key in its lists of keys and values."""
    for name in table.column_names:
        column = table[name]
        if is_list(column.type) and "key" in struct_names(column.type.value_type):
            keys = pc.unique(pc.struct_field(pc.list_flatten(column), "key")).drop_null().to_pylist()
            for key in keys[:_MOST_KEYS]:
                table = table.append_column(f"{name}.{key}", leaf(column, key))
    return table


def _first(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The first entry of each list, null where there is none."""
    return pa.chunked_array(
        [_picked(chunk, np.ones(len(pc.list_flatten(chunk)), bool)) for chunk in column.chunks], column.type.value_type
    )


def _keyed(column: pa.ChunkedArray, key: str) -> pa.ChunkedArray:
    found = []
    for chunk in column.chunks:
        keys = pc.struct_field(pc.list_flatten(chunk), "key")
        entry = _picked(chunk, np.asarray(pc.fill_null(pc.equal(keys, key), False)))
        found.append(_one_value(pc.struct_field(entry, "value")))
    return pa.chunked_array(found, pa.string())


def _picked(chunk: pa.Array, wanted: np.ndarray) -> pa.Array:
    """The first wanted entry of each list.  wanted: (entries,) of the lists one after the other."""
    rows, places = np.unique(np.asarray(pc.list_parent_indices(chunk))[wanted], return_index=True)
    index = np.zeros(len(chunk), np.int64)
    missing = np.ones(len(chunk), bool)
    index[rows], missing[rows] = np.flatnonzero(wanted)[places], False
    return pc.list_flatten(chunk).take(pa.array(index, mask=missing))


def _one_value(value: pa.Array) -> pa.Array:
    """The filled one of string_value, int_value, float_value and double_value, as text; a plain value as it is."""
    fields = [name for name in struct_names(value.type) if name.endswith("_value")]
    return pc.coalesce(*(as_text(pc.struct_field(value, name)) for name in fields)) if fields else as_text(value)
