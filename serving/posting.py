"""A posted event in the log's own meaning, or why it cannot be one."""

from __future__ import annotations

from features.clock import SECOND, format_instant, parse_instant
from features.online.store import PostedEvent
from features.problems import InputProblem
from features.sources.amounts import LARGEST_VALUE
from features.sources.text import MISSING, NOT_A_NUMBER
from serving.interface.requests import EventRequest

EARLIEST = parse_instant("1900-01-01")
CLOCKS_APART = 300 * SECOND  # a sender's clock may run ahead of ours by this much
_NOTHING = {*MISSING, *NOT_A_NUMBER}


def posted_event(event: EventRequest, zone: str, now: int) -> PostedEvent:
    """The event to store; ValueError says why there is none.  now: microseconds UTC."""
    words = {name: getattr(event, name) for name in ("event_id", "user_id", "kind", "item")}
    for name, text in words.items():
        if text is not None and "\0" in text:
            raise ValueError(f"{name} contains a NUL character")
        if text in _NOTHING and name != "item":
            raise ValueError(f"{name} is '{text}', which means that there is none")
    try:
        moment = parse_instant(event.time, zone)
    except InputProblem:
        raise ValueError("time is not readable; send ISO 8601, such as 2026-07-15T08:30:00Z") from None
    if moment > now + CLOCKS_APART:
        raise ValueError(f"time is in the future; it is {format_instant(now)}")
    if moment < EARLIEST:
        raise ValueError("time is before 1900")
    if event.value is not None and not abs(event.value) <= LARGEST_VALUE:
        raise ValueError("value is not a finite number; send null when there is none")
    item = None if event.item in _NOTHING else event.item
    return PostedEvent(event.event_id, event.user_id, moment, event.kind, event.value, item)
