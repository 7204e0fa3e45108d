"""Compiled state machines over the bytes of a text table: where its records, fields and physical lines are."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

BLANKS = 0  # as a delimiter: columns aligned by runs of blanks and tabs
OK, BAD_QUOTE, FIELD_COUNT = 0, 1, 2
_LF, _CR, _QUOTE, _SPACE, _TAB = 10, 13, 34, 32, 9

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


@numba.njit(cache=True, nogil=True, inline="always")
def _after_newline(buf: Any, at: int) -> int:
    if buf[at] == _CR and at + 1 < len(buf) and buf[at + 1] == _LF:
        return at + 2
    return at + 1


@numba.njit(cache=True, nogil=True)
def next_line(buf: Any, at: int) -> int:
    """The byte after the line break that ends the physical line at `at`."""
    while at < len(buf):
        if buf[at] == _LF or buf[at] == _CR:
            return _after_newline(buf, at)
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _delimited_record(buf: Any, at: int, delim: int, low: Any, high: Any, escaped: Any) -> tuple[int, int, int, int]:
    """One record from `at`: fills field bounds; returns (next byte, fields, line breaks passed, fault)."""
    size, width = len(buf), len(low)
    count, breaks = 0, 0
    while True:
        look = at
        while look < size and buf[look] == _SPACE and delim != _SPACE:
            look += 1
        doubled = 0
        if look < size and buf[look] == _QUOTE:
            start = look + 1
            at = start
            while True:
                if at >= size:
                    return at, count, breaks, BAD_QUOTE
                code = buf[at]
                if code == _QUOTE:
                    if at + 1 < size and buf[at + 1] == _QUOTE:
                        doubled = 1
                        at += 2
                        continue
                    break
                if code in (_LF, _CR):
                    breaks += 1
                    at = _after_newline(buf, at)
                else:
                    at += 1
            end = at
            at += 1
            while at < size and buf[at] == _SPACE and delim != _SPACE:
                at += 1
            if at < size and buf[at] != delim and buf[at] != _LF and buf[at] != _CR:
                return at, count, breaks, BAD_QUOTE
        else:
            start = at
            while at < size and buf[at] != delim and buf[at] != _LF and buf[at] != _CR:
                at += 1
            end = at
        if count < width:
            low[count], high[count], escaped[count] = start, end, doubled
        count += 1
        if at < size and buf[at] == delim:
            at += 1
            continue
        if count == width + 1 and start == end:  # a delimiter at the end of the line
            count = width
        after = _after_newline(buf, at) if at < size else at
        return after, count, breaks + 1, OK if count == width else FIELD_COUNT


@numba.njit(cache=True, nogil=True)
def _aligned_record(buf: Any, at: int, delim: int, low: Any, high: Any, escaped: Any) -> tuple[int, int, int, int]:
    """As `_delimited_record`, for one line of columns aligned by blanks."""
    size, width, count = len(buf), len(low), 0
    while True:
        while at < size and (buf[at] == _SPACE or buf[at] == _TAB):
            at += 1
        if at >= size or buf[at] == _LF or buf[at] == _CR:
            break
        start = at
        while at < size and buf[at] != _SPACE and buf[at] != _TAB and buf[at] != _LF and buf[at] != _CR:
            at += 1
        if count < width:
            low[count], high[count], escaped[count] = start, at, 0
        count += 1
    after = _after_newline(buf, at) if at < size else at
    return after, count, 1, OK if count == width else FIELD_COUNT


@numba.njit(cache=True, nogil=True)
def _full_row(buf: Any, start: int, end: int, delim: int, width: int) -> bool:
    count = 0
    for at in range(start, end):
        if buf[at] == delim:
            count += 1
    return count == width - 1


@numba.njit(cache=True, nogil=True)
def _looks_swallowed(buf: Any, start: int, end: int, delim: int, width: int) -> bool:
    """Whether the first and the last line of a record of several lines would each be a whole row."""
    first = start
    while buf[first] != _LF and buf[first] != _CR:
        first += 1
    last = end - 1
    while last > first and (buf[last] == _LF or buf[last] == _CR):
        last -= 1
    while buf[last - 1] != _LF and buf[last - 1] != _CR:
        last -= 1
    return _full_row(buf, start, first, delim, width) and _full_row(buf, last, end, delim, width)


@numba.njit(cache=True, nogil=True)
def scan(
    buf: Any,
    at: int,
    line: int,
    delim: int,
    width: int,
    slots: Any,
    rows: Any,
    low: Any,
    high: Any,
    escaped: Any,
    faults: Any,
) -> tuple[int, int, int, int, int]:
    """Records from byte `at` on physical line `line`, until the arrays are full or the bytes end.

    slots: (width,) the output slot of each column, or -1.  rows: (n, 3) line, first byte, byte after.
    low, high, escaped: (slots, n) field bounds, and whether quotes are doubled inside.  faults: (n, 4)
    line, first byte, byte after, code.
    Returns (next byte, next line, rows, faults, line of the first suspicious record or 0).

    A faulty record gives up its first physical line alone: reading resumes on the next, so that one stray quote
    swallows no other row.
    """
    one_low, one_high = np.empty(width, np.int64), np.empty(width, np.int64)
    one_escaped = np.empty(width, np.uint8)
    good, bad, suspicious, size = 0, 0, 0, len(buf)
    while at < size and good < len(rows) and bad < len(faults):
        look = at
        while look < size and (buf[look] == _SPACE or (buf[look] == _TAB and delim == BLANKS)):
            look += 1
        if look >= size or buf[look] == _LF or buf[look] == _CR:
            at = _after_newline(buf, look) if look < size else size
            line += 1
            continue
        if delim == BLANKS:
            after, _, breaks, fault = _aligned_record(buf, at, delim, one_low, one_high, one_escaped)
        else:
            after, _, breaks, fault = _delimited_record(buf, at, delim, one_low, one_high, one_escaped)
        if fault != OK:
            after = next_line(buf, at)
            faults[bad, 0], faults[bad, 1], faults[bad, 2], faults[bad, 3] = line, at, after, fault
            bad += 1
            line += 1
            at = after
            continue
        for column in range(width):
            slot = slots[column]
            if slot >= 0:
                low[slot, good], high[slot, good] = one_low[column], one_high[column]
                escaped[slot, good] = one_escaped[column]
        if breaks > 1 and suspicious == 0 and _looks_swallowed(buf, at, after, delim, width):
            suspicious = line
        rows[good, 0], rows[good, 1], rows[good, 2] = line, at, after
        good += 1
        line += breaks
        at = after
    return at, line, good, bad, suspicious


@numba.njit(cache=True, nogil=True)
def _gather(buf: Any, low: Any, high: Any, escaped: Any) -> tuple[Any, Any]:
    """Copy fields next to each other, doubled quotes made single: (n + 1,) offsets and their bytes."""
    total = 0
    for row in range(len(low)):
        total += high[row] - low[row]
    offsets, data = np.empty(len(low) + 1, np.int32), np.empty(total, np.uint8)
    out = 0
    offsets[0] = 0
    for row in range(len(low)):
        at = low[row]
        if escaped[row]:
            while at < high[row]:
                data[out] = buf[at]
                out += 1
                at += 2 if buf[at] == _QUOTE else 1
        else:
            while at < high[row]:
                data[out] = buf[at]
                out += 1
                at += 1
        offsets[row + 1] = out
    return offsets, data[:out]


def gather(buf: Bytes, low: Ints, high: Ints, escaped: Bytes) -> pa.Array:
    """The fields at [low, high) of `buf` as an Arrow string array, without a copy beyond the one."""
    offsets, data = _gather(buf, low, high, escaped)
    return pa.Array.from_buffers(pa.string(), len(low), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
