"""How a text table is written: its delimiter, its header, and where the first record starts."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from features.problems import InputProblem
from features.sources import scan
from features.sources.content import Bytes, Content
from features.sources.raw import one_line

_HEAD = 1 << 18
_ENOUGH = 0.5
_SAMPLE = 5_000
_NAMES = {
    ord(","): "comma",
    ord("\t"): "tab",
    ord(";"): "semicolon",
    ord("|"): "bar",
    ord(" "): "blank",
    scan.BLANKS: "blanks",
}
_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d\d)|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{4})([T ,].*)?"
)
_STAMP = re.compile(r"(19|20)\d{6}|\d{9,19}(\.\d+)?")
_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Dialect:
    """delimiter: its byte, or 0 for columns aligned by blanks.  first_byte, first_line: of the first record.

    headerless: the first line is data already, and columns are column1, column2, ...
    """

    delimiter: int
    columns: tuple[str, ...]
    first_byte: int
    first_line: int
    headerless: bool

    @property
    def delimiter_name(self) -> str:
        return _NAMES.get(self.delimiter, chr(self.delimiter))


def sniff(content: Content) -> Dialect:
    """Find the delimiter that makes most records agree with the first line; the file's name plays no part.

    Raises InputProblem: empty_file (blank lines only), duplicate_columns.
    """
    head = _whole_lines(content.bytes)
    start, line = _declared_start(head)
    declared = head[:start].tobytes()[4:5]
    codes = [declared[0]] if declared else [ord(mark) for mark in ",\t;|"]
    if not declared and b'"' in head[: scan.next_line(head, 0)].tobytes():
        codes.append(ord(" "))
    tried = [_agreement(content.path, head, start, line, code) for code in codes]
    share, _, found = max(tried, key=lambda one: (one[0] if one[1] > 1 else -1.0, one[1]))
    aligned_share, aligned_width, aligned = _agreement(content.path, head, start, line, scan.BLANKS)
    if (
        (len(found.columns) == 1 or share < _ENOUGH)
        and aligned_width > 1
        and aligned_share > share * (len(found.columns) > 1)
    ):
        found = aligned
    _refuse_duplicates(content.path, found)
    return found


def _whole_lines(buf: Bytes) -> Bytes:
    if len(buf) <= _HEAD:
        return buf
    head = buf[:_HEAD]
    breaks = np.flatnonzero((head == 10) | (head == 13))
    return head[: breaks[-1] + 1] if len(breaks) else head


def _declared_start(head: Bytes) -> tuple[int, int]:
    """Byte and line after a first line such as `sep=;`, which Excel writes."""
    if re.match(rb"sep=.\r?\n", head[:8].tobytes(), re.IGNORECASE):
        return int(scan.next_line(head, 0)), 2
    return 0, 1


def _agreement(path: Path, head: Bytes, start: int, line: int, delimiter: int) -> tuple[float, int, Dialect]:
    """The share of records with as many fields as the first, that number, and the dialect."""
    cells, after, after_line = _first_record(path, head, start, line, delimiter)
    headerless = _is_data(cells)
    names = tuple(f"column{i + 1}" if headerless or not cell else cell for i, cell in enumerate(cells))
    found = Dialect(delimiter, names, start if headerless else after, line if headerless else after_line, headerless)
    width = len(names)
    rows, faults = np.empty((_SAMPLE, 3), np.int64), np.empty((_SAMPLE, 4), np.int64)
    none = np.empty((0, _SAMPLE), np.int64)
    slots = np.full(width, -1, np.int64)
    *_, good, bad, _ = scan.scan(
        head, found.first_byte, 1, delimiter, width, slots, rows, none, none, np.empty((0, _SAMPLE), np.uint8), faults
    )
    return (good / (good + bad) if good + bad else 1.0), width, found


def _first_record(path: Path, head: Bytes, start: int, line: int, delimiter: int) -> tuple[list[str], int, int]:
    """The trimmed cells of the first line that is not blank, and the byte and the line after it."""
    taken: list[bytes] = []

    def lines() -> Iterator[str]:
        at = start
        while at < len(head):
            after = int(scan.next_line(head, at))
            taken.append(head[at:after].tobytes())
            yield taken[-1].decode("utf-8", errors="replace")
            at = after

    source = (text for text in lines() if text.strip(" \r\n\v\f"))
    if delimiter == scan.BLANKS:
        cells = next(source, "").split()
    else:
        try:
            cells = next(csv.reader(source, delimiter=chr(delimiter), skipinitialspace=delimiter != ord(" ")), [])
        except csv.Error:
            cells = []
    if not taken or not b"".join(taken).strip():
        raise InputProblem(f"{path} is empty: it has blank lines only. Export it again.", "empty_file")
    return [cell.strip() for cell in cells] or [""], start + sum(map(len, taken)), line + len(taken)


def _is_data(cells: list[str]) -> bool:
    """Whether a first line is already an event: it has a date, a time stamp, or mostly numbers."""
    filled = [cell for cell in cells if cell]
    numbers = sum(bool(_NUMBER.fullmatch(cell)) for cell in filled)
    return any(_DATE.fullmatch(cell) or _STAMP.fullmatch(cell) for cell in filled) or numbers * 2 > len(filled)


def _refuse_duplicates(path: Path, found: Dialect) -> None:
    twice = sorted({name for name in found.columns if found.columns.count(name) > 1})
    if twice:
        shown = ", ".join(f"'{one_line(name)}'" for name in twice[:5])
        raise InputProblem(
            f"{path} names {'a column' if len(twice) == 1 else f'{len(twice)} columns'} "
            f"more than once in its header: {shown}. "
            "Columns are addressed by name; give each its own name in the header line.",
            "duplicate_columns",
        )
