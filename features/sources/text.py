"""Cells as text: what every type looks like when written down, and which texts mean that nothing is there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

TEXTS = pa.dictionary(pa.int32(), pa.string())
MISSING = ("", "NULL", "null", "Null", "None", "N/A", "n/a", "\\N", "<NA>", "<null>", "(null)")
NOT_A_NUMBER = ("NaN", "nan", "NAN")

Mask = npt.NDArray[np.bool_]


def chunks(column: pa.ChunkedArray | pa.Array, dictionaries: bool = False) -> list[pa.Array]:
    """The pieces of a column, every kind of string as plain strings.

    dictionaries: whether dictionaries of strings may stay, as `cleaned` and what follows it take them.
    """
    pieces = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return [piece if dictionaries and _is_texts(piece) else _plain(piece) for piece in pieces]


def _is_texts(piece: pa.Array) -> bool:
    """Whether this is a dictionary of plain strings, none of them null."""
    kind = piece.type
    return bool(
        pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type) and piece.dictionary.null_count == 0
    )


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
    if pa.types.is_dictionary(piece.type):
        return as_text(piece.dictionary_decode())
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
    """Trimmed strings; null where nothing is there.  A dictionary for each piece when any piece is one."""
    words = pa.array(missing, pa.string())
    if not any(pa.types.is_dictionary(piece.type) for piece in pieces):
        return pa.chunked_array([_cleaned(as_text(piece), words) for piece in pieces], pa.string())
    encoded = [piece if _is_texts(piece) else as_text(piece).dictionary_encode() for piece in pieces]
    return pa.chunked_array([_cleaned_names(piece, words) for piece in encoded], TEXTS).unify_dictionaries()


def _cleaned_names(piece: pa.DictionaryArray, missing: pa.Array) -> pa.DictionaryArray:
    names = _cleaned(piece.dictionary, missing)
    if names.equals(piece.dictionary):
        return piece.cast(TEXTS)
    again = names.dictionary_encode()  # names that differ in blanks alone become one, and some become null
    return pa.DictionaryArray.from_arrays(again.indices.take(piece.indices), again.dictionary).cast(TEXTS)


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
    if pa.types.is_dictionary(piece.type):
        bad = _with_nul(piece.dictionary)
        named = np.asarray(piece.indices.fill_null(0))
        return bad[named] & np.asarray(piece.is_valid()) if bad.any() else np.zeros(len(piece), bool)
    raw = piece.buffers()[2] if pa.types.is_string(piece.type) else None
    if raw is None or not raw.size or (np.frombuffer(raw, np.uint8) != 0).all():
        return np.zeros(len(piece), bool)
    return np.asarray(pc.fill_null(pc.match_substring(piece, "\0"), False))


def plain_ids(users: pa.ChunkedArray) -> tuple[pa.ChunkedArray, list[str]]:
    """Ids without '.0' when all are whole numbers and some are written as 123.0, with a note; else as they are."""
    if pa.types.is_dictionary(users.type):
        return _plain_names(users)
    numeric = r"^\d+(\.0)?$"
    head = users.slice(0, 1000)
    for column in (head, users):
        if not pc.all(pc.match_substring_regex(column, numeric)).as_py():
            return users, []
    if not pc.any(pc.ends_with(users, ".0")).as_py():
        return users, []
    plain = pc.replace_substring_regex(users, r"\.0$", "")
    return plain, ["User ids such as 123.0 are whole numbers; they were read as 123."]


def _plain_names(users: pa.ChunkedArray) -> tuple[pa.ChunkedArray, list[str]]:
    users = users.unify_dictionaries()
    if not users.num_chunks:
        return users, []
    names, note = plain_ids(pa.chunked_array([users.chunk(0).dictionary]))
    if not note:
        return users, []
    again = names.combine_chunks().dictionary_encode()
    pieces = [
        pa.DictionaryArray.from_arrays(again.indices.take(piece.indices), again.dictionary) for piece in users.chunks
    ]
    return pa.chunked_array(pieces), note
