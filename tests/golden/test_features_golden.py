"""Six users, twenty-eight events, every feature worked out by hand; nothing in the table was computed by the library.

as_of is Friday 2024-03-01 12:00 UTC, 24-hour spans are counted back from it, and 2024-02-29 exists. The ages in days
are beside the events. To add a feature, add its line: the test names the features that have none.
"""

from __future__ import annotations

from math import cos, hypot, nan, radians, sin, sqrt

import numpy as np
import pytest

from features.build import build, build_one
from features.catalog import Catalog, catalog
from features.histories import Histories
from tests.histories_made import Event, at, business, one, past

AS_OF = at("2024-03-01T12:00")
USERS = ("ana", "ben", "cleo", "dan", "eva", "fin")

# user time kind value item arrived; "-" is nothing.
EVENTS = """
ana  2024-01-31T12:00        order  10 A  -   # Wed  30        on the edge of 30 days: outside
ana  2024-02-09T12:00        view   -  -  -   # Fri  21
ana  2024-02-10T12:00        order  20 B  -   # Sat  20
ana  2024-02-19T12:00        view   -  -  -   # Mon  11
ana  2024-02-20T12:00        order  30 A  -   # Tue  10
ana  2024-02-29T12:00        view   -  -  -   # Thu  1
ana  2024-03-01T12:00        order  40 C  -   # Fri  0         at as_of: seen
ana  2024-03-01T12:00:00.000001 order 99 Z -  #      later: not seen

ben  2024-02-23T12:00:00.000001 view - -  -   # Fri  7 less a microsecond: inside
ben  2024-02-24T12:00        order  25 A  -   # Sat  6
ben  2024-02-24T12:00        order -25 A  -   # Sat  6         the refund of it, at the same instant; smaller, so first

cleo 2024-02-01T14:00        view   -  -  -   # Thu  28 + 22/24
cleo 2024-02-17T03:00        view   -  -  -   # Sat  13 + 9/24 at night
cleo 2024-02-28T23:00        view   -  -  -   # Wed  1 + 13/24 at night
cleo 2024-02-29T05:30        view   -  -  -   # Thu  30.5/24   at night, in the same span

dan  2023-12-22T12:00        view   -  -  -   # Fri  70
dan  2024-01-01T00:00        order  50 B  -   # Mon  60.5      at night
dan  2024-02-23T12:00        order  -  A  -   # Fri  7         on the edge of 7 days: outside; no value
dan  2024-02-25T18:00        view   -  -  -   # Sun  4.75
dan  2024-02-28T12:00        view   -  -  -   # Wed  2
dan  2024-02-29T12:00        order  5  -  -   # Thu  1         no item

eva  2023-03-02T11:00        view   -  -  -   # Thu  365 + 1/24
eva  2023-03-02T12:00        order  100 A -   # Thu  365
eva  2023-03-02T18:00        order  60 B  -   # Thu  364.75    the span after
eva  2024-01-30T12:00        view   -  -  -   # Tue  31
eva  2024-02-03T12:00        order  80 A  -   # Sat  27

fin  2024-02-20T12:00        order  10 A 2024-03-05T00:00  # known too late
fin  2024-03-02T12:00        order  10 A  -   # later
"""

CLEO_FIRST, CLEO_LAST = 28 + 22 / 24, 30.5 / 24
EVA_FIRST = 365 + 1 / 24
DAN_GAPS, EVA_GAPS = (10, 53, 3, 2, 1), (1, 333, 4)
# Each event is a unit vector on a clock face of 24 hours; the feature is the length of their mean.
CLEO_CLOCK = hypot(*(sum(turn(radians(15 * h)) for h in (23, 5, 14, 3)) for turn in (cos, sin))) / 4
EVA_CLOCK = hypot(*(sum(turn(radians(15 * h)) for h in (11, 12, 12, 18, 12)) for turn in (cos, sin))) / 5

# The 24-hour spans in which each user did anything, one number an event.
ANY_DAYS = (
    (30, 21, 20, 11, 10, 1, 0), (6, 6, 6), (28, 13, 1, 1), (70, 60, 7, 4, 2, 1), (365, 365, 364, 31, 27), (),
)  # fmt: skip


def fading(half: int, *days: int) -> float:
    return sum(0.5 ** (day / half) for day in days)


def line(*counts: int) -> float:
    """The slope through four weekly counts, the latest first: 1.5, 0.5, -0.5 and -1.5 weeks from their middle."""
    return sum(count * place for count, place in zip(counts, (1.5, 0.5, -0.5, -1.5), strict=True)) / 5


def wheat(*shares: float) -> float:
    """Wheat and Morrison's k of the shares that each later gap has of it and the one before."""
    spread = sum((share - 0.5) ** 2 for share in shares) / len(shares)
    return (1 - 4 * spread) / (8 * spread)


# fmt: off
TABLE = {
    # feature                  ana              ben      cleo                  dan              eva            fin
    "order_count_7d":         (1,               2,       0,                    1,               0,             0),
    "order_count_30d":        (3,               2,       0,                    2,               1,             0),
    "order_count_ever":       (4,               2,       0,                    3,               3,             0),
    "order_days_7d":          (1,               1,       0,                    1,               0,             0),
    "order_days_30d":         (3,               1,       0,                    2,               1,             0),
    "order_days_ever":        (4,               1,       0,                    3,               3,             0),
    "order_sum_7d":           (40,              25 - 25, 0,                    5,               0,             0),
    "order_sum_30d":          (20 + 30 + 40,    25 - 25, 0,                    5,               80,            0),
    "order_sum_ever":         (100,             25 - 25, 0,                    50 + 5,          100 + 60 + 80, 0),
    "order_mean_7d":          (40,              0,       nan,                  5,               nan,           nan),
    "order_mean_30d":         (90 / 3,          0,       nan,                  5 / 1,           80,            nan),
    "order_mean_ever":        (100 / 4,         0,       nan,                  55 / 2,          240 / 3,       nan),
    "order_max_7d":           (40,              25,      nan,                  5,               nan,           nan),
    "order_max_30d":          (40,              25,      nan,                  5,               80,            nan),
    "order_max_ever":         (40,              25,      nan,                  50,              100,           nan),
    "order_items_7d":         (1,               1,       0,                    0,               0,             0),
    "order_items_30d":        (3,               1,       0,                    1,               1,             0),
    "order_items_ever":       (3,               1,       0,                    2,               2,             0),
    "order_trend_7d":         ((1 / 7) / (3 / (30 - 7)), nan, nan,             (1 / 7) / (2 / 53.5), 0,        nan),
    "order_trend_30d": (nan, nan, nan, (2 / 30) / (1 / 30.5), (1 / 30) / (2 / 335), nan),
    "order_trend_spend_7d":   ((40 / 7) / (60 / 23), nan, nan,                 (5 / 7) / (50 / 53.5), 0,       nan),
    "order_trend_spend_30d": (nan, nan, nan, (5 / 30) / (50 / 30.5), (80 / 30) / (160 / 335), nan),
    "order_recency":          (0,               6,       nan,                  1,               27,            nan),
    "order_tenure":           (30,              6,       nan,                  60.5,            365,           nan),
    "order_gap_mean":         ((10 + 10 + 10) / 3, nan,  nan,                  (53 + 6) / 2,    (1 + 337) / 2, nan),
    "order_gap_deviation":    (0,               nan,     nan,                  23.5 * sqrt(2),  168 * sqrt(2), nan),
    "order_gap_last":         (10,              nan,     nan,                  7 - 1,           364 - 27,      nan),
    "order_overdue":          (0 / 10,          nan,     nan,                  1 / 29.5,        27 / 169,      nan),
    "order_repeat_days":      (3,               0,       nan,                  2,               2,             nan),
    "order_repeat_span":      (30,              0,       nan,                  60 - 1,          365 - 27,      nan),
    "order_silence_share":    (0,               6 / 6,   nan,                  1 / 60.5,        27 / 365,      nan),
    "order_weekend_share":    (1 / 4,           2 / 2,   nan,                  0 / 3,           1 / 3,         nan),
    "order_last_value":       (40,              25,      nan,                  5,               80,            nan),
    "order_night_share":      (0,               0,       nan,                  1 / 3,           0,             nan),
    "order_hour_regularity":  (1,               1,       nan,                  (1 + 1 - 1) / 3, hypot(2, 1) / 3, nan),
    "order_median_30d":       (30,              0,       nan,                  5,               80,            nan),
    "order_median_ever":      ((20 + 30) / 2,   0,       nan,                  (5 + 50) / 2,    80,            nan),
    "order_p90_30d":          (30 + 0.8 * 10,   -25 + 0.9 * 50, nan,           5,               80,            nan),
    "order_p90_ever":         (30 + 0.7 * 10,   -25 + 0.9 * 50, nan,           5 + 0.9 * 45,    80 + 0.8 * 20, nan),
    "order_returned_30d":     (0,               25 / 25, nan,                  0,               0,             nan),
    "order_returned_ever":    (0,               25 / 25, nan,                  0,               0,             nan),
    "order_favourite_share":  (2 / 4,           2 / 2,   nan,                  1 / 2,           2 / 3,         nan),
    "order_trend_worth_7d":   (40 / (60 / 3),   nan,     nan,                  5 / 50,          nan,           nan),
    "order_trend_worth_30d":  ((90 / 3) / 10,   nan,     nan,                  5 / 50,          80 / (160 / 2), nan),
    "order_slope_30d":        (line(1, 1, 1, 0), nan,    nan,                  line(1, 1, 0, 0), line(0, 0, 0, 1), nan),
    "order_weeks_since_peak": (0,               0,       nan,                  0,               52,            nan),
    "order_decayed_7":        (fading(7, 30, 20, 10, 0), fading(7, 6, 6), 0,   fading(7, 60, 7, 1), fading(7, 365, 364, 27), 0),
    "order_decayed_30":       (fading(30, 30, 20, 10, 0), fading(30, 6, 6), 0, fading(30, 60, 7, 1), fading(30, 365, 364, 27), 0),
    "order_decayed_90":       (fading(90, 30, 20, 10, 0), fading(90, 6, 6), 0, fading(90, 60, 7, 1), fading(90, 365, 364, 27), 0),
    "order_streak_weeks":     (3,               1,       0,                    2,               0,             0),
    "order_streak_weeks_longest": (3,           1,       0,                    2,               1,             0),
    "order_streak_days":      (1,               0,       0,                    0,               0,             0),
    "order_streak_days_longest": (1,            1,       0,                    1,               2,             0),
    "order_gap_regularity":   (100,             nan,     nan,                  wheat(6 / 59),   wheat(337 / 338), nan),
    "order_then_view_next":   (3 / 3,           0 / 1,   nan,                  1 / 2,           1 / 2,         nan),

    "view_count_7d":          (1,               1,       2,                    2,               0,             0),
    "view_count_30d":         (3,               1,       4,                    2,               0,             0),
    "view_count_ever":        (3,               1,       4,                    3,               2,             0),
    "view_trend_30d":         (nan,             nan,     nan,                  (2 / 30) / (1 / 40), 0,         nan),
    "view_recency":           (1,               7,       CLEO_LAST,            2,               31,            nan),
    "view_tenure":            (21,              7,       CLEO_FIRST,           70,              EVA_FIRST,     nan),
    "view_decayed_30":        (fading(30, 21, 11, 1), fading(30, 6), fading(30, 28, 13, 1, 1), fading(30, 70, 4, 2), fading(30, 365, 31), 0),

    "any_count_7d":           (2,               3,       2,                    3,               0,             0),
    "any_count_30d":          (6,               3,       4,                    4,               1,             0),
    "any_count_ever":         (7,               3,       4,                    6,               5,             0),
    "any_days_7d":            (2,               1,       1,                    3,               0,             0),
    "any_days_30d":           (6,               1,       3,                    4,               1,             0),
    "any_days_ever":          (7,               1,       3,                    6,               4,             0),
    "any_sum_30d":            (90,              0,       0,                    5,               80,            0),
    "any_sum_ever":           (100,             0,       0,                    55,              240,           0),
    "any_mean_ever":          (25,              0,       nan,                  27.5,            80,            nan),
    "any_max_ever":           (40,              25,      nan,                  50,              100,           nan),
    "any_items_30d":          (3,               1,       0,                    1,               1,             0),
    "any_items_ever":         (3,               1,       0,                    2,               2,             0),
    "any_trend_7d":           ((2 / 7) / (5 / 23), nan,  (2 / 7) / (2 / (CLEO_FIRST - 7)), (3 / 7) / (3 / 63), 0, nan),
    "any_trend_30d": (nan, nan, nan, (4 / 30) / (2 / 40), (1 / 30) / (4 / (EVA_FIRST - 30)), nan),
    "any_recency":            (0,               6,       CLEO_LAST,            1,               27,            nan),
    "any_tenure":             (30,              7,       CLEO_FIRST,           70,              EVA_FIRST,     nan),
    "any_gap_mean": ((9 + 1 + 9 + 1 + 9 + 1) / 6, nan, 13.5, sum(DAN_GAPS) / 5, sum(EVA_GAPS) / 3, nan),
    "any_gap_last":           (1,               nan,     12,                   1,               4,             nan),
    "any_overdue":            (0 / 5,           nan,     CLEO_LAST / 13.5,     1 / (69 / 5),    27 / (338 / 3), nan),
    "any_silence_share":      (0,               6 / 7,   CLEO_LAST / CLEO_FIRST, 1 / 70,        27 / EVA_FIRST, nan),
    "any_weekend_share":      (1 / 7,           2 / 3,   1 / 4,                1 / 6,           1 / 5,         nan),
    "any_night_share":        (0,               0,       3 / 4,                1 / 6,           0,             nan),
    "any_hour_regularity":    (1,               1,       CLEO_CLOCK,           hypot(4 - 1, 1) / 6, EVA_CLOCK, nan),
    "any_returned_ever":      (0,               25 / 25, nan,                  0,               0,             nan),
    "any_favourite_share":    (2 / 4,           2 / 2,   nan,                  1 / 2,           2 / 3,         nan),
    "any_slope_30d":          (line(2, 2, 1, 1), nan,    line(2, 1, 0, 0),     line(3, 1, 0, 0), line(0, 0, 0, 1), nan),
    "any_weeks_since_peak":   (0,               0,       0,                    0,               52,            nan),
    "any_decayed_7":          tuple(fading(7, *days) for days in ANY_DAYS),
    "any_decayed_30":         tuple(fading(30, *days) for days in ANY_DAYS),
    "any_streak_weeks":       (5,               1,       2,                    2,               0,             0),
    "any_streak_weeks_longest": (5,             1,       2,                    2,               2,             0),
    "any_streak_days":        (2,               0,       0,                    0,               0,             0),
    "any_gap_regularity": (
        wheat(0.1, 0.9, 0.1, 0.9, 0.1), nan, wheat(12 / 27), wheat(1 / 3, 2 / 5, 3 / 56, 53 / 63), wheat(4 / 337, 333 / 334), nan,
    ),
    "any_sessions_7d":        (2,               2,       2,                    3,               0,             0),
    "any_sessions_30d":       (6,               2,       4,                    4,               1,             0),
    "any_sessions_ever":      (7,               2,       4,                    6,               5,             0),
    "any_session_minutes_30d": (0,              0,       0,                    0,               0,             nan),
    "any_session_minutes_ever": (0,             0,       0,                    0,               0,             nan),
}
# fmt: on


def told(line: str) -> Event:
    user, time, kind, value, item, arrived = line.split("#")[0].split()
    amount = None if value == "-" else float(value)
    return Event(user, at(time), kind, amount, None if item == "-" else item, None if arrived == "-" else at(arrived))


@pytest.fixture(scope="module")
def known() -> Histories:
    return past([told(line) for line in EVENTS.strip().splitlines() if line.strip()])


@pytest.fixture(scope="module")
def features(known: Histories) -> Catalog:
    asked = business(churn={"activity": ["order"], "horizon_days": 30}, features={"windows_days": [7, 30]})
    return catalog(asked, known.uses())


def test_the_table_has_every_feature(features: Catalog) -> None:
    assert set(features.names) == set(TABLE)


def test_every_feature_is_what_the_table_says(known: Histories, features: Catalog) -> None:
    # Seen to fail with the edge of a window on its other side, a weekend from Friday on, and the deviation over n.
    assert tuple(known.users) == USERS
    found = build(known, features, np.arange(6), np.full(6, AS_OF)).values
    expected = np.array([TABLE[name] for name in features.names], dtype=np.float64).T
    wrong = ~np.isclose(found, expected, rtol=1e-6, atol=0, equal_nan=True)
    assert [
        (USERS[u], features.names[f], found[u, f], expected[u, f]) for u, f in zip(*np.nonzero(wrong), strict=True)
    ] == []


def test_the_service_finds_the_same(known: Histories, features: Catalog) -> None:
    plan = features.plan(known.kinds)
    for number, user in enumerate(USERS):
        expected = [TABLE[name][number] for name in features.names]
        np.testing.assert_allclose(build_one(one(known, number), plan, AS_OF), expected, rtol=1e-6, err_msg=user)
