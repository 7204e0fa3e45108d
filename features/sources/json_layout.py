"""How the objects of a JSON file stand in it: one a line, or in a list or one after the other over many lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from features.sources import json_scan
from features.sources.content import Bytes
from features.sources.paths import paths_in

BY_LINE = -1
HEAD = 1 << 20
_CHUNK_BYTES = 1 << 28
_HEAD_RECORDS = 2_000
_LIST = re.compile(rb"\s*\[")
_HELD_LIST = re.compile(rb'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\[(?=\s*\{)')


def start_of(buf: Bytes) -> int:
    """The byte from which records stand over any number of lines, or BY_LINE when the first line is one object.

    A list may be all there is, or the one key of an object, as in the answer of an API.
    """
    head = buf[:HEAD].tobytes()
    if found := _LIST.match(head):
        return found.end()
    if (found := _HELD_LIST.match(head)) and _is_all(buf, found.end() - 1):
        return found.end()
    return BY_LINE if paths_in(lines(buf[:HEAD])[:1]) or not _over_lines(buf) else 0


def _is_all(buf: Bytes, at: int) -> bool:
    """Whether after the list at a byte there is nothing but the end of the object that holds it."""
    after, _, closed = json_scan.end(buf, at)
    return bool(closed) and buf[after : after + HEAD].tobytes().strip() == b"}"


def _over_lines(buf: Bytes) -> bool:
    """Whether the first record by brackets is a JSON object over more than one line."""
    records = np.empty((1, 3), np.int64)
    json_scan.scan(buf, 0, 1, 1 << 62, records)
    first = buf[records[0, 1] : records[0, 2]].tobytes()
    return b"\n" in first and bool(paths_in([first]))


def head_columns(buf: Bytes, start: int) -> tuple[str, ...]:
    """The paths that the first records have."""
    if start == BY_LINE:
        return paths_in(lines(buf[:HEAD]))
    for found in records(buf, start, _HEAD_RECORDS, HEAD):
        return paths_in(buf[low:high].tobytes() for _, low, high in found.tolist())
    return ()


def records(buf: Bytes, start: int, most: int, most_bytes: int = _CHUNK_BYTES) -> Iterator[npt.NDArray[np.int64]]:
    """(n, 3) physical line, first byte and byte after of each record, some at a time."""
    at, line = start, 1 + int((buf[:start] == 10).sum())
    while at < len(buf):
        found = np.empty((min(most, len(buf) - at), 3), np.int64)
        at, line, count, _ = json_scan.scan(buf, at, line, most_bytes, found)
        if count:
            yield found[:count]


def lines(head: Bytes) -> list[bytes]:
    return head.tobytes().strip().split(newline(head))


def newline(buf: Bytes) -> bytes:
    return b"\n" if (buf[:HEAD] == 10).any() or not (buf[:HEAD] == 13).any() else b"\r"
