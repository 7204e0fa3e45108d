"""Sources written down by a test, and their events as plain rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from features.business import Business, parse_business
from features.clock import format_instant, parse_instant
from features.events import Events, read_events

NOW = parse_instant("2027-01-01")


def business(source: Path | str, folder: Path, **said: Any) -> Business:
    """A business whose [events] are `said`; its file would stand in `folder`."""
    events = {"source": str(source), **said}
    return parse_business(
        {"events": events, "churn": {"activity": ["order"], "horizon_days": 30}}, folder / "winback.toml"
    )


def read(source: Path | str, folder: Path, **said: Any) -> Events:
    return read_events(business(source, folder, **said), NOW)


def rows(events: Events, *columns: str) -> list[tuple[Any, ...]]:
    """The events as tuples of some columns, times as text."""
    names = columns or ("user", "time", "kind", "value", "item", "event_id", "ingested_at")
    times = {"time", "ingested_at"}
    return [
        tuple(format_instant(row[name]) if name in times and row[name] is not None else row[name] for name in names)
        for row in events.table.to_pylist()
    ]


def jsonl(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)
