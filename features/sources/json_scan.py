"""Compiled search for the records of JSON text that is not one object a line: where each starts and ends."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

_LF, _QUOTE, _BACKSLASH, _COMMA, _OPEN_LIST, _CLOSE_LIST, _OPEN, _CLOSE = 10, 34, 92, 44, 91, 93, 123, 125

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


@numba.njit(cache=True, nogil=True)
def end(buf: Any, at: int) -> tuple[int, int, bool]:
    """The byte after the value that starts at `at`, the line breaks passed, and whether it is closed."""
    size, depth, breaks = len(buf), 0, 0
    while at < size:
        code = buf[at]
        if code == _QUOTE:
            at += 1
            while at < size and buf[at] != _QUOTE:
                if buf[at] == _LF:
                    breaks += 1
                at += 2 if buf[at] == _BACKSLASH else 1
            if at >= size:
                return size, breaks, False
        elif code in (_OPEN, _OPEN_LIST):
            depth += 1
        elif code in (_CLOSE, _CLOSE_LIST):
            if depth == 0:
                return at, breaks, True
            depth -= 1
            if depth == 0:
                return at + 1, breaks, True
        elif depth == 0 and code in (_COMMA, _LF):
            return at, breaks, True
        elif code == _LF:
            breaks += 1
        at += 1
    return size, breaks, depth == 0


@numba.njit(cache=True, nogil=True)
def scan(buf: Any, at: int, line: int, most_bytes: int, records: Any) -> tuple[int, int, int, bool]:
    """Records from byte `at` on physical line `line`, until `records` is full or they have `most_bytes` together.

    Commas, blanks and closing brackets between records are passed over.  records: (n, 3) line, first byte, byte after.
    Returns (next byte, next line, records found, whether the last one is closed).
    """
    size, count, taken, closed = len(buf), 0, 0, True
    while at < size and count < len(records) and taken < most_bytes:
        code = buf[at]
        if code == _LF:
            line += 1
        if code <= 32 or code in (_COMMA, _CLOSE_LIST, _CLOSE):
            at += 1
            continue
        after, breaks, closed = end(buf, at)
        records[count, 0], records[count, 1], records[count, 2] = line, at, after
        taken += after - at
        count += 1
        line += breaks
        at = after
    return at, line, count, closed
