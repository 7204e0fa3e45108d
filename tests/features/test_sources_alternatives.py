"""Settings with alternatives, columns that change their name, and settings of [events] that name an export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.problems import InputProblem
from tests.sources_made import business, jsonl, read, rows

SAID: dict[str, Any] = {"time": "time", "kind": "=visit"}
ROWS = [("a", "x", "1"), ("", "y", "2"), ("NULL", "", "3"), ("b", None, "4"), (None, None, "5")]


def write(path: Path, names: list[str]) -> None:
    records = [
        dict(zip([*names, "time"], [*row[: len(names)], f"2026-01-0{n + 1}"], strict=True))
        for n, row in enumerate(ROWS)
    ]
    if path.suffix == ".csv":
        lines = [",".join("" if value is None else str(value) for value in record.values()) for record in records]
        path.write_text("\n".join([",".join(records[0]), *lines]) + "\n")
    elif path.suffix == ".jsonl":
        path.write_text(jsonl(*records))
    else:
        table = pa.Table.from_pylist(records)
        last = names[-1]
        whole = (
            pa.array([None if value is None else int(value) for value in table[last].to_pylist()])
            if last == "n"
            else table[last]
        )
        pq.write_table(table.set_column(table.column_names.index(last), last, whole), path)


@pytest.mark.parametrize("name", ["e.csv", "e.jsonl", "e.parquet"])
def test_the_first_that_is_filled_counts_row_by_row(tmp_path: Path, name: str) -> None:
    # Seen to fail with an empty text of a CSV taken as a value; n is a number in Parquet and a text elsewhere.
    write(tmp_path / name, ["p", "q", "n"])
    found = read(name, tmp_path, user="p | q | n | absent", **SAID)
    assert [user for (user,) in rows(found, "user")] == ["a", "y", "3", "b", "5"]
    assert any(note.startswith("The user is 'p' in 2, 'q' in 1, 'n' in 2 rows") for note in found.notes)
    one = read(name, tmp_path, user="q | p", **SAID)
    assert [user for (user,) in rows(one, "user")] == ["x", "y", "b"]
    assert one.counted.rejected == 2


def test_a_column_of_that_very_name_wins(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("p | q,p,q,time\nme,a,b,2026-01-01\n")
    assert rows(read("e.csv", tmp_path, user="p | q", **SAID), "user") == [("me",)]


def test_times_of_two_types_become_one_column(tmp_path: Path) -> None:
    table = pa.table({
        "user": ["a", "b", "c"], "at": pa.array([1_767_225_600_000_000, None, None], pa.timestamp("us", "UTC")),
        "day": pa.array([None, "2026-01-02", None], pa.string()), "date": pa.array([None, None, 20_456], pa.date32()),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "e.parquet")
    found = read("e.parquet", tmp_path, user="user", time="at | day | date", kind="=x", time_zone="Asia/Tokyo")
    assert [time for (time,) in rows(found, "time")] == [
        "2026-01-01T00:00:00Z",
        "2026-01-01T15:00:00Z",
        "2026-01-02T15:00:00Z",
    ]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("other", ["clientId", "Client ID", "CLIENT-ID"])
def test_a_renamed_column_is_followed_with_a_note(tmp_path: Path, suffix: str, other: str) -> None:
    for day, name in enumerate(["client_id", other, other]):
        write(tmp_path / f"{day}.{suffix}", [name])
    found = read(f"*.{suffix}", tmp_path, user="client_id", **SAID)
    assert [user for (user,) in rows(found, "user")] == ["a", "b"] * 3
    assert (
        f"'client_id' is called '{other}' in 2 of 3 files, the first is 1.{suffix}; it was read as the same column."
        in found.notes
    )


def test_what_cannot_be_followed_names_the_file_and_the_fix(tmp_path: Path) -> None:
    write(tmp_path / "0.csv", ["client_id"])
    write(tmp_path / "1.csv", ["cid"])
    with pytest.raises(InputProblem, match=r"1\.csv has no column 'client_id'") as caught:
        read("*.csv", tmp_path, user="client_id", **SAID)
    assert caught.value.code == "missing_column"
    assert 'user = "client_id | cid"' in str(caught.value)
    assert [user for (user,) in rows(read("*.csv", tmp_path, user="client_id | cid", **SAID), "user")] == ["a", "b"] * 2
    write(tmp_path / "1.csv", ["ClientId", "clientID"])  # which of the two?
    with pytest.raises(InputProblem, match=r"1\.csv has no column 'client_id'"):
        read("*.csv", tmp_path, user="client_id", **SAID)


def test_one_file_is_not_searched_for_something_alike(tmp_path: Path) -> None:
    write(tmp_path / "e.csv", ["clientId"])
    with pytest.raises(InputProblem, match="Did you mean 'clientId'"):
        read("e.csv", tmp_path, user="client_id", **SAID)


def test_keys_that_no_record_has(tmp_path: Path) -> None:
    write(tmp_path / "e.jsonl", ["p"])
    with pytest.raises(InputProblem, match=r"no column 'q \| r'"):
        read("e.jsonl", tmp_path, user="q | r", **SAID)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"source": "log.csv"}, ["'events.user' is missing", "'events.time' is missing", "'events.kind' is missing"]),
        ({"source": "amplitude:"}, ["names no file after the colon"]),
        ({"source": "amplitude:x.zip", "user": ""}, ["events.user"]),
        ({"source": "amplitude:x.zip", "query": "SELECT 1"}, ["`query` is for a source such as"]),
        ({"source": "postgresql://u@h/d", "user": "u", "time": "t", "kind": "k"}, ["a database needs query"]),
        ({"source": "amplitude:x.zip", "quary": ""}, ["unknown key 'events.quary'", "Did you mean 'query'"]),
    ],
)
def test_settings_that_cannot_be_meant(tmp_path: Path, said: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InputProblem) as caught:
        business(said.pop("source"), tmp_path, **said)
    assert caught.value.code == "bad_config"
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_an_unknown_format_in_front_says_which_are_known(tmp_path: Path) -> None:
    with pytest.raises(InputProblem, match="amplitude:, ga4:, mixpanel:"):
        read("heap:export.json", tmp_path, user="u", **SAID)


def test_what_a_preset_fills_in_and_where_its_file_is(tmp_path: Path) -> None:
    found = business("ga4:day/*.json", tmp_path, user="user_id")
    assert (found.events.user, found.events.time, found.events.kind) == ("user_id", "event_timestamp", "event_name")
    assert found.source == tmp_path.resolve() / "day/*.json"
    assert found.events.preset is not None
    assert json.loads(found.model_dump_json())["events"]["source"] == "ga4:day/*.json"


def test_an_optional_column_of_a_preset_may_be_missing_and_one_of_ones_own_may_not(tmp_path: Path) -> None:
    write(tmp_path / "e.csv", ["user_id"])
    said = {"time": "time", "kind": "=visit"}
    assert len(rows(read("amplitude:e.csv", tmp_path, **said))) == 2
    assert len(rows(read("amplitude:e.csv", tmp_path, event_id="$insert_id | uuid", **said))) == 2
    with pytest.raises(InputProblem, match="no column 'my_id'"):
        read("amplitude:e.csv", tmp_path, event_id="my_id", **said)


@pytest.mark.parametrize(
    ("source", "expected", "user"),
    [
        ("new.zip", "amplitude:/here/new.zip", "my_user"),
        ("amplitude:/data/*.zip", "amplitude:/data/*.zip", "my_user"),
        ("ga4:day.json", "ga4:/here/day.json", "my_user"),
    ],
)
def test_another_source_is_read_with_the_same_meaning(tmp_path: Path, source: str, expected: str, user: str) -> None:
    found = business("amplitude:old.zip", tmp_path, user="my_user", max_kinds=9).events.reading(source, Path("/here"))
    assert (found.source, found.user, found.max_kinds) == (expected, user, 9)
    assert found.time == ("event_timestamp" if source.startswith("ga4") else "event_time")
    plain = business("old.csv", tmp_path, user="u", **SAID).events.reading("new.csv", Path("/here"))
    assert (plain.source, plain.user) == ("/here/new.csv", "u")
