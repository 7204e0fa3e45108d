"""Cells as text: what every type looks like when written down, and which texts mean that nothing is there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MISSING = ("", "NULL", "null", "Null", "None", "N/A", "n/a", "\\N", "<NA>", "<null>", "(null)")
NOT_A_NUMBER = ("NaN", "nan", "NAN")

Mask = npt.NDArray[np.bool_]


def chunks(column: pa.ChunkedArray | pa.Array) -> list[pa.Array]:
    """The pieces of a column, dictionaries decoded and every kind of string as plain strings."""
    pieces = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return [_plain(piece) for piece in pieces]


def _plain(piece: pa.Array) -> pa.Array:
    kind = piece.type
    if pa.types.is_dictionary(kind):
        return _plain(piece.dictionary_decode())
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return piece.cast(pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _from_bytes(piece)
    return piece


def _from_bytes(piece: pa.Array) -> pa.Array:
    try:
        return piece.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([None if raw is None else raw.decode("latin-1") for raw in piece.to_pylist()], pa.string())


def as_text(piece: pa.Array) -> pa.Array:
    """Any column as strings: whole numbers without a '.0', NaN as 'NaN'."""
    if pa.types.is_string(piece.type):
        return piece
    if pa.types.is_floating(piece.type):
        return _float_text(piece)
    if pa.types.is_decimal(piece.type):
        return pc.replace_substring_regex(piece.cast(pa.string()), r"\.0+$", "")
    return piece.cast(pa.string())


def _float_text(piece: pa.Array) -> pa.Array:
    wide = piece.cast(pa.float64())
    numbers = np.asarray(wide.fill_null(0.5))
    whole = (np.abs(numbers) < 2**53) & (np.floor(numbers) == numbers)
    integers = pa.array(np.where(whole, numbers, 0).astype(np.int64)).cast(pa.string())
    return pc.if_else(pa.array(whole), integers, wide.cast(pa.string()))


def cleaned(pieces: Sequence[pa.Array], missing: Sequence[str] = (*MISSING, *NOT_A_NUMBER)) -> pa.ChunkedArray:
    """Trimmed strings; null where nothing is there."""
    words = pa.array(missing, pa.string())
    return pa.chunked_array([_cleaned(as_text(piece), words) for piece in pieces], pa.string())


def _cleaned(text: pa.Array, missing: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(text) if _has_edges(text) else text
    nothing = pc.is_in(trimmed, value_set=missing)
    return pc.if_else(nothing, pa.scalar(None, pa.string()), trimmed) if pc.any(nothing).as_py() else trimmed


def _has_edges(text: pa.Array) -> bool:
    """Whether any byte is a blank, a control or not ASCII: only then can there be anything to trim."""
    raw = text.buffers()[2]
    if raw is None or not raw.size:
        return False
    data = np.frombuffer(raw, np.uint8)
    return bool(((data <= 32) | (data >= 127)).any())


def with_nul(pieces: Sequence[pa.Array]) -> Mask:
    """(rows,) whether the text of a cell contains a NUL character."""
    return np.concatenate([np.zeros(0, bool), *(_with_nul(piece) for piece in pieces)])


def _with_nul(piece: pa.Array) -> Mask:
    raw = piece.buffers()[2] if pa.types.is_string(piece.type) else None
    if raw is None or not raw.size or (np.frombuffer(raw, np.uint8) != 0).all():
        return np.zeros(len(piece), bool)
    return np.asarray(pc.fill_null(pc.match_substring(piece, "\0"), False))


def plain_ids(users: pa.ChunkedArray) -> tuple[pa.ChunkedArray, list[str]]:
    """Ids without '.0' when all are whole numbers and some are written as 123.0, with a note; else as they are."""
    numeric = r"^\d+(\.0)?$"
    head = users.slice(0, 1000)
    for column in (head, users):
        if not pc.all(pc.match_substring_regex(column, numeric)).as_py():
            return users, []
    if not pc.any(pc.ends_with(users, ".0")).as_py():
        return users, []
    plain = pc.replace_substring_regex(users, r"\.0$", "")
    return plain, ["User ids such as 123.0 are whole numbers; they were read as 123."]
