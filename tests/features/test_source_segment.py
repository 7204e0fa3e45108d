"""Segment's calls and its warehouse tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.sources_made import jsonl, read, rows


def call(kind: str, n: int, **over: Any) -> dict[str, Any]:
    return {
        "type": kind, "messageId": f"ajs-{n}", "timestamp": f"2015-02-23T22:28:5{n}.123Z",
        "originalTimestamp": "2015-02-23T21:00:00Z", "receivedAt": f"2015-02-23T22:29:0{n}Z", "anonymousId": "507f",
        "userId": None, "context": {"ip": "8.8.8.8"}, **over,
    }  # fmt: skip


CALLS = [
    call("page", 0, name="Home", properties={"path": "/", "url": "https://x.com/"}),
    call("identify", 1, userId="u/1", traits={"email": "a@b.c"}),
    call(
        "track", 2, userId="u/1", event="Order Completed",
        properties={"revenue": 19.5, "currency": "USD", "products": [{"product_id": "p1"}, {"product_id": "p2"}]},
    ),
    call("track", 2, userId="u/1", event="Order Completed", properties={"revenue": 19.5}),
]  # fmt: skip


def test_calls_as_the_spec_has_them(tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(jsonl(*CALLS))
    found = read("segment:calls.jsonl", tmp_path, time_zone="Asia/Tokyo")
    assert rows(found) == [
        ("507f", "2015-02-23T22:28:50.123000Z", "page", None, "/", "ajs-0", "2015-02-23T22:29:00Z"),
        ("u/1", "2015-02-23T22:28:51.123000Z", "identify", None, None, "ajs-1", "2015-02-23T22:29:01Z"),
        ("u/1", "2015-02-23T22:28:52.123000Z", "Order Completed", 19.5, "p1", "ajs-2", "2015-02-23T22:29:02Z"),
    ]
    assert found.counted.duplicates == 1


PAGES = """id,anonymous_id,user_id,received_at,sent_at,timestamp,url,path,title
ajs-9527,507f191e,97980cfe,2015-02-23 22:28:55,2015-02-23 22:28:55,2015-02-23 22:28:54,https://www.getdbt.com/,/product,Product
"""
ORDERS = """id,anonymous_id,user_id,received_at,timestamp,event,event_text,revenue
ajs-1,507f191e,,2015-02-24 10:00:01,2015-02-24 10:00:00,order_completed,Order Completed,25.5
"""


def test_warehouse_tables_say_by_their_name_what_their_rows_are(tmp_path: Path) -> None:
    # Seen to fail with naive times read in time_zone.
    folder = tmp_path / "warehouse"
    folder.mkdir()
    (folder / "order_completed.csv").write_text(ORDERS)
    (folder / "segment_pages.csv").write_text(PAGES)
    (folder / "legacy.csv").write_text(PAGES.replace("9527", "9528"))
    found = read("segment:warehouse", tmp_path, time_zone="America/New_York")
    assert rows(found) == [
        ("97980cfe", "2015-02-23T22:28:54Z", "legacy", None, "/product", "ajs-9528", "2015-02-23T22:28:55Z"),
        ("507f191e", "2015-02-24T10:00:00Z", "order_completed", 25.5, None, "ajs-1", "2015-02-24T10:00:01Z"),
        ("97980cfe", "2015-02-23T22:28:54Z", "page", None, "/product", "ajs-9527", "2015-02-23T22:28:55Z"),
    ]
    assert "segment_pages.csv has no column of kinds; by its name every row is one 'page'." in found.notes
