"""Compiled readers of written times: one value at a time, in one layout, without a guess."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

ISO, DAY_FIRST, MONTH_FIRST, MONTH_NAME, COMPACT_DAY, COMPACT, SECONDS, MILLIS, MICROS, NANOS = range(10)
UNREADABLE, NAIVE, ABSOLUTE, DATE = 0, 1, 2, 3  # DATE: naive, and without a time of day

_DAY = 86_400_000_000
_NAMES = np.zeros((12, 9), np.uint8)
_FULL = b"january february march april may june july august september october november december"
for _row, _name in enumerate(_FULL.split()):
    _NAMES[_row, : len(_name)] = np.frombuffer(_name, np.uint8)
_MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_POWERS = np.array([10**i for i in range(19)], np.int64)

Micros = npt.NDArray[np.int64]
States = npt.NDArray[np.uint8]


@numba.njit(cache=True, nogil=True)
def _number(data: Any, at: int, end: int, most: int) -> tuple[int, int]:
    """Up to `most` digits from `at`: their value and the byte after."""
    value, stop = 0, min(end, at + most)
    while at < stop and 48 <= data[at] <= 57:
        value = value * 10 + (data[at] - 48)
        at += 1
    return value, at


@numba.njit(cache=True, nogil=True)
def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01, or a huge negative number when there is no such day."""
    if year < 1 or month < 1 or month > 12 or day < 1:
        return -(1 << 40)
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > _MONTH_DAYS[month - 1] + (1 if leap and month == 2 else 0):
        return -(1 << 40)
    shifted = year - (1 if month <= 2 else 0)
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@numba.njit(cache=True, nogil=True)
def _fraction(data: Any, at: int, end: int) -> tuple[int, int]:
    """Digits after a decimal mark as microseconds (finer ones are cut off) and the byte after; -1 for no digits."""
    micros, seen = 0, 0
    while at < end and 48 <= data[at] <= 57:
        if seen < 6:
            micros = micros * 10 + (data[at] - 48)
        seen += 1
        at += 1
    if seen == 0:
        return -1, at
    return micros * _POWERS[max(0, 6 - seen)], at


@numba.njit(cache=True, nogil=True)
def _zone(data: Any, at: int, end: int) -> tuple[int, bool]:
    """What follows a time of day, up to the end: (offset east in microseconds, whether it is a valid UTC or offset)."""
    while at < end and data[at] == 32:
        at += 1
    left = end - at
    if left == 1 and (data[at] | 32) == 122:
        return 0, True
    if left >= 3 and (data[at] | 32) != 43:
        utc = (data[at] | 32) == 117 and (data[at + 1] | 32) == 116 and (data[at + 2] | 32) == 99
        gmt = (data[at] | 32) == 103 and (data[at + 1] | 32) == 109 and (data[at + 2] | 32) == 116
        if not utc and not gmt:
            if data[at] != 43 and data[at] != 45:
                return 0, False
        else:
            at += 3
            if at == end:
                return 0, True
    if at >= end or (data[at] != 43 and data[at] != 45):
        return 0, False
    sign = 1 if data[at] == 43 else -1
    hours, after = _number(data, at + 1, end, 2)
    if after != at + 3:
        return 0, False
    minutes = 0
    if after < end:
        if data[after] == 58:
            after += 1
        minutes, stop = _number(data, after, end, 2)
        if stop != after + 2 or stop != end:
            return 0, False
    if hours > 18 or minutes > 59:
        return 0, False
    return sign * (hours * 3600 + minutes * 60) * 1_000_000, True


@numba.njit(cache=True, nogil=True)
def _clock(data: Any, at: int, end: int, packed: bool) -> tuple[int, int]:
    """A time of day up to the end: (microseconds after midnight less the offset, state).

    hh, hh:mm, hh:mm:ss, fractions, AM or PM, a zone; `packed` is hhmm or hhmmss without colons.
    """
    hour, after = _number(data, at, end, 2)
    if after == at or (packed and after != at + 2):
        return 0, UNREADABLE
    minute, second, micros, colons = 0, 0, 0, 0
    for part in range(2):
        mark = 0 if packed else 1
        if after + mark >= end or (not packed and data[after] != 58):
            break
        found, stop = _number(data, after + mark, end, 2)
        if stop != after + mark + 2:
            if packed:
                break
            return 0, UNREADABLE
        colons += 1
        after = stop
        if part == 0:
            minute = found
        else:
            second = found
    if colons == 2 and after < end and (data[after] == 46 or data[after] == 44):
        micros, after = _fraction(data, after + 1, end)
        if micros < 0:
            return 0, UNREADABLE
    look = after
    while look < end and data[look] == 32:
        look += 1
    if look + 1 < end and (data[look + 1] | 32) == 109 and ((data[look] | 32) == 97 or (data[look] | 32) == 112):
        if hour < 1 or hour > 12:
            return 0, UNREADABLE
        hour = hour % 12 + (12 if (data[look] | 32) == 112 else 0)
        after = look + 2
        colons = 1
    if colons == 0:
        return 0, UNREADABLE
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and minute + second + micros > 0):
        return 0, UNREADABLE
    total = ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros
    if after == end:
        return total, NAIVE
    offset, valid = _zone(data, after, end)
    return (total - offset, ABSOLUTE) if valid else (0, UNREADABLE)


@numba.njit(cache=True, nogil=True)
def _with_clock(data: Any, at: int, end: int, days: int) -> tuple[int, int]:
    """The rest after a date: nothing, or T, blank or comma and a time of day."""
    if days < -(1 << 39):
        return 0, UNREADABLE
    if at == end:
        return days * _DAY, DATE
    if data[at] == 44 and at + 1 < end and data[at + 1] == 32:
        at += 1
    if (data[at] | 32) != 116 and data[at] != 32:
        return 0, UNREADABLE
    at += 1
    while at < end and data[at] == 32:
        at += 1
    micros, state = _clock(data, at, end, False)
    return days * _DAY + micros, state


@numba.njit(cache=True, nogil=True)
def _separated(data: Any, at: int, end: int, layout: int) -> tuple[int, int]:
    """Three numbers with one separator (- / or .): year first, day first or month first; years have four digits."""
    one, after = _number(data, at, end, 4)
    if after == at or after >= end or (layout == ISO) != (after == at + 4):
        return 0, UNREADABLE
    if layout != ISO and after > at + 2:
        return 0, UNREADABLE
    mark = data[after]
    if mark != 45 and mark != 47 and mark != 46:
        return 0, UNREADABLE
    two, middle = _number(data, after + 1, end, 2)
    if middle == after + 1 or middle >= end or data[middle] != mark:
        return 0, UNREADABLE
    three, last = _number(data, middle + 1, end, 2 if layout == ISO else 4)
    if last == middle + 1 or (layout != ISO and last != middle + 5):
        return 0, UNREADABLE
    if layout == ISO:
        return _with_clock(data, last, end, _days(one, two, three))
    if layout == DAY_FIRST:
        return _with_clock(data, last, end, _days(three, two, one))
    return _with_clock(data, last, end, _days(three, one, two))


@numba.njit(cache=True, nogil=True)
def _month(data: Any, at: int, end: int) -> tuple[int, int]:
    """A month's English name, short or long, and the byte after; 0 when there is none."""
    stop = at
    while stop < end and 97 <= (data[stop] | 32) <= 122:
        stop += 1
    length = stop - at
    for month in range(12):
        full = 9
        while _NAMES[month, full - 1] == 0:
            full -= 1
        if length == 3 or length == full or (month == 8 and length == 4):
            same = True
            for i in range(length):
                if (data[at + i] | 32) != _NAMES[month, i]:
                    same = False
                    break
            if same:
                return month + 1, stop
    return 0, at


@numba.njit(cache=True, nogil=True)
def _gap(data: Any, at: int, end: int) -> int:
    while at < end and (data[at] == 32 or data[at] == 45 or data[at] == 47 or data[at] == 44 or data[at] == 46):
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _named(data: Any, at: int, end: int) -> tuple[int, int]:
    """01-Jan-2020, 1 January 2020, Jan 1, 2020 and "Wed, 01 Jan 2020", each with or without a time of day."""
    month, after = _month(data, at, end)
    if month == 0 and 97 <= (data[at] | 32) <= 122:  # the day of the week
        while at < end and 97 <= (data[at] | 32) <= 122:
            at += 1
        at = _gap(data, at, end)
        month, after = _month(data, at, end)
    if month > 0:
        at = _gap(data, after, end)
    day, after = _number(data, at, end, 2)
    if after == at:
        return 0, UNREADABLE
    at = _gap(data, after, end)
    if at == after:
        return 0, UNREADABLE
    if month == 0:
        month, after = _month(data, at, end)
        if month == 0:
            return 0, UNREADABLE
        at = _gap(data, after, end)
        if at == after:
            return 0, UNREADABLE
    year, after = _number(data, at, end, 4)
    if after != at + 4:
        return 0, UNREADABLE
    return _with_clock(data, after, end, _days(year, month, day))


@numba.njit(cache=True, nogil=True)
def _compact(data: Any, at: int, end: int, layout: int) -> tuple[int, int]:
    """yyyymmdd; and with hhmm or hhmmss, after a T, a blank or nothing, with or without a zone."""
    digits, date = _number(data, at, end, 8)
    if date != at + 8 or digits < 1_900_0000 or digits > 2_101_0000:
        return 0, UNREADABLE
    days = _days(digits // 10_000, digits // 100 % 100, digits % 100)
    if days < -(1 << 39):
        return 0, UNREADABLE
    if layout == COMPACT_DAY:
        return (days * _DAY, DATE) if date == end else (0, UNREADABLE)
    if date == end:
        return 0, UNREADABLE
    clock = date + 1 if (data[date] | 32) == 116 or data[date] == 32 else date
    if clock > date and clock + 2 < end and data[clock + 2] == 58:
        micros, state = _clock(data, clock, end, False)
    else:
        micros, state = _clock(data, clock, end, True)
    return days * _DAY + micros, state


@numba.njit(cache=True, nogil=True)
def _epoch(data: Any, at: int, end: int, layout: int) -> tuple[int, int]:
    """Seconds, milli-, micro- or nanoseconds since 1970, only from 1973 to 2100, so that their ranges are apart."""
    value, after = _number(data, at, end, 19)
    low = 100_000_000 * _POWERS[3 * (layout - SECONDS)]
    if after == at or value < low or value // 41 >= low:
        return 0, UNREADABLE
    micros = value * _POWERS[6 - 3 * (layout - SECONDS)] if layout <= MICROS else value // 1000
    if after < end and data[after] == 46:
        part, after = _fraction(data, after + 1, end)
        if part < 0:
            return 0, UNREADABLE
        if layout <= MILLIS:
            micros += part // _POWERS[3 * (layout - SECONDS)]
    return (micros, ABSOLUTE) if after == end else (0, UNREADABLE)


@numba.njit(cache=True, nogil=True)
def _read(data: Any, offsets: Any, layout: int) -> tuple[Any, Any]:
    count = len(offsets) - 1
    micros, states = np.zeros(count, np.int64), np.zeros(count, np.uint8)
    for row in range(count):
        at, end = offsets[row], offsets[row + 1]
        while at < end and data[at] <= 32:
            at += 1
        while at < end and data[end - 1] <= 32:
            end -= 1
        if at == end:
            continue
        if layout <= MONTH_FIRST:
            value, state = _separated(data, at, end, layout)
        elif layout == MONTH_NAME:
            value, state = _named(data, at, end)
        elif layout <= COMPACT:
            value, state = _compact(data, at, end, layout)
        else:
            value, state = _epoch(data, at, end, layout)
        micros[row], states[row] = value, state
    return micros, states


def read(texts: pa.Array, layout: int) -> tuple[Micros, States]:
    """Times written in one layout: (n,) strings -> (n,) microseconds and (n,) states.

    NAIVE and DATE are wall-clock microseconds, ABSOLUTE is UTC; nulls and all that the layout does not fit
    to the last character are UNREADABLE.
    """
    dense = texts.fill_null("") if texts.null_count else texts
    if not len(dense):
        return np.empty(0, np.int64), np.empty(0, np.uint8)
    _, offsets, data = dense.buffers()
    bounds = np.frombuffer(offsets, np.int32)[dense.offset : dense.offset + len(dense) + 1]
    raw = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    found: tuple[Micros, States] = _read(raw, bounds, layout)
    return found
