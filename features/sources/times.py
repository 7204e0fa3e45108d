"""A column of times, typed or written, as microseconds; the one format of a written column is decided on all of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.clock import DAY, Micros
from features.problems import InputProblem
from features.sources import instants
from features.sources.instants import ABSOLUTE, DATE, NAIVE, UNREADABLE, States
from features.sources.raw import one_line
from features.sources.text import as_text

_FAMILIES = (
    ((instants.ISO, instants.COMPACT_DAY, instants.COMPACT), ""),
    ((instants.DAY_FIRST,), "day first, as 31/12/2020"),
    ((instants.MONTH_FIRST,), "month first, as 12/31/2020"),
    ((instants.MONTH_NAME,), "with the month's name, as 31-Dec-2020"),
    ((instants.SECONDS,), "seconds since 1970"),
    ((instants.MILLIS,), "milliseconds since 1970"),
    ((instants.MICROS,), "microseconds since 1970"),
    ((instants.NANOS,), "nanoseconds since 1970"),
)
_MIXED_SHARE = 0.01
_TWO_DIGIT_YEAR = r"^\s*\d{1,2}[-/.]\d{1,2}[-/.]\d\d(\s.*)?$"


class TimeColumn(NamedTuple):
    """Times of a column.

    micros: (n,) UTC where the state is ABSOLUTE, wall clock where it is NAIVE or DATE.  states: (n,) see `instants`.
    notes: sentences about the format that was found.
    """

    micros: Micros
    states: States
    notes: tuple[str, ...]


def read_times(pieces: Sequence[pa.Array], time_format: str = "", name: str = "time") -> TimeColumn:
    """Read a column: typed pieces as they are, all written pieces in one format.

    time_format: a strptime format that wins over any guess.  name: the column's, for messages.
    Raises InputProblem: undecidable_time_format, mixed_time_formats, bad_time_format, bad_column_type.
    """
    typed = [_typed(piece, name) for piece in pieces]
    texts = [as_text(piece) for piece, found in zip(pieces, typed, strict=True) if found is None]
    written = _by_format(texts, time_format, name) if time_format else _by_guess(texts, name)
    micros, states, at = [], [], 0
    for piece, found in zip(pieces, typed, strict=True):
        if found is None:
            found = written.micros[at : at + len(piece)], written.states[at : at + len(piece)]
            at += len(piece)
        micros.append(found[0])
        states.append(found[1])
    return TimeColumn(_joined(micros, np.int64), _joined(states, np.uint8), written.notes)


def _joined(parts: Sequence[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate([np.empty(0, kind), *parts])


def _typed(piece: pa.Array, name: str) -> tuple[Micros, States] | None:
    """Times of a typed column; None for strings and for numbers, which are read as if written."""
    kind = piece.type
    if pa.types.is_date(kind):
        return _whole(piece.cast(pa.date32()).cast(pa.int32()).cast(pa.int64()), DAY, DATE)
    if pa.types.is_timestamp(kind):
        scale = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": -1_000}[kind.unit]
        return _whole(piece.cast(pa.int64()), scale, ABSOLUTE if kind.tz else NAIVE)
    if pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind) or pa.types.is_floating(kind):
        return None
    raise InputProblem(
        f"The column '{name}' has the type {kind}, which is not a time. Name another column under [events], "
        "or write it as a timestamp, a date, a string or a number.",
        "bad_column_type",
    )


def _whole(numbers: pa.Array, scale: int, state: int) -> tuple[Micros, States]:
    if not numbers.null_count and scale == 1:
        return np.asarray(numbers), np.full(len(numbers), state, np.uint8)
    present = np.asarray(numbers.is_valid())
    values = np.asarray(numbers.fill_null(0))
    limit = np.iinfo(np.int64).max // max(scale, 1)
    present &= np.abs(values) < limit
    micros = values // -scale if scale < 0 else np.where(present, values, 0) * scale
    return micros.astype(np.int64), np.where(present, state, UNREADABLE).astype(np.uint8)


def _layout(texts: Sequence[pa.Array], layout: int) -> tuple[Micros, States]:
    parts = [instants.read(text, layout) for text in texts]
    return _joined([part[0] for part in parts], np.int64), _joined([part[1] for part in parts], np.uint8)


def _by_guess(texts: Sequence[pa.Array], name: str) -> TimeColumn:
    """The format that reads the most values; ties go to the earlier one in the list."""
    filled = sum(len(text) - text.null_count for text in texts)
    best, best_layout = TimeColumn(np.empty(0, np.int64), np.empty(0, np.uint8), ()), instants.ISO
    taken = np.zeros(sum(map(len, texts)), bool)  # 12 digits are a date and a time rather than milliseconds of 1976
    for layouts, says in _FAMILIES:
        found = _family(texts, layouts)
        found.states[taken] = UNREADABLE
        if layouts[0] == instants.ISO:
            taken = found.states > 0
        if layouts[0] == instants.ISO or (found.states > 0).sum() > (best.states > 0).sum():
            best, best_layout = TimeColumn(*found, (f"'{name}' was read as {says}.",) if says else ()), layouts[0]
        if (best.states > 0).sum() == filled:
            break
    if not (best.states > 0).any():
        _refuse_two_digit_years(texts, name)
    if best_layout in (instants.DAY_FIRST, instants.MONTH_FIRST):
        return _day_or_month(texts, name)
    return best


class _Found(NamedTuple):
    micros: Micros
    states: States


def _family(texts: Sequence[pa.Array], layouts: Sequence[int]) -> _Found:
    micros, states = _layout(texts, layouts[0])
    for layout in layouts[1:]:
        if (states > 0).all():
            break
        more, more_states = _layout(texts, layout)
        use = (states == UNREADABLE) & (more_states > 0)
        micros, states = np.where(use, more, micros), np.where(use, more_states, states)
    return _Found(micros, states)


def _day_or_month(texts: Sequence[pa.Array], name: str) -> TimeColumn:
    """Day first or month first, by the values that only one of them can read."""
    days, months = _Found(*_layout(texts, instants.DAY_FIRST)), _Found(*_layout(texts, instants.MONTH_FIRST))
    only_day, only_month = (days.states > 0) & (months.states == 0), (months.states > 0) & (days.states == 0)
    votes = int(only_day.sum()), int(only_month.sum())
    if votes == (0, 0) and (days.micros != months.micros).any():
        raise _undecidable(_first(texts, (days.states > 0) & (days.micros != months.micros)), name)
    if min(votes) > _MIXED_SHARE * sum(votes):
        one, two = _first(texts, only_day), _first(texts, only_month)
        raise InputProblem(
            f"The column '{name}' mixes day first ('{one}', {votes[0]:,} rows) "
            f"and month first ('{two}', {votes[1]:,} rows). "
            'Write the source in one format, or set time_format = "%d/%m/%Y" (or "%m/%d/%Y") under [events] '
            "to read one and reject the other.",
            "mixed_time_formats",
        )
    day_first = votes[0] >= votes[1]
    found, proof = (days, only_day) if day_first else (months, only_month)
    shown = f" ({max(votes):,} rows leave no doubt, the first is '{_first(texts, proof)}')" if max(votes) else ""
    return TimeColumn(*found, (f"'{name}' was read as {'day' if day_first else 'month'} first{shown}.",))


def _first(texts: Sequence[pa.Array], mask: np.ndarray) -> str:
    row = int(mask.argmax())
    for text in texts:
        if row < len(text):
            return one_line(str(text[row].as_py()))
        row -= len(text)
    return ""


def _undecidable(example: str, name: str) -> InputProblem:
    mark = next((sign for sign in "/.-" if sign in example), "/")
    rest = " %H:%M:%S" if example.count(":") == 2 else " %H:%M" if ":" in example else ""
    year = "%Y" if re.search(r"\d{4}", example) else "%y"
    one, two = (f"{a}{mark}{b}{mark}{year}{rest}" for a, b in (("%d", "%m"), ("%m", "%d")))
    return InputProblem(
        f"The column '{name}' does not show whether the day or the month comes first (for example '{example}'). "
        f'Set time_format = "{one}" or time_format = "{two}" under [events] in winback.toml.',
        "undecidable_time_format",
    )


def _refuse_two_digit_years(texts: Sequence[pa.Array], name: str) -> None:
    for text in texts:
        short = text.filter(pc.match_substring_regex(text, _TWO_DIGIT_YEAR))
        if len(short):
            raise _undecidable(one_line(short[0].as_py()), name)


def _by_format(texts: Sequence[pa.Array], time_format: str, name: str) -> TimeColumn:
    """Every value by the configured strptime format; a literal Z at its end means UTC."""
    if not re.search(r"%[YyxcG]", time_format):
        raise _bad_format(time_format, "it has no year (%Y)")
    zoned, literal = "%z" in time_format, bool(re.search(r"(?<!%)Z$", time_format))
    value = "regexp_replace(trim(text), 'Z$', '+00')" if zoned else "trim(text)"
    with duckdb.connect(config={"autoinstall_known_extensions": "false", "threads": 2}) as database:
        database.register("times", pa.table({"text": pa.chunked_array(texts, pa.string())}))
        quoted = time_format.replace("'", "''")
        try:
            micros = database.sql(
                f"SELECT epoch_us(try_strptime({value}, '{quoted}')) AS m FROM times"
            ).to_arrow_table()["m"]
        except duckdb.Error as error:
            raise _bad_format(time_format, str(error).splitlines()[0]) from None
    present = np.asarray(micros.is_valid())
    values = np.asarray(micros.fill_null(0)).astype(np.int64)
    clock = re.search(r"%[HIcXfgn]", time_format)
    state = ABSOLUTE if zoned or literal else NAIVE if clock else DATE
    return TimeColumn(values, np.where(present, state, UNREADABLE).astype(np.uint8), ())


def _bad_format(time_format: str, why: str) -> InputProblem:
    return InputProblem(
        f'time_format = "{time_format}" under [events] cannot be used: {why.rstrip(".")}. '
        'Write a strptime format such as "%d/%m/%Y %H:%M".',
        "bad_time_format",
    )
