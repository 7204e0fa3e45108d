"""A business's own features, as a customer would write them; the laws are tried on them (`strategies.OWN`)."""

from __future__ import annotations

from features.custom import PastEvents, feature

HOUR = 3_600_000_000


@feature(unit="hours", concept="rhythm", says="hours from the first to the last order", missing="fewer than 2 orders")
def order_span(past: PastEvents, as_of: int) -> float:
    orders = past.of("order")
    return float(orders.time[-1] - orders.time[0]) / HOUR if len(orders) > 1 else float("nan")


@feature(unit="value", concept="spend", says="value of the last 45 days", missing="")
def recent_value(past: PastEvents, as_of: int) -> float:
    some = past.within(45)
    return float(sum(value for value in some.value if value == value))


@feature(unit="events", concept="variety", says="kinds of event so far", missing="", ages=True)
def kinds_met(past: PastEvents, as_of: int) -> int:
    return len(set(past.kind) & {"order", "login", "refund"})
