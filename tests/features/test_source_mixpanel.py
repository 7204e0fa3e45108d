"""Mixpanel's exports: the wall clock in epoch seconds, and Fivetran's table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.sources_made import jsonl, read, rows


def event(name: str, time: object, **properties: Any) -> dict[str, Any]:
    return {
        "event": name,
        "properties": {
            "time": time, "distinct_id": "1d694fd9", "$browser": "Chrome", "$insert_id": f"c5eed127-{time}",
            "mp_processing_time_ms": 1623886083321, "noninteraction": True, **properties,
        },
    }  # fmt: skip


EVENTS = [
    event("Viewed Page", 1623860880),
    event("Order", 1623860881, revenue=7.25, product_id="p/1", currency="EUR"),
    event("Viewed Page", 1623860882000),
]


@pytest.mark.parametrize(
    ("zone", "hour"), [("UTC", "16"), ("America/Los_Angeles", "23"), ("Asia/Kolkata", "10")], ids=str
)
def test_time_is_the_wall_clock_of_the_project(tmp_path: Path, zone: str, hour: str) -> None:
    # Seen to fail in Los Angeles and Kolkata with epoch seconds read as UTC.
    (tmp_path / "export.jsonl").write_text(jsonl(*EVENTS))
    found = read("mixpanel:export.jsonl", tmp_path, time_zone=zone)
    minute = 58 if zone == "Asia/Kolkata" else 28
    arrived = "2021-06-16T23:28:03.321000Z"
    assert rows(found) == [
        ("1d694fd9", f"2021-06-16T{hour}:{minute}:00Z", "Viewed Page", None, None, "c5eed127-1623860880", arrived),
        ("1d694fd9", f"2021-06-16T{hour}:{minute}:01Z", "Order", 7.25, "p/1", "c5eed127-1623860881", arrived),
        ("1d694fd9", f"2021-06-16T{hour}:{minute}:02Z", "Viewed Page", None, None, "c5eed127-1623860882000", arrived),
    ]
    assert any(f"the project's time zone; it was read in {zone}." in note for note in found.notes)


def test_a_time_of_ones_own_is_not_shifted(tmp_path: Path) -> None:
    (tmp_path / "export.jsonl").write_text(jsonl(*EVENTS))
    found = read("mixpanel:export.jsonl", tmp_path, time_zone="Asia/Kolkata", time="properties.mp_processing_time_ms")
    assert set(rows(found, "time")) == {("2021-06-16T23:28:03.321000Z",)}


def test_an_unreadable_time_is_rejected_with_its_text(tmp_path: Path) -> None:
    (tmp_path / "export.jsonl").write_text(jsonl(*EVENTS, event("Order", "yesterday"), event("Order", None)))
    found = read("mixpanel:export.jsonl", tmp_path, time_zone="Asia/Kolkata")
    assert next((row["line"], row["reason"], row["text"]) for row in found.rejected.table.to_pylist()) == (
        4, "unreadable time", "yesterday",
    )  # fmt: skip
    assert found.counted.rejected == 2


FIVETRAN = """_file,_line,_fivetran_id,event_id,name,time,distinct_id,properties,insert_id,mp_processing_time_ms,os
sample.csv,1,k4G7CSSj=,9406000,plays,2020-08-01 10:16:46,9e308c27,"{""Operating System"": ""Roku"",""revenue"": 2}",pnreu,406572,
sample.csv,2,tUc30K5U=,1744000,plays,2020-08-01 11:35:44,622b169c,"{""title"": ""rupaul's drag race""}",vqrpq,744380,
sample.csv,3,tUc30K5V=,1744000,plays,2024-02-02 08:58:02,622b169c,{},vqrpq,744380,
"""


def test_fivetrans_table_keeps_rows_that_share_an_insert_id(tmp_path: Path) -> None:
    # Mixpanel's key is the event, the user, the time and the insert id together, as _fivetran_id is.
    (tmp_path / "event.csv").write_text(FIVETRAN)
    found = read("mixpanel:event.csv", tmp_path, time_zone="Europe/Berlin")
    assert rows(found) == [
        ("9e308c27", "2020-08-01T08:16:46Z", "plays", 2.0, None, "k4G7CSSj=", None),
        ("622b169c", "2020-08-01T09:35:44Z", "plays", None, None, "tUc30K5U=", None),
        ("622b169c", "2024-02-02T07:58:02Z", "plays", None, None, "tUc30K5V=", None),
    ]
