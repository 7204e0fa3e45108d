"""Plain Python works out every feature a second time, one user at a time, word by word from the definitions in the
specification; nothing is shared with the kernel, and nothing is fast."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from math import cos, hypot, isnan, nan, radians, sin
from statistics import fmean, quantiles, stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalog import Catalog
from features.named import item_digest
from features.spec import Feature, Reduction
from tests.histories_made import DAY, Event, at
from tests.laws.strategies import CASES, LAW, MET, RICH, Case

R = Reduction
MINUTE = DAY // 1440
Seen = list[Event]


def known(events: Seen, as_of: int) -> Seen:
    """What is known at as_of, oldest first, ties in the order of `features.histories`."""
    here = [e for e in events if e.time <= as_of and (e.arrived is None or max(e.arrived, e.time) <= as_of)]

    def content(e: Event) -> tuple[object, ...]:
        value, item = -np.inf if e.value is None else e.value, 0 if e.item is None else item_digest(e.item)
        return e.time, e.kind, value, item, max(e.time if e.arrived is None else e.arrived, e.time)

    return sorted(here, key=content)


def within(events: Seen, days: int | None, as_of: int) -> Seen:
    return [e for e in events if days is None or as_of - days * DAY < e.time]


def values(events: Seen) -> list[float]:
    return [e.value for e in events if e.value is not None]


def runs(numbers: set[int]) -> tuple[int, int]:
    """How long the run from 0 on is, and the longest run."""
    lengths = [next(n for n in range(len(numbers) + 1) if first + n not in numbers) for first in numbers]
    return next(n for n in range(len(numbers) + 1) if n not in numbers), max(lengths, default=0)


def sessions(events: Seen) -> list[Seen]:
    made: list[Seen] = []
    for e in events:
        if made and e.time - made[-1][-1].time <= 30 * MINUTE:
            made[-1].append(e)
        else:
            made.append([e])
    return made


def gaps(events: Seen, as_of: int) -> list[int]:
    """Days between days with events, the newest gap first."""
    days = sorted({(as_of - e.time) // DAY for e in events})
    return [older - newer for newer, older in pairwise(days)]


def regularity(events: Seen, as_of: int) -> float:
    own = gaps(events, as_of)
    shares = [newer / (newer + older) for newer, older in pairwise(own)]
    if not shares:
        return nan
    spread = fmean((share - 0.5) ** 2 for share in shares)
    return 100.0 if spread == 0 else min(100.0, (1 - 4 * spread) / (8 * spread))


def slope(events: Seen, days: int, as_of: int) -> float:
    weeks = Counter((as_of - e.time) // (7 * DAY) for e in events)
    number = min(days // 7, max(weeks, default=-1) + 1)
    if number < 3:
        return nan
    x = [-week for week in range(number)]
    return float(np.polyfit(x, [weeks[week] for week in range(number)], 1)[0])


def quantile(numbers: list[float], tenths: int) -> float:
    if len(numbers) < 2:
        return numbers[0] if numbers else nan
    return quantiles(numbers, n=10, method="inclusive")[tenths - 1]


def rate(amount: float, before: float, days: int, first_age: float) -> float:
    return amount / days / (before / (first_age - days)) if before > 1e-6 and first_age > days else nan


def share(part: float, whole: float) -> float:
    return part / whole if whole else nan


def clock(events: Seen, zone: str) -> list[tuple[int, int]]:
    """(weekday, hour) in the business zone."""
    local = [dt.datetime.fromtimestamp(e.time // 1_000_000, zoneinfo.ZoneInfo(zone)) for e in events]
    return [(moment.weekday(), moment.hour) for moment in local]


def reference(feature: Feature, features: Catalog, events: Seen, as_of: int, zone: str) -> float:
    """One feature of one user; events: known ones, oldest first."""
    kinds = {selector.name: selector.kinds for selector in features.selectors}
    is_of: Callable[[str, Event], bool] = lambda name, e: not kinds[name] or e.kind in kinds[name]  # noqa: E731
    own = [e for e in events if is_of(feature.of, e)]
    inside, days = within(own, feature.days, as_of), feature.days or 0
    before = [e for e in own if e not in inside] if feature.days else []
    ages = [(as_of - e.time) / DAY for e in own]
    spent, items = values(inside), [e.item for e in inside if e.item is not None]
    of_day, of_week = {int(a // 1) for a in ages}, Counter(int(a // 7) for a in ages)
    mean_gap = fmean(gaps(own, as_of)) if gaps(own, as_of) else nan
    match feature.reduction:
        case R.COUNT:
            return len(inside)
        case R.ACTIVE_DAYS:
            return len({(as_of - e.time) // DAY for e in inside})
        case R.SUM:
            return sum(spent)
        case R.MEAN:
            return share(sum(spent), len(spent))
        case R.MAX:
            return max(spent, default=nan)
        case R.DISTINCT_ITEMS:
            return len(set(items))
        case R.MEDIAN:
            return quantile(spent, 5)
        case R.HIGH:
            return quantile(spent, 9)
        case R.RETURNED:
            return share(-sum(v for v in spent if v < 0), sum(v for v in spent if v > 0))
        case R.FAVOURITE_SHARE:
            return share(max(Counter(items).values(), default=0), len(items))
        case R.SESSIONS:
            return len(sessions(inside))
        case R.SESSION_MINUTES:
            return share(sum(s[-1].time - s[0].time for s in sessions(inside)) / MINUTE, len(sessions(inside)))
        case R.TREND:
            return rate(len(inside), len(before), days, max(ages, default=0))
        case R.SPEND_TREND:
            return rate(sum(spent), sum(values(before)), days, max(ages, default=0))
        case R.TREND_WORTH:
            earlier = values(before)
            return share(share(sum(spent), len(spent)), fmean(earlier)) if sum(earlier) > 1e-6 else nan
        case R.SLOPE:
            return slope(own, days, as_of)
        case R.DECAYED_7 | R.DECAYED_30 | R.DECAYED_90:
            half = int(feature.reduction.name.split("_")[1])
            return sum(0.5 ** ((as_of - e.time) // DAY / half) for e in own)
        case R.STREAK_DAYS | R.LONGEST_DAYS:
            return runs(of_day)[feature.reduction is R.LONGEST_DAYS]
        case R.STREAK_WEEKS | R.LONGEST_WEEKS:
            return runs(set(of_week))[feature.reduction is R.LONGEST_WEEKS]
        case R.FOLLOWED:
            led = [then for e, then in pairwise(events) if is_of(feature.of, e)]
            return share(sum(is_of(feature.then, then) for then in led), len(led))
        case R.VALUE_SHARE:
            taken = [v for v in values([e for e in events if is_of(feature.then, e)]) if v > 0]
            return share(abs(sum(spent)), sum(taken)) if own else share(0.0, sum(taken))
        case R.GAP_REGULARITY:
            return regularity(own, as_of)
    if not own:
        return nan
    hours = clock(own, zone)
    match feature.reduction:
        case R.WEEKS_SINCE_PEAK:
            return min(week for week in of_week if of_week[week] == max(of_week.values()))
        case R.RECENCY:
            return min(ages)
        case R.TENURE:
            return max(ages)
        case R.SILENCE_SHARE:
            return share(min(ages), max(ages)) if max(ages) else 1.0
        case R.GAP_MEAN:
            return mean_gap
        case R.GAP_DEVIATION:
            return stdev(gaps(own, as_of)) if len(gaps(own, as_of)) > 1 else nan
        case R.GAP_LAST:
            return next(iter(gaps(own, as_of)), nan)
        case R.OVERDUE:
            return min(ages) / mean_gap
        case R.REPEAT_DAYS:
            return len(of_day) - 1
        case R.REPEAT_SPAN:
            return max(of_day) - min(of_day)
        case R.LAST_VALUE:
            return next((e.value for e in reversed(own) if e.value is not None), nan)
        case R.NIGHT_SHARE:
            return fmean(hour >= 22 or hour < 6 for _, hour in hours)
        case R.WEEKEND_SHARE:
            return fmean(weekday >= 5 for weekday, _ in hours)
        case R.HOUR_REGULARITY:
            return hypot(*(sum(turn(radians(15 * hour)) for _, hour in hours) for turn in (cos, sin))) / len(hours)
    raise AssertionError(f"nobody worked out {feature.reduction.name} here")


def unlike(case: Case, events: Seen, as_of: int) -> list[tuple[str, float, float]]:
    """(feature, the kernel's, ours) wherever the two differ."""
    row, seen, wrong = case.row(events, as_of), known(events, as_of), []
    largest = max((abs(v) for v in values(seen)), default=0.0)
    for feature, found in zip(case.catalog.features, row, strict=True):
        if feature.reduction is R.CUSTOM:
            continue
        expected = reference(feature, case.catalog, seen, as_of, case.zone)
        near = 1e-5 * abs(expected) + 1e-9 * max(1.0, largest)
        if isnan(expected) != isnan(found) or not (isnan(expected) or abs(found - expected) <= near):
            wrong.append((feature.name, float(found), expected))
    return wrong


@pytest.mark.parametrize("case", CASES, ids=str)
@LAW
@given(st.data())
def test_every_feature_is_what_its_definition_says(case: Case, data: st.DataObject) -> None:
    as_of = data.draw(case.anchors)
    events = data.draw(case.events(as_of, most=30))
    if not case.dates_only:
        late = data.draw(case.events(as_of, most=3))
        events = [*events, *(e._replace(arrived=e.time + 5 * DAY) for e in late)]
    assert unlike(case, events, as_of) == []


@pytest.mark.parametrize("seed", range(6))
def test_long_and_crowded_histories_too(seed: int) -> None:
    """Hundreds of events in bursts: sessions, streaks and weeks that random moments over a year hardly make."""
    dice = np.random.default_rng(seed)
    as_of = at(("2024-02-29T12:00", "2024-03-31T01:00", "2024-10-27T00:59:59.999999")[seed % 3])
    starts = as_of - dice.integers(0, 40 * DAY, 60) * dice.choice([1, 9], 60)
    bursts = [int(s) + int(step) for s in starts for step in np.cumsum(dice.integers(0, 45, 6)) * MINUTE]
    kinds = [RICH.kinds[dice.integers(7)] for _ in bursts]
    events = [
        Event(
            MET, moment, kind,
            None if dice.random() < 0.4 else float(dice.integers(-9, 40)) / (-4 if kind == "refund" else 4),
            None if dice.random() < 0.3 else f"item {dice.integers(5)}",
        )
        for moment, kind in zip(bursts, kinds, strict=True)
    ]  # fmt: skip
    assert unlike(RICH, events, as_of) == []


def test_it_knows_every_reduction() -> None:
    assert {f.reduction for case in CASES for f in case.catalog.features} == set(Reduction)
