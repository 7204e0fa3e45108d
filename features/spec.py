"""A feature is one line of data: which events, which reduction, how many days, and how to say it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Reduction(IntEnum):
    """What can be computed of one user's events; the numbers are part of every saved catalogue and never change.

    All look back from as_of. A *day* is a span of 24 hours and a *week* one of 7 x 24 hours, counted back from as_of:
    day 0 is the last 24 hours. Events at one instant are in the order of `features.histories`.  Without a window a
    reduction looks at the whole history.

    DECAYED_h: each event counts 2^(-d/h), d the number of its day; half-lives of 7, 30 and 90 days.
    SLOPE: least-squares slope of the weekly counts over the weeks that lie whole in the window and not before the
    week of the first event; growth is positive; needs 3 such weeks.
    WEEKS_SINCE_PEAK: the number of the week with the most events, the latest of equals.
    STREAK_WEEKS, STREAK_DAYS: how many weeks (days) in a row have an event, from number 0 on; LONGEST_*: the most ever.
    GAP_REGULARITY: k of gaps that are Gamma(k, lambda), by Wheat and Morrison 1990 (J. Marketing Research 27:87-93,
    https://doi.org/10.1177/002224379002700108): the share M of one of two neighbouring gaps in their sum is Beta(k, k),
    so k = (1 - 4 v) / (8 v) with v the variance of M. Here v is the mean of (M - 1/2)^2 over one user's own pairs of
    gaps between active days, and k at most 100. 1 = as random as can be, more = more regular. Platzer and Reutterer
    2016 (Marketing Science 35:779-799, https://doi.org/10.1287/mksc.2015.0963) ask by it whether Pareto/GGG pays.
    SESSIONS: runs of events with at most 30 minutes from each to the next, counted by their last event.
    SESSION_MINUTES: their mean length from first to last event; of a session across the window's edge the part inside.
    FAVOURITE_SHARE: the share that the most frequent item has of all events with an item.
    RETURNED: negative values over positive ones, without sign.
    MEDIAN, HIGH: the 50 % and 90 % quantiles of the values, linear between neighbours (Hyndman and Fan 1996, type 7).
    TREND_WORTH: mean value in the window over the mean value before it.
    FOLLOWED: of the events of `of` that any event follows, the share whose next event is of `then`.
    VALUE_SHARE: value of `of`, without sign, over the positive values of `then`.
    CUSTOM: a function of the business's own module (`features.custom`).
    """

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
    DECAYED_7 = 21
    DECAYED_30 = 22
    DECAYED_90 = 23
    SLOPE = 24
    WEEKS_SINCE_PEAK = 25
    STREAK_WEEKS = 26
    LONGEST_WEEKS = 27
    STREAK_DAYS = 28
    LONGEST_DAYS = 29
    GAP_REGULARITY = 30
    SESSIONS = 31
    SESSION_MINUTES = 32
    FAVOURITE_SHARE = 33
    RETURNED = 34
    MEDIAN = 35
    HIGH = 36
    TREND_WORTH = 37
    FOLLOWED = 38
    VALUE_SHARE = 39
    CUSTOM = 40


@dataclass(frozen=True)
class Feature:
    """One declared feature.

    name: the column.  of: the selector of events.  days: the window, None for the whole history.
    concept: the group under which a person reads its effect.  says: what it measures, in plain English.
    missing: what NaN means.  ages: the value grows with the customer's age alone, so that a model trained on young
    customers must not split on it for old ones.  then: the second selector, where a reduction relates two.
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
    then: str = ""


@dataclass(frozen=True)
class Wording:
    """How a reduction is named and said.

    suffix: of the column, {span} being 30d or ever.  says: {of}, {then} and {within} stand for the events and the
    window.  ages: whether the value over a whole history grows with the customer's age alone.
    """

    suffix: str
    unit: str
    concept: str
    says: str
    missing: str = ""
    ages: bool = False


_R, _W = Reduction, Wording
WORDINGS: dict[Reduction, Wording] = {
    _R.COUNT: _W("count_{span}", "events", "rhythm", "{of} events {within}", ages=True),
    _R.ACTIVE_DAYS: _W("days_{span}", "days", "rhythm", "days with {of} {within}", ages=True),
    _R.SUM: _W("sum_{span}", "value", "spend", "total value of {of} {within}", ages=True),
    _R.MEAN: _W("mean_{span}", "value", "spend", "mean value of {of} {within}", "no value in the window"),
    _R.MAX: _W("max_{span}", "value", "spend", "largest value of {of} {within}", "no value in the window"),
    _R.MEDIAN: _W("median_{span}", "value", "spend", "median value of {of} {within}", "no value in the window"),
    _R.HIGH: _W("p90_{span}", "value", "spend", "90 % of the values of {of} {within} are no higher",
                "no value in the window"),
    _R.RETURNED: _W("returned_{span}", "share", "spend", "value of {of} given back {within}, as a share of value taken",
                    "no positive value in the window"),
    _R.DISTINCT_ITEMS: _W("items_{span}", "items", "variety", "different items of {of} {within}", ages=True),
    _R.FAVOURITE_SHARE: _W("favourite_share", "share", "variety", "share of the most frequent item in {of}", "no item"),
    _R.TREND: _W("trend_{span}", "times usual", "trend", "{of} {within}, times the user's own earlier rate",
                 "no {of} before the window"),
    _R.SPEND_TREND: _W("trend_spend_{span}", "times usual", "trend",
                       "value of {of} {within}, times the user's own earlier rate",
                       "no value of {of} before the window"),
    _R.TREND_WORTH: _W("trend_worth_{span}", "times usual", "trend",
                       "mean value of {of} {within}, times the user's own earlier mean",
                       "no value in the window, or none before it"),
    _R.SLOPE: _W("slope_{span}", "events/week²", "trend", "weekly change of {of} over the whole weeks {within}",
                 "fewer than 3 weeks since the first"),
    _R.WEEKS_SINCE_PEAK: _W("weeks_since_peak", "weeks", "trend", "weeks since the week with the most {of}", "never",
                            ages=True),
    _R.DECAYED_7: _W("decayed_7", "events", "rhythm", "{of} events, each worth half after every 7 days"),
    _R.DECAYED_30: _W("decayed_30", "events", "rhythm", "{of} events, each worth half after every 30 days"),
    _R.DECAYED_90: _W("decayed_90", "events", "rhythm", "{of} events, each worth half after every 90 days"),
    _R.STREAK_WEEKS: _W("streak_weeks", "weeks", "rhythm", "weeks in a row with {of}, up to now"),
    _R.LONGEST_WEEKS: _W("streak_weeks_longest", "weeks", "rhythm", "most weeks in a row with {of}", ages=True),
    _R.STREAK_DAYS: _W("streak_days", "days", "rhythm", "days in a row with {of}, up to now"),
    _R.LONGEST_DAYS: _W("streak_days_longest", "days", "rhythm", "most days in a row with {of}", ages=True),
    _R.RECENCY: _W("recency", "days", "recency", "days since the last {of}", "never"),
    _R.TENURE: _W("tenure", "days", "tenure", "days since the first {of}", "never", ages=True),
    _R.GAP_MEAN: _W("gap_mean", "days", "rhythm", "mean days between days with {of}", "fewer than 2 days"),
    _R.GAP_DEVIATION: _W("gap_deviation", "days", "rhythm", "deviation of the days between days with {of}",
                         "fewer than 3 days"),
    _R.GAP_LAST: _W("gap_last", "days", "rhythm", "the last gap between days with {of}", "fewer than 2 days"),
    _R.GAP_REGULARITY: _W("gap_regularity", "0..100", "rhythm",
                          "how evenly the days with {of} are spaced, 1 = by chance", "fewer than 3 days"),
    _R.OVERDUE: _W("overdue", "times usual", "recency", "days since the last {of}, times the user's mean gap",
                   "fewer than 2 days"),
    _R.SILENCE_SHARE: _W("silence_share", "share", "recency",
                         "share of the time since the first {of} that has been silent", "never"),
    _R.REPEAT_DAYS: _W("repeat_days", "days", "rhythm", "days with {of} after the first one", "never", ages=True),
    _R.REPEAT_SPAN: _W("repeat_span", "days", "rhythm", "days from the first to the last day with {of}", "never",
                       ages=True),
    _R.LAST_VALUE: _W("last_value", "value", "spend", "value of the last {of}", "no value"),
    _R.NIGHT_SHARE: _W("night_share", "share", "habit", "share of {of} between 22:00 and 06:00", "never"),
    _R.WEEKEND_SHARE: _W("weekend_share", "share", "habit", "share of {of} on Saturday and Sunday", "never"),
    _R.HOUR_REGULARITY: _W("hour_regularity", "0..1", "habit", "how much {of} keeps to one hour of the day", "never"),
    _R.SESSIONS: _W("sessions_{span}", "sessions", "rhythm", "sessions of {of} {within}", ages=True),
    _R.SESSION_MINUTES: _W("session_minutes_{span}", "minutes", "rhythm", "mean length of sessions of {of} {within}",
                           "no session in the window"),
    _R.FOLLOWED: _W("then_{then_label}_next", "share", "sequence", "share of {of} whose next event is {then}",
                    "no {of} that anything follows"),
    _R.VALUE_SHARE: _W("value_share", "share", "spend", "value of {of} as a share of the value of {then}",
                       "no positive value of {then}"),
}  # fmt: skip


def feature(
    reduction: Reduction, of: str, label: str, days: int | None = None, then: str = "", then_label: str = ""
) -> Feature:
    """The feature that a reduction of the events `of` is; label: the prefix of its column.

    days: the window, None for the whole history.  then, then_label: the second selector of FOLLOWED and VALUE_SHARE.
    """
    wording = WORDINGS[reduction]
    words = {
        "of": of, "then": then, "then_label": then_label,
        "span": f"{days}d" if days else "ever", "within": f"in the last {days} days" if days else "ever",
    }  # fmt: skip
    return Feature(
        f"{label}_{wording.suffix.format(**words)}", reduction, of, days, wording.unit, wording.concept,
        wording.says.format(**words), wording.missing.format(**words), wording.ages and days is None, then,
    )  # fmt: skip
