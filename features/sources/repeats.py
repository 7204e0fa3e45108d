"""Rows that say again what a row with the same event id has said."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_CONTENT = ("user", "time", "kind", "value", "item")

Rows = npt.NDArray[np.int64]


class Repeats(NamedTuple):
    """dropped: rows whose event id was seen before.  differing: those of them that say something else."""

    dropped: int = 0
    differing: int = 0


def without_repeats(table: pa.Table) -> tuple[pa.Table, Repeats]:
    """Each event id once, at its first place; rows without an id all stay."""
    if table["event_id"].null_count == table.num_rows:
        return table, Repeats()
    ids = pa.chunked_array(table["event_id"].chunks, pa.string()).dictionary_encode().unify_dictionaries()
    given = np.flatnonzero(np.asarray(ids.is_valid()))
    codes = np.concatenate([np.asarray(chunk.indices.fill_null(0)) for chunk in ids.chunks])[given]
    first_rows = np.full(len(ids.chunk(0).dictionary), -1, np.int64)
    first_rows[codes[::-1]] = given[::-1]  # the last write wins, so that the first row does
    again = given[first_rows[codes] != given]
    if not len(again):
        return table, Repeats()
    keep = np.ones(table.num_rows, bool)
    keep[again] = False
    first = first_rows[codes][first_rows[codes] != given]
    return table.filter(pa.array(keep)), Repeats(len(again), _differing(table, again, first))


def _differing(table: pa.Table, rows: Rows, others: Rows) -> int:
    one, two = (table.select(_CONTENT).take(pa.array(index)) for index in (rows, others))
    different = np.zeros(len(rows), bool)
    for name in _CONTENT:
        left, right = _decoded(one[name]), _decoded(two[name])
        same = pc.fill_null(pc.equal(left, right), False)
        different |= ~np.asarray(pc.or_(same, pc.and_(left.is_null(), right.is_null())))
    return int(different.sum())


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
