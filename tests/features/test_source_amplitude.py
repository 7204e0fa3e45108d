"""Amplitude's exports, as the Export API and Fivetran write them, read without a column named."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from features.events import read_events
from features.sources.columns import source_files
from tests.sources_made import NOW, business, jsonl, read, rows


def event(n: int, **over: Any) -> dict[str, Any]:
    return {
        "event_type": "page_view", "event_time": f"2026-07-14 10:00:0{n}.250000",
        "client_event_time": "2026-07-14 09:00:00.000000", "server_upload_time": f"2026-07-14 10:00:1{n}.007000",
        "event_id": 1000 + n, "user_id": "jane@acme", "device_id": "device_ev1", "session_id": 1720835200000,
        "$insert_id": f"evt_{n}", "$schema": None, "uuid": f"721e5863-{n}",
        "event_properties": {"page": "/dashboard"}, "user_properties": {"plan": "pro"}, "groups": {},
        "data": {"path": "/2/httpapi"}, "amplitude_id": 9876543210, "platform": "Web", **over,
    }  # fmt: skip


HOURS = {
    "187520/187520_2026-07-14_10#0.json.gz": [
        event(0),
        event(1, user_id=None, event_type="order", event_properties={"revenue": 12.5, "product_id": "sku/1"}),
    ],
    "187520/187520_2026-07-14_11#1.json.gz": [
        event(2, **{"$insert_id": None, "event_properties": {"$revenue": "3"}}),
        event(2, user_id="", device_id=None, **{"$insert_id": "evt_4"}),
    ],
}
EXPECTED = [
    ("jane@acme", "2026-07-14T10:00:00.250000Z", "page_view", None, None, "evt_0", "2026-07-14T10:00:10.007000Z"),
    ("device_ev1", "2026-07-14T10:00:01.250000Z", "order", 12.5, "sku/1", "evt_1", "2026-07-14T10:00:11.007000Z"),
    ("jane@acme", "2026-07-14T10:00:02.250000Z", "page_view", 3.0, None, "721e5863-2", "2026-07-14T10:00:12.007000Z"),
    ("9876543210", "2026-07-14T10:00:02.250000Z", "page_view", None, None, "evt_4", "2026-07-14T10:00:12.007000Z"),
]


def export(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("187520/", "")
        for name, events in HOURS.items():
            archive.writestr(name, gzip.compress(jsonl(*events).encode()))
    return path


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_the_zip_of_the_export_api(tmp_path: Path, zone: str) -> None:
    # Seen to fail in New York with the naive times read in time_zone, four hours late.
    path = export(tmp_path / "export.zip")
    found = read("amplitude:export.zip", tmp_path, time_zone=zone)
    assert rows(found) == EXPECTED
    assert found.counted.files == 2
    assert source_files(business("amplitude:export.zip", tmp_path)) == (path,)
    users = "The user is 'user_id' in 2, 'device_id' in 1, 'amplitude_id' in 1 rows; "
    assert any(note.startswith(users) for note in found.notes)


def test_a_folder_of_exports_and_a_key_that_overrides_the_preset(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    export(tmp_path / "exports" / "july.zip")
    found = read("amplitude:exports", tmp_path, user="amplitude_id", value="", kind="=visit")
    assert rows(found, "user", "kind", "value") == [("9876543210", "visit", None)] * 4
    assert found.rejected.source.endswith("exports")


FIVETRAN = ["device_id", "id", "server_upload_time", "_insert_id", "amplitude_id", "event_properties", "event_time",
            "event_type", "user_id", "uuid"]  # fmt: skip


def test_fivetrans_table_with_properties_as_text(tmp_path: Path) -> None:
    with (tmp_path / "event.csv").open("w", newline="") as out:
        properties = json.dumps({"revenue": 9.5, "product_id": 'a, "b"'})
        table = csv.writer(out)
        table.writerow(FIVETRAN)
        table.writerow(["2ff5d160", 2425, "2025-02-13T05:35:51.648", "", 75805, "{}", "2025-02-01T19:42:58.123", "watch",
                        "dev@gmail.com", "f4d527be"])  # fmt: skip
        table.writerow(["3b41cbe7", 3704, "2025-02-11T15:09:45.517", "", 75605, properties, "2025-02-01 19:42:59", "order",
                        "", "d1ee87f6"])  # fmt: skip
    assert rows(read("amplitude:event.csv", tmp_path, time_zone="Asia/Tokyo")) == [
        (
            "dev@gmail.com",
            "2025-02-01T19:42:58.123000Z",
            "watch",
            None,
            None,
            "f4d527be",
            "2025-02-13T05:35:51.648000Z",
        ),
        ("3b41cbe7", "2025-02-01T19:42:59Z", "order", 9.5, 'a, "b"', "d1ee87f6", "2025-02-11T15:09:45.517000Z"),
    ]


def test_a_half_written_hour_loses_its_last_line_alone(tmp_path: Path) -> None:
    whole = gzip.compress(jsonl(*(event(n % 10, **{"$insert_id": f"e{n}"}) for n in range(400))).encode())
    (tmp_path / "hour.json.gz").write_bytes(whole[: len(whole) * 3 // 4])
    found = read_events(business("amplitude:hour.json.gz", tmp_path), NOW)
    kept = found.table.num_rows
    assert 200 < kept < 400
    assert [row["line"] for row in found.rejected.table.to_pylist()] == [kept + 1]
    assert any(f"hour.json.gz was cut off in the middle of the gzip data: {kept:,} whole" in n for n in found.notes)
