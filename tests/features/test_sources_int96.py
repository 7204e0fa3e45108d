"""Times of Parquet's old type, as Spark writes them, are instants in every business zone."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.events import read_events
from tests.histories_made import at, business


def test_int96_is_utc_whatever_the_business_zone(tmp_path: Path) -> None:
    # Seen to fail without assume_timezone: the times came out as Tokyo's wall clock.
    moments = [at("2024-01-01T12:00"), at("2024-07-01T00:30")]
    table = pa.table({"user": ["a", "b"], "time": pa.array(moments, pa.timestamp("us")), "kind": ["order"] * 2})
    found = []
    for name, old in (("old", True), ("new", False)):
        pq.write_table(table, tmp_path / f"{name}.parquet", use_deprecated_int96_timestamps=old)
        said = business(
            events={"source": str(tmp_path / f"{name}.parquet"), "time_zone": "Asia/Tokyo"},
            churn={"activity": ["order"], "horizon_days": 30},
        )
        found.append(read_events(said, at("2025-01-01")).table["time"].to_pylist())
    assert found[0] == moments
    assert found[1] == [moment - 9 * 3_600_000_000 for moment in moments]
