"""Which reductions, over which windows, each selector of a catalogue gets.

To add a feature, add one line to TABLE (and its words to `features.spec`); every driver and every law picks it up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from features.spec import Feature, Reduction, feature

Role = Literal["activity", "any", "named", "other"]
ROLES: tuple[Role, ...] = ("activity", "any", "named", "other")
SHORTEST_SLOPE_DAYS = 21  # three whole weeks


@dataclass(frozen=True)
class Selector:
    """A named set of kinds; an empty set means every kind, also one never met before.

    role: the activity gets every feature, any event and kinds that the configuration names a choice, others a few.
    """

    name: str
    kinds: tuple[str, ...]
    label: str
    items: bool
    values: bool
    role: Role = "other"


_R = Reduction
# Spans: all = every window, few = up to three of them, mid = the middle one, ever = the whole history.
TABLE: tuple[tuple[Reduction, str, str, str, str, str], ...] = (
    # reduction             activity     any          named        other        only with
    (_R.COUNT,              "all ever",  "few ever",  "all ever",  "few ever",  ""),
    (_R.ACTIVE_DAYS,        "all ever",  "few ever",  "mid ever",  "",          ""),
    (_R.SUM,                "all ever",  "mid ever",  "mid ever",  "",          "values"),
    (_R.MEAN,               "few ever",  "ever",      "ever",      "",          "values"),
    (_R.MAX,                "few ever",  "ever",      "ever",      "",          "values"),
    (_R.MEDIAN,             "mid ever",  "",          "",          "",          "values"),
    (_R.HIGH,               "mid ever",  "",          "",          "",          "values"),
    (_R.LAST_VALUE,         "ever",      "",          "ever",      "",          "values"),
    (_R.RETURNED,           "mid ever",  "ever",      "",          "",          "values"),
    (_R.DISTINCT_ITEMS,     "few ever",  "mid ever",  "ever",      "",          "items"),
    (_R.FAVOURITE_SHARE,    "ever",      "ever",      "",          "",          "items"),
    (_R.TREND,              "all",       "few",       "few",       "mid",       ""),
    (_R.SPEND_TREND,        "all",       "",          "mid",       "",          "values"),
    (_R.TREND_WORTH,        "few",       "",          "",          "",          "values"),
    (_R.SLOPE,              "few",       "few",       "mid",       "",          ""),
    (_R.WEEKS_SINCE_PEAK,   "ever",      "ever",      "",          "",          ""),
    (_R.DECAYED_7,          "ever",      "ever",      "",          "",          ""),
    (_R.DECAYED_30,         "ever",      "ever",      "ever",      "ever",      ""),
    (_R.DECAYED_90,         "ever",      "",          "",          "",          ""),
    (_R.STREAK_WEEKS,       "ever",      "ever",      "",          "",          ""),
    (_R.LONGEST_WEEKS,      "ever",      "ever",      "",          "",          ""),
    (_R.STREAK_DAYS,        "ever",      "ever",      "",          "",          ""),
    (_R.LONGEST_DAYS,       "ever",      "",          "",          "",          ""),
    (_R.RECENCY,            "ever",      "ever",      "ever",      "ever",      ""),
    (_R.TENURE,             "ever",      "ever",      "ever",      "ever",      ""),
    (_R.GAP_MEAN,           "ever",      "ever",      "ever",      "",          ""),
    (_R.GAP_DEVIATION,      "ever",      "",          "",          "",          ""),
    (_R.GAP_LAST,           "ever",      "ever",      "",          "",          ""),
    (_R.GAP_REGULARITY,     "ever",      "ever",      "",          "",          ""),
    (_R.OVERDUE,            "ever",      "ever",      "ever",      "",          ""),
    (_R.REPEAT_DAYS,        "ever",      "",          "",          "",          ""),
    (_R.REPEAT_SPAN,        "ever",      "",          "",          "",          ""),
    (_R.SILENCE_SHARE,      "ever",      "ever",      "ever",      "",          ""),
    (_R.WEEKEND_SHARE,      "ever",      "ever",      "",          "",          ""),
    (_R.NIGHT_SHARE,        "ever",      "ever",      "",          "",          "clock"),
    (_R.HOUR_REGULARITY,    "ever",      "ever",      "",          "",          "clock"),
    (_R.SESSIONS,           "",          "few ever",  "",          "",          "clock"),
    (_R.SESSION_MINUTES,    "",          "mid ever",  "",          "",          "clock"),
)  # fmt: skip


def features_of(selector: Selector, roles: Sequence[Role], windows: Sequence[int], clock: bool) -> Iterator[Feature]:
    """The features of one selector.

    roles: the columns of TABLE that it gets: its own, and that of any event where the log has no other kind.
    clock: whether times carry an hour, and not dates alone.
    """
    given = {"": True, "values": selector.values, "items": selector.items, "clock": clock}
    for reduction, *by_role, need in TABLE:
        spans = " ".join(by_role[ROLES.index(role)] for role in roles)
        for days in _windows(spans, windows) if given[need] else ():
            if reduction is not Reduction.SLOPE or (days or 0) >= SHORTEST_SLOPE_DAYS:
                yield feature(reduction, selector.name, selector.label, days)


def _windows(spans: str, windows: Sequence[int]) -> Iterator[int | None]:
    """The windows that some spans mean, ascending, the whole history last."""
    middle = len(windows) // 2
    some = windows if len(windows) <= 3 else (windows[1], windows[middle], windows[-1])
    asked = {"all": windows, "few": some, "mid": (windows[middle],), "ever": ()}
    chosen = {days for span in spans.split() for days in asked[span]}
    yield from sorted(chosen)
    if "ever" in spans:
        yield None
