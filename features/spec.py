"""A feature is one line of data: which events, which reduction, how many days, and how to say it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Reduction(IntEnum):
    """What the kernel can compute; the numbers are part of every saved catalogue and never change."""

    COUNT = 0
    ACTIVE_DAYS = 1
    SUM = 2
    MEAN = 3
    MAX = 4
    DISTINCT_ITEMS = 5
    RECENCY = 6
    TENURE = 7
    GAP_MEAN = 8
    GAP_DEVIATION = 9
    GAP_LAST = 10
    OVERDUE = 11
    TREND = 12
    NIGHT_SHARE = 13
    WEEKEND_SHARE = 14
    HOUR_REGULARITY = 15
    REPEAT_DAYS = 16
    REPEAT_SPAN = 17
    SPEND_TREND = 18
    LAST_VALUE = 19
    SILENCE_SHARE = 20


@dataclass(frozen=True)
class Feature:
    """One declared feature.

    name: the column.  of: the selector of events.  days: the window, None for the whole history.
    concept: the group under which a person reads its effect.  says: what it measures, in plain English.
    missing: what NaN means.  ages: the value grows with the customer's age alone, so that a model trained on young
    customers must not split on it for old ones.
    """

    name: str
    reduction: Reduction
    of: str
    days: int | None
    unit: str
    concept: str
    says: str
    missing: str = ""
    ages: bool = False


def _within(days: int | None) -> str:
    return f"in the last {days} days" if days else "ever"


def _suffix(days: int | None) -> str:
    return f"{days}d" if days else "ever"


def count(of: str, label: str, days: int | None, concept: str = "rhythm") -> Feature:
    """How many events."""
    name, says = f"{label}_count_{_suffix(days)}", f"{of} events {_within(days)}"
    return Feature(name, Reduction.COUNT, of, days, "events", concept, says, ages=days is None)


def active_days(of: str, label: str, days: int | None, concept: str = "rhythm") -> Feature:
    """On how many different days (24-hour spans counted back from as_of)."""
    name, says = f"{label}_days_{_suffix(days)}", f"days with {of} {_within(days)}"
    return Feature(name, Reduction.ACTIVE_DAYS, of, days, "days", concept, says, ages=days is None)


def total(of: str, label: str, days: int | None, concept: str = "spend") -> Feature:
    """Sum of the values."""
    name, says = f"{label}_sum_{_suffix(days)}", f"total value of {of} {_within(days)}"
    return Feature(name, Reduction.SUM, of, days, "value", concept, says, ages=days is None)


def mean(of: str, label: str, days: int | None, concept: str = "spend") -> Feature:
    """Mean of the values."""
    name, says = f"{label}_mean_{_suffix(days)}", f"mean value of {of} {_within(days)}"
    return Feature(name, Reduction.MEAN, of, days, "value", concept, says, "no value in the window")


def largest(of: str, label: str, days: int | None, concept: str = "spend") -> Feature:
    """Largest value."""
    name, says = f"{label}_max_{_suffix(days)}", f"largest value of {of} {_within(days)}"
    return Feature(name, Reduction.MAX, of, days, "value", concept, says, "no value in the window")


def distinct_items(of: str, label: str, days: int | None, concept: str = "variety") -> Feature:
    """How many different items."""
    name, says = f"{label}_items_{_suffix(days)}", f"different items of {of} {_within(days)}"
    return Feature(name, Reduction.DISTINCT_ITEMS, of, days, "items", concept, says, ages=days is None)


def trend(of: str, label: str, days: int, concept: str = "trend") -> Feature:
    """Events in the window relative to the user's own earlier rate; 1 = as usual."""
    name, says = f"{label}_trend_{days}d", f"{of} in the last {days} days, times the user's own earlier rate"
    return Feature(name, Reduction.TREND, of, days, "times usual", concept, says, f"no {of} before the window")


def spend_trend(of: str, label: str, days: int, concept: str = "trend") -> Feature:
    """Value in the window relative to the user's own earlier rate; 1 = as usual."""
    name, missing = f"{label}_trend_spend_{days}d", f"no value of {of} before the window"
    says = f"value of {of} in the last {days} days, times the user's own earlier rate"
    return Feature(name, Reduction.SPEND_TREND, of, days, "times usual", concept, says, missing)


_WHOLE_HISTORY: dict[Reduction, tuple[str, str, str, str, str]] = {
    Reduction.RECENCY: ("recency", "days", "recency", "days since the last {of}", "never"),
    Reduction.TENURE: ("tenure", "days", "tenure", "days since the first {of}", "never"),
    Reduction.GAP_MEAN: ("gap_mean", "days", "rhythm", "mean days between days with {of}", "fewer than 2 days"),
    Reduction.GAP_DEVIATION: (
        "gap_deviation", "days", "rhythm", "deviation of the days between days with {of}", "fewer than 3 days",
    ),
    Reduction.GAP_LAST: ("gap_last", "days", "rhythm", "the last gap between days with {of}", "fewer than 2 days"),
    Reduction.OVERDUE: (
        "overdue", "times usual", "recency", "days since the last {of}, times the user's mean gap", "fewer than 2 days",
    ),
    Reduction.SILENCE_SHARE: (
        "silence_share", "share", "recency", "share of the time since the first {of} that has been silent", "never",
    ),
    Reduction.NIGHT_SHARE: ("night_share", "share", "habit", "share of {of} between 22:00 and 06:00", "never"),
    Reduction.WEEKEND_SHARE: ("weekend_share", "share", "habit", "share of {of} on Saturday and Sunday", "never"),
    Reduction.HOUR_REGULARITY: (
        "hour_regularity", "0..1", "habit", "how much {of} keeps to one hour of the day", "never",
    ),
    Reduction.REPEAT_DAYS: ("repeat_days", "days", "rhythm", "days with {of} after the first one", "never"),
    Reduction.REPEAT_SPAN: ("repeat_span", "days", "rhythm", "days from the first to the last day with {of}", "never"),
    Reduction.LAST_VALUE: ("last_value", "value", "spend", "value of the last {of}", "no value"),
}  # fmt: skip


def whole(reduction: Reduction, of: str, label: str, concept: str = "") -> Feature:
    """A reduction that looks at the whole history and needs no window."""
    suffix, unit, usual, says, missing = _WHOLE_HISTORY[reduction]
    ages = reduction in (Reduction.TENURE, Reduction.REPEAT_DAYS, Reduction.REPEAT_SPAN)
    return Feature(f"{label}_{suffix}", reduction, of, None, unit, concept or usual, says.format(of=of), missing, ages)
