"""JSON that is not one object a line, and values in lists and in texts of other formats."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.problems import InputProblem
from features.rejects import BAD_JSON
from features.sources.content import content_of
from features.sources.files import open_file, sample
from features.sources.jsonlines import open_jsonlines

RECORDS: list[dict[str, Any]] = [
    {"user": 'say "hi" \\ {[', "p": {"x": [1, {"y": 2}]}, "t": 1},
    {"user": "b,}\n]", "p": None, "t": 2},
    {"user": "é😀", "p": {"x": []}, "t": 3},
]
SHAPES = {
    "list on one line": json.dumps(RECORDS),
    "list, one object a line": "[\n" + ",\n".join(map(json.dumps, RECORDS)) + "\n]\n",
    "list, brackets on the lines": "[" + ",\n".join(map(json.dumps, RECORDS)) + "]",
    "pretty list": json.dumps(RECORDS, indent=2, ensure_ascii=False),
    "pretty objects one after the other": "\n".join(json.dumps(one, indent=1) for one in RECORDS),
    "the one key of an object": json.dumps({"data": RECORDS}, indent=4),
    "lines": "".join(json.dumps(one) + "\n" for one in RECORDS),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_way_to_write_records(tmp_path: Path, shape: str) -> None:
    # Seen to fail with brackets inside strings counted as brackets.
    path = tmp_path / "e.json"
    path.write_text(SHAPES[shape])
    file = open_file(path)
    found = file.read(["user", "t", "p.x.y"])
    assert found.table["user"].to_pylist() == [one["user"] for one in RECORDS]
    assert found.table["t"].to_pylist() == ["1", "2", "3"]
    assert found.faults.num_rows == 0
    assert "user" in file.columns
    assert sample(path)["user"].to_pylist() == found.table["user"].to_pylist()
    starts = [at + 1 for at, line in enumerate(path.read_text().split("\n")) if '"user"' in line]
    assert all(line <= start for line, start in zip(found.line, starts, strict=False))


def test_lines_of_records_are_physical(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text('\n[\n\n{"user": 1},\n{"user":\n2}, {"user": 3}\n,"text", 5,\n{"user": 4}]')
    found = open_file(tmp_path / "e.json").read(["user"])
    assert found.line.tolist() == [4, 5, 6, 8]
    assert [(row["line"], row["reason"], row["text"]) for row in found.faults.to_pylist()] == [
        (7, BAD_JSON, '"text"'),
        (7, BAD_JSON, "5"),
    ]


def test_a_list_that_ends_in_the_middle_keeps_what_is_whole(tmp_path: Path) -> None:
    text = json.dumps(RECORDS)
    (tmp_path / "e.json").write_text(text[: text.rindex('"t"')])
    found = open_file(tmp_path / "e.json").read(["t"])
    assert found.table["t"].to_pylist() == ["1", "2"]
    assert found.faults["reason"].to_pylist() == [BAD_JSON]
    assert found.notes == ("e.json line 1: this record is not whole, and nothing after it could be read.",)


def test_an_empty_list_is_a_file_without_records(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text("[]\n")
    assert open_file(tmp_path / "e.json").read(["user"]).rows_read == 0


def test_a_line_with_a_list_first_is_a_record(tmp_path: Path) -> None:
    lines = '{"items": [{"id": 1}, {"id": 2}], "user": "a"}\n'
    for text in (lines, lines * 3):
        (tmp_path / "e.jsonl").write_text(text)
        found = open_file(tmp_path / "e.jsonl").read(["user", "items.id"])
        assert found.table.to_pydict() == {"user": ["a"] * text.count("\n"), "items.id": ["1"] * text.count("\n")}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=6),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
            max_leaves=8,
        ),
        min_size=1, max_size=6,
    ),
    st.sampled_from([None, 0, 2]),
)  # fmt: skip
def test_any_records_are_cut_as_python_cuts_them(values: list[Any], indent: int | None) -> None:
    # Oracle: json. What stands in each record is found again, whatever brackets its texts hold.
    records = [{"n": str(at), "value": value} for at, value in enumerate(values)]
    raw = np.frombuffer(json.dumps(records, indent=indent).encode(), np.uint8)
    found = open_jsonlines(content_of(raw, Path("e.json"))).read(["n"])
    assert found.table["n"].to_pylist() == [one["n"] for one in records]


PROPERTIES = ['{"revenue": 5, "a/b": {"c.d": "x"}}', "", '{"revenue": "7.5"}', "{}"]


def test_paths_into_json_texts_of_tables(tmp_path: Path) -> None:
    with (tmp_path / "e.csv").open("w", newline="") as out:
        csv.writer(out).writerows([["user", "my props", "other"], *(["u", text, "{x"] for text in PROPERTIES)])
    typed = pa.table({"user": ["u"] * 4, "my props": [text or None for text in PROPERTIES], "other": ["{x"] * 4})
    pq.write_table(typed, tmp_path / "e.parquet")
    for name in ("e.csv", "e.parquet"):
        file = open_file(tmp_path / name)
        assert file.finds("my props.revenue")
        assert not file.finds("user.revenue")
        found = file.read(["my props.revenue", "user", "my props.a/b.c.d"]).table
        assert found.to_pydict() == {
            "my props.revenue": ["5", None, "7.5", None],
            "user": ["u"] * 4,
            "my props.a/b.c.d": ["x", None, None, None],
        }
        with pytest.raises(InputProblem, match=r"no column 'user\.revenue'"):
            file.read(["user.revenue"])
        assert {"my props", "my props.revenue", "my props.a/b.c.d"} <= set(sample(tmp_path / name).column_names)


def test_a_table_without_records_speaks_against_no_path(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("user,my props\n")
    pq.write_table(
        pa.table({"user": pa.array([], pa.string()), "my props": pa.array([], pa.string())}), tmp_path / "e.parquet"
    )
    for name in ("e.csv", "e.parquet"):
        assert open_file(tmp_path / name).read(["my props.revenue"]).rows_read == 0
