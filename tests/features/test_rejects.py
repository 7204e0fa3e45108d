"""The account of rejected rows: its one sentence, and its file."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pytest

from features.problems import InputProblem
from features.rejects import BAD_TIME, NO_USER, SCHEMA, Rejected


def rejected(rows: list[tuple[str, int, str, str]], rows_read: int = 48_210, files: int = 1) -> Rejected:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
    arrays = [pa.array(column, item.type) for column, item in zip(columns, SCHEMA, strict=True)]
    return Rejected(pa.table(arrays, schema=SCHEMA), rows_read, "events.csv", files)


def test_summary_is_the_sentence_of_the_style_guide() -> None:
    # Seen to fail with the reasons in order of appearance instead of by count.
    rows = [("events.csv", 90 + i, BAD_TIME, "yesterday") for i in range(12)]
    rows += [("events.csv", 17 + i, NO_USER, "row") for i in range(300)]
    assert rejected(rows).summary() == (
        "events.csv: 312 of 48,210 rows rejected: 300 without a user id (first at line 17), "
        "12 with an unreadable time (first: 'yesterday', line 90)."
    )


def test_summary_of_several_files_names_the_file() -> None:
    found = rejected([("b.csv", 3, BAD_TIME, "x " * 80), ("b.csv", 4, "a new reason", "")], files=2).summary()
    assert "b.csv line 3" in found
    assert "..." in found
    assert "1 (a new reason) (first at b.csv line 4)" in found


def test_summary_of_nothing() -> None:
    assert rejected([]).summary() == "events.csv: all 48,210 rows read."
    assert len(Rejected()) == 0


def test_write_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Seen to fail with a plain open(path, "w"): the old file was empty after the error.
    path = tmp_path / "deep" / "rejected.csv"
    rejected([("e.csv", 2, BAD_TIME, 'a "b", c\nd 😀')]).write(path)
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [SCHEMA.names, ["e.csv", "2", BAD_TIME, 'a "b", c\nd 😀']]
    before = path.read_bytes()
    monkeypatch.setattr("features.rejects.pacsv.write_csv", _half_written)
    with pytest.raises(InputProblem, match="disk full"):
        rejected([]).write(path)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["rejected.csv"]


def _half_written(_table: pa.Table, out: Path) -> None:
    out.write_bytes(b"half")
    raise OSError("disk full")
