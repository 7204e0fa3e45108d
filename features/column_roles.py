"""Whether one column can be the user, the time, the kind, ...: a score, or what in its content speaks against it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.clock import DAY
from features.column_content import Column, varies_within
from features.column_names import has_id_word, has_time_word, is_opaque, is_state, not_users
from features.kind_words import is_deed

MOST_KINDS = 200
_ENOUGH = 20
_LATE_DAYS = 30.0


@dataclass(frozen=True)
class Judged:
    """One column in one role.  score: 0 when it cannot be.  against: what in the content speaks against it, or ""."""

    column: Column
    name: float
    score: float
    against: str = ""


def as_user(column: Column, name: float) -> Judged:
    against = _not_a_user(column, name)
    if against:
        return Judged(column, name, 0.0, against)
    if name >= 0.3:
        full = 1.0 if column.fill >= 0.9 else 0.85 if column.fill >= 0.5 else 0.3
        repeats = 0.5 if column.rows >= _ENOUGH and (column.unique or column.distinct == 1) else 1.0
        return Judged(column, name, name * full * repeats)
    many = column.distinct >= min(_ENOUGH, max(2, column.filled // 4)) and column.top_share < 0.2
    repeated = column.filled >= 1.2 * column.distinct
    credible = not_users(column.name) < 0.4 and column.fill > 0.5 and many and repeated and not column.decimal
    spoken = 0.1 if has_id_word(column.name) else 0.0
    placed = 0.3 if is_opaque(column.name) else 0.25
    return Judged(column, 0.0, placed + spoken if credible else 0.0)


def _not_a_user(column: Column, name: float) -> str:
    if not column.filled:
        return "it is empty"
    if column.written_time and (not _whole_numbers(column) or name < 0.3):
        return "it holds times"
    if column.decimal > 0.01:
        return "it holds numbers with decimals"
    if column.boolean and column.rows >= _ENOUGH:
        return "it holds yes or no"
    return "it holds nested objects" if column.nested else ""


def _whole_numbers(column: Column) -> bool:
    return not column.typed and all(name.isdigit() for name in column.names[:50])


def as_time(column: Column, name: float, user: Column | None) -> Judged:
    if column.time_share < 0.8:
        empty = "it is empty" if not column.filled else f"only {column.time_share:.0%} of it are readable as times"
        return Judged(column, name, 0.0, empty)
    if name == 0 and not column.written_time and not is_opaque(column.name):
        return Judged(column, name, 0.0)
    if name == 0 and _whole_numbers(column) and not is_opaque(column.name) and not has_time_word(column.name):
        return Judged(column, name, 0.0)
    full = column.fill if column.fill < 0.9 else 1.0
    constant = 0.3 if column.distinct == 1 and column.rows >= _ENOUGH else 1.0
    within = varies_within(column, user) if user is not None else float("nan")
    attribute = 0.3 if within < 0.02 and column.rows >= _ENOUGH else 1.0
    return Judged(column, name, max(name, 0.1) * full * constant * attribute)


def as_kind(column: Column, name: float, user: Column | None) -> Judged:
    if not column.filled:
        return Judged(column, name, 0.0, "it is empty")
    if (
        column.fill < 0.5
        or column.nested
        or column.decimal > 0.01
        or (column.written_time and not _whole_numbers(column))
    ):
        return Judged(column, name, 0.0, "it holds something else than the names of events")
    if (column.distinct > max(MOST_KINDS, 10) and column.distinct > 0.1 * column.filled) or _free(column):
        return Judged(
            column,
            name,
            0.0,
            f"it has {column.distinct:,} different values in {column.filled:,} rows, too many for kinds of event",
        )
    within = varies_within(column, user) if user is not None else float("nan")
    deeds = _deeds(column)
    if name < 0.9 and column.rows >= _ENOUGH and within < 0.02 and column.distinct > 1:
        return Judged(column, name, 0.0, "it says the same of all events of a user")
    if name >= 0.8:
        return Judged(column, name, name * (1.0 if column.numeric < 0.5 else 0.8))
    repeated = column.rows >= _ENOUGH and column.filled >= 5 * column.distinct
    several = 1 < column.distinct <= MOST_KINDS and not is_state(column.name)
    words = 0.3 + 0.4 * deeds if repeated and several and deeds >= 0.3 and column.numeric < 0.5 else 0.0
    if 0.5 <= name < 0.8 and column.rows < _ENOUGH and deeds >= 0.3:
        words = 0.3
    opaque = 0.3 * (
        is_opaque(column.name)
        and 1 < column.distinct <= 50
        and column.numeric < 0.1
        and column.filled > 3 * column.distinct
    )
    return Judged(column, name, max(words + 0.3 * name if words else 0.0, opaque))


def _free(column: Column) -> bool:
    return column.rows >= 2 * _ENOUGH and column.distinct > 0.5 * column.filled


def _deeds(column: Column) -> float:
    """Share of the rows whose value reads like something that somebody does."""
    some = range(min(column.distinct, MOST_KINDS))
    return float(sum(column.counts[at] for at in some if _is_short(column.names[at])) / max(column.filled, 1))


def _is_short(text: str) -> bool:
    return len(text) <= 40 and is_deed(text)


def as_event_id(column: Column, name: float) -> Judged:
    if name < 0.3 or not column.filled:
        return Judged(column, name, 0.0)
    ratio = column.distinct / column.filled
    if column.fill < 0.9 or ratio < (0.9 if name >= 0.9 else 1.0):
        why = (
            f"{column.filled - column.distinct:,} of {column.filled:,} rows repeat one"
            if column.filled
            else "it is empty"
        )
        return Judged(column, name, 0.0, why)
    return Judged(column, name, name if name >= 0.9 or column.rows >= _ENOUGH else 0.0)


def as_arrival(column: Column, name: float, time: Column | None) -> Judged:
    if name < 0.3 or time is None or not column.filled or column.time_share < 0.9 or not _comparable(time, column):
        return Judged(column, name, 0.0)
    late = (column.micros() - time.micros()) / DAY
    late = late[np.isfinite(late)]
    if not len(late) or (late < -1 / 24).mean() > 0.05:
        return Judged(column, name, 0.0, "it is often earlier than the event itself")
    if np.quantile(late, 0.9) > _LATE_DAYS:
        return Judged(
            column, name, 0.0, f"it lags the events by {np.median(late):,.0f} days (median), as after a bulk load"
        )
    return Judged(column, name, name)


def _comparable(time: Column, other: Column) -> bool:
    return time.has_clock and other.has_clock and time.layout[0] >= 0 and other.layout[0] >= 0


def as_value(column: Column, name: float) -> Judged:
    opaque = is_opaque(column.name)
    if name < 0.3 and not opaque:
        return Judged(column, name, 0.0)
    if column.numeric < 0.98:
        return Judged(
            column, name, 0.0, "it is empty" if not column.filled else f"only {column.numeric:.0%} of it are numbers"
        )
    if not np.any(column.numbers[np.isfinite(column.numbers)] != 0):
        return Judged(column, name, 0.0, "it is always 0")
    if opaque:
        return Judged(column, 0.0, 0.3 + 0.1 * column.decimal if column.decimal > 0.05 and column.distinct > 2 else 0.0)
    if column.unique and not column.decimal and column.rows >= 10 * _ENOUGH:
        return Judged(column, name, 0.0, "every row has its own whole number, as ids do")
    return Judged(column, name, name + (0.05 if column.decimal > 0.05 else 0.0))


def as_item(column: Column, name: float, user: Column | None) -> Judged:
    if (
        name < 0.4
        or column.distinct < 2
        or column.nested
        or column.decimal > 0.01
        or (column.written_time and not _whole_numbers(column))
    ):
        return Judged(column, name, 0.0)
    if column.unique and column.rows >= _ENOUGH:
        return Judged(column, name, 0.0, "every row has its own")
    if user is not None and varies_within(column, user) < 0.02:
        return Judged(column, name, 0.0, "it says the same of all events of a user")
    return Judged(column, name, name * (1.0 if column.fill >= 0.3 else 0.7) + 0.02 * has_id_word(column.name))


def as_currency(column: Column, name: float) -> Judged:
    codes = 0 < column.distinct <= 60 and all(len(code) <= 4 for code in column.names)
    return Judged(column, name, name if codes and name >= 0.3 else 0.0)
