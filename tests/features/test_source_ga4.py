"""The BigQuery export of Google Analytics 4: lists of keys and values, int64 as strings, JSON and Parquet alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.problems import InputProblem
from tests.sources_made import jsonl, read, rows


def param(key: str, **value: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("string_value", "int_value", "float_value", "double_value"))
    return {"key": key, "value": {**empty, **value}}


def event(name: str, micros: str, **over: Any) -> dict[str, Any]:
    return {
        "event_date": "20230116", "event_timestamp": micros, "event_name": name,
        "event_params": [param("method", string_value="Android"), param("ga_session_id", int_value="1673858394")],
        "event_bundle_sequence_id": "22", "user_id": None, "user_pseudo_id": "8d59ce71",
        "user_properties": [param("level", string_value="8")], "user_ltv": None, "device": {"category": "mobile"},
        "ecommerce": None, "items": [], **over,
    }  # fmt: skip


EVENTS = [
    event("sign_up", "1673858401132002"),
    event(
        "add_to_cart", "1673858402000000", event_params=[param("currency", string_value="EUR"), param("value", double_value=3.5)]
    ),
    event("level_up", "1673858403000000", event_params=[param("value", int_value="7")], user_id="anna"),
    event(
        "purchase", "1673858404000000", user_id="anna", event_params=[param("value", string_value="99")],
        ecommerce={"purchase_revenue": 12.25, "transaction_id": "T1"},
        items=[{"item_id": "sku/1", "price": 10.0}, {"item_id": "sku.2", "price": 2.25}],
    ),
    event("purchase", "1673858405000000", user_id="anna", ecommerce={"purchase_revenue": None}, items=[{"item_id": None}]),
]  # fmt: skip
EXPECTED = [
    ("8d59ce71", "2023-01-16T08:40:01.132002Z", "sign_up", None, None, None, None),
    ("8d59ce71", "2023-01-16T08:40:02Z", "add_to_cart", 3.5, None, None, None),
    ("anna", "2023-01-16T08:40:03Z", "level_up", 7.0, None, None, None),
    ("anna", "2023-01-16T08:40:04Z", "purchase", 12.25, "sku/1", None, None),
    ("anna", "2023-01-16T08:40:05Z", "purchase", None, None, None, None),
]


def typed(record: dict[str, Any]) -> dict[str, Any]:
    """As Parquet has it: whole numbers as such."""
    params = [
        {**one, "value": {**one["value"], "int_value": int(one["value"]["int_value"] or 0) or None}}
        for one in record["event_params"]
    ]
    return {**record, "event_timestamp": int(record["event_timestamp"]), "event_params": params}


VALUE = pa.struct([
    ("string_value", pa.string()), ("int_value", pa.int64()), ("float_value", pa.float64()), ("double_value", pa.float64()),
])  # fmt: skip
SCHEMA = pa.schema([
    ("event_timestamp", pa.int64()), ("event_name", pa.string()), ("user_id", pa.string()), ("user_pseudo_id", pa.string()),
    ("event_params", pa.list_(pa.struct([("key", pa.string()), ("value", VALUE)]))),
    ("ecommerce", pa.struct([("purchase_revenue", pa.float64()), ("transaction_id", pa.string())])),
    ("items", pa.list_(pa.struct([("item_id", pa.string()), ("price", pa.float64())]))),
])  # fmt: skip


def write(path: Path) -> None:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([typed(one) for one in EVENTS], SCHEMA), path, row_group_size=2)
    elif path.suffix == ".jsonl":
        path.write_text(jsonl(*EVENTS))
    else:
        path.write_text(json.dumps(EVENTS, indent=2 if "pretty" in path.name else None))


@pytest.mark.parametrize("name", ["list.json", "pretty.json", "lines.jsonl", "table.parquet"])
def test_every_shape_of_the_export_gives_the_same_events(tmp_path: Path, name: str) -> None:
    # Seen to fail with the first entry of event_params taken for any key, and with items[0] of one list for all rows.
    write(tmp_path / name)
    found = read(f"ga4:{name}", tmp_path)
    assert rows(found) == EXPECTED
    assert any(note.startswith("The user is 'user_id' in 3, 'user_pseudo_id' in 2 rows") for note in found.notes)
    assert len(found.rejected) == 0


@pytest.mark.parametrize("name", ["list.json", "lines.jsonl", "table.parquet"])
def test_any_parameter_can_be_named(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    found = read(f"ga4:{name}", tmp_path, item="event_params.method", value="items.price")
    assert rows(found, "value", "item") == [
        (None, "Android"),
        (None, None),
        (None, None),
        (10.0, None),
        (None, "Android"),
    ]


def test_the_list_itself_is_no_value(tmp_path: Path) -> None:
    write(tmp_path / "table.parquet")
    with pytest.raises(InputProblem, match="not one value a row") as caught:
        read("ga4:table.parquet", tmp_path, item="items")
    assert caught.value.code == "bad_column_type"


def test_lists_are_told_apart_by_row_when_sliced_null_or_empty(tmp_path: Path) -> None:
    # Oracle: plain Python over the same records.
    records = [
        {"user": "u", "time": 1_600_000_000 + n, "event_params": None if n % 5 == 0 else [
            param(("a", "b")[k % 2], int_value=str(10 * n + k)) for k in range(n % 4)
        ]} for n in range(60)
    ]  # fmt: skip
    (tmp_path / "e.jsonl").write_text(jsonl(*records))
    kind = pa.schema([("user", pa.string()), ("time", pa.int64()), SCHEMA.field("event_params")])
    table = pa.Table.from_pylist(
        [typed({**one, "event_timestamp": 0, "event_params": one["event_params"] or []}) for one in records], kind
    )
    nulls = pa.Table.from_pylist([{**one, "event_params": None} for one in records], kind)
    where = pa.array([one["event_params"] is None for one in records])
    lists = pa.chunked_array(
        [
            pa.array(
                [None if w else v for w, v in zip(where.to_pylist(), table["event_params"].to_pylist(), strict=True)],
                nulls["event_params"].type,
            )
        ]
    )
    pq.write_table(table.set_column(2, "event_params", lists), tmp_path / "e.parquet", row_group_size=7)
    expected = [
        next((float(p["value"]["int_value"]) for p in one["event_params"] or [] if p["key"] == "b"), None)
        for one in records
    ]
    for name in ("e.jsonl", "e.parquet"):
        found = read(name, tmp_path, user="user", time="time", kind="=x", value="event_params.b")
        assert [value for (value,) in rows(found, "value")] == expected
