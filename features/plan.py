"""A catalogue as the arrays that the kernel walks with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from features import kernel
from features.arrays import Plan, Table
from features.clock import DAY
from features.custom import CustomCode
from features.spec import Feature, Reduction
from features.tiers import Selector

I64 = NDArray[np.int64]
MOST_TRANSITIONS = 6
DAYS_HELD = 1024

_R, _K = Reduction, kernel
# What each reduction makes the walk count.
_ASKS: Mapping[Reduction, int] = {
    **dict.fromkeys((_R.SUM, _R.MEAN, _R.MAX, _R.LAST_VALUE, _R.SPEND_TREND, _R.TREND_WORTH), _K.VALUED),
    **dict.fromkeys((_R.MEDIAN, _R.HIGH), _K.VALUED | _K.RANKED),
    **dict.fromkeys((_R.RETURNED, _R.VALUE_SHARE), _K.VALUED | _K.SPLIT),
    **dict.fromkeys((_R.DISTINCT_ITEMS, _R.FAVOURITE_SHARE), _K.ITEMED),
    **dict.fromkeys((_R.NIGHT_SHARE, _R.WEEKEND_SHARE, _R.HOUR_REGULARITY), _K.CLOCKED),
    **dict.fromkeys(
        (_R.ACTIVE_DAYS, _R.GAP_MEAN, _R.GAP_DEVIATION, _R.GAP_LAST, _R.GAP_REGULARITY, _R.OVERDUE, _R.REPEAT_DAYS,
         _R.REPEAT_SPAN, _R.STREAK_DAYS, _R.LONGEST_DAYS), _K.PACED),
    **dict.fromkeys((_R.SLOPE, _R.WEEKS_SINCE_PEAK, _R.STREAK_WEEKS, _R.LONGEST_WEEKS), _K.WEEKLY),
    **dict.fromkeys((_R.SESSIONS, _R.SESSION_MINUTES), _K.SESSIONED),
    **dict.fromkeys((_R.DECAYED_7, _R.DECAYED_30, _R.DECAYED_90), _K.DECAYED),
}  # fmt: skip
# Where each reduction is in a selector's memory in the end: a layer (by window) or a single number.
_LAYER: Mapping[Reduction, int] = {
    _R.COUNT: _K.N, _R.ACTIVE_DAYS: _K.DAYS, _R.SUM: _K.SUM, _R.MEAN: _K.MEAN, _R.MAX: _K.LARGEST,
    _R.MEDIAN: _K.MEDIAN, _R.HIGH: _K.HIGH, _R.RETURNED: _K.RETURNED, _R.DISTINCT_ITEMS: _K.ITEMS,
    _R.TREND: _K.TREND, _R.SPEND_TREND: _K.SPEND_TREND, _R.TREND_WORTH: _K.TREND_WORTH, _R.SLOPE: _K.SLOPE,
    _R.SESSIONS: _K.SESSIONS, _R.SESSION_MINUTES: _K.MINUTES,
}  # fmt: skip
_SINGLE: Mapping[Reduction, int] = {
    _R.RECENCY: _K.RECENCY, _R.TENURE: _K.TENURE, _R.SILENCE_SHARE: _K.SILENCE,
    _R.DECAYED_7: _K.HALF_7, _R.DECAYED_30: _K.HALF_30, _R.DECAYED_90: _K.HALF_90,
    _R.GAP_MEAN: _K.GAP_MEAN, _R.GAP_DEVIATION: _K.GAP_DEVIATION, _R.GAP_LAST: _K.GAP_LAST,
    _R.GAP_REGULARITY: _K.GAP_REGULARITY, _R.OVERDUE: _K.OVERDUE,
    _R.REPEAT_DAYS: _K.REPEAT_DAYS, _R.REPEAT_SPAN: _K.REPEAT_SPAN,
    _R.STREAK_DAYS: _K.DAY_STREAK, _R.LONGEST_DAYS: _K.DAY_LONGEST,
    _R.STREAK_WEEKS: _K.WEEK_STREAK, _R.LONGEST_WEEKS: _K.WEEK_LONGEST, _R.WEEKS_SINCE_PEAK: _K.PEAK,
    _R.LAST_VALUE: _K.LAST_VALUE, _R.FAVOURITE_SHARE: _K.FAVOURITE_SHARE,
    _R.NIGHT_SHARE: _K.NIGHT_SHARE, _R.WEEKEND_SHARE: _K.WEEKEND_SHARE, _R.HOUR_REGULARITY: _K.HOUR_REGULARITY,
}  # fmt: skip
# What nobody has without an event; of the rest nothing is 0.
_NAN_SINGLES = [
    _K.RECENCY, _K.TENURE, _K.SILENCE, _K.GAP_MEAN, _K.GAP_DEVIATION, _K.GAP_LAST, _K.GAP_REGULARITY, _K.OVERDUE,
    _K.REPEAT_DAYS, _K.REPEAT_SPAN, _K.PEAK, _K.LAST_VALUE, _K.FAVOURITE_SHARE,
    _K.NIGHT_SHARE, _K.WEEKEND_SHARE, _K.HOUR_REGULARITY,
]  # fmt: skip
_NAN_LAYERS = [
    _K.TREND, _K.MEAN, _K.LARGEST, _K.SPEND_TREND, _K.TREND_WORTH, _K.RETURNED, _K.MINUTES, _K.SLOPE, _K.MEDIAN,
    _K.HIGH,
]  # fmt: skip


def plan(
    selectors: Sequence[Selector],
    features: Sequence[Feature],
    windows_days: Sequence[int],
    kinds: Sequence[str],
    custom: CustomCode | None,
) -> Plan:
    """The features made ready for histories whose kind codes index `kinds`.

    Raises KeyError for a window that is not among windows_days, InputProblem when custom code is not at hand.
    """
    number = {selector.name: s for s, selector in enumerate(selectors)}
    place = {days: w for w, days in enumerate((*windows_days, None))}
    pairs = [(f.of, f.then) for f in features if f.reduction is Reduction.FOLLOWED]
    shares = [(f.of, f.then) for f in features if f.reduction is Reduction.VALUE_SHARE]
    asks = _asks(features, number)
    start, relations = _starts(asks, len(place))
    of_kind = [[s for s, sel in enumerate(selectors) if not sel.kinds or kind in sel.kinds] for kind in kinds]
    edges = np.asarray(windows_days, dtype=np.int64) * DAY
    table = Table(
        edges=edges,
        weeks=edges // (7 * DAY),
        first_selector=_ints(np.cumsum([0, *map(len, of_kind)])),
        selectors=_ints([s for some in of_kind for s in some]),
        asks=asks,
        start=start,
        rank=_rows(asks & kernel.RANKED),
        ranked=_ranked(features, number, place),
        tally=_rows(asks & kernel.ITEMED),
        leads=_bits(of_kind, [number[of] for of, _ in pairs]),
        follows=_bits(of_kind, [number[then] for _, then in pairs]),
        led=_ints([number[of] for of, _ in pairs]),
        given=_ints([number[of] for of, _ in shares]),
        taken=_ints([number[then] for _, then in shares]),
        relations=relations,
        halves=2.0 ** (-np.arange(DAYS_HELD)[:, None] / np.asarray(kernel.HALF_LIVES)),
        blank=_blank(asks, start, len(place), relations + len(pairs) + len(shares)),
        cell=_ints([_cell(f, number, start, place, relations, pairs, shares) for f in features]),
    )
    return Plan(tuple(kinds), table, custom.ready(features) if custom else ())


def _cell(
    f: Feature,
    number: Mapping[str, int],
    start: I64,
    place: Mapping[int | None, int],
    relations: int,
    pairs: Sequence[tuple[str, str]],
    shares: Sequence[tuple[str, str]],
) -> int:
    """Where in the kernel's memory a feature is in the end; -1 for one that the kernel does not compute."""
    if f.reduction is Reduction.CUSTOM:
        return -1
    if f.reduction is Reduction.FOLLOWED:
        return relations + pairs.index((f.of, f.then))
    if f.reduction is Reduction.VALUE_SHARE:
        return relations + len(pairs) + shares.index((f.of, f.then))
    own = int(start[number[f.of]])
    if f.reduction in _LAYER:
        return own + kernel.layer(_LAYER[f.reduction], len(place)) + place[f.days]
    return own + kernel.single(_SINGLE[f.reduction], len(place))


def _starts(asks: I64, windows: int) -> tuple[I64, int]:
    """(s,) where each selector's memory begins, and where all of them end."""
    few, rich = kernel.layer(kernel.FEW_LAYERS - 1, windows) + windows, kernel.layer(kernel.LAYERS, windows)
    ends = np.cumsum([rich if own & kernel.RICH else few for own in asks])
    return _ints(np.r_[0, ends[:-1]]), int(ends[-1])


def _asks(features: Sequence[Feature], number: Mapping[str, int]) -> I64:
    asks = np.zeros(len(number), dtype=np.int64)
    for f in features:
        if f.reduction is not Reduction.CUSTOM:
            asks[number[f.of]] |= _ASKS.get(f.reduction, 0)
        if f.reduction is Reduction.VALUE_SHARE:
            asks[number[f.then]] |= _ASKS[f.reduction]
    return asks


def _ranked(features: Sequence[Feature], number: Mapping[str, int], place: Mapping[int | None, int]) -> I64:
    bits = np.zeros(len(number), dtype=np.int64)
    for f in features:
        if f.reduction in (Reduction.MEDIAN, Reduction.HIGH):
            bits[number[f.of]] |= 1 << place[f.days]
    return bits


def _rows(asked: I64) -> I64:
    """0, 1, 2, ... where asked, else -1."""
    return np.where(asked > 0, np.cumsum(asked > 0) - 1, -1).astype(np.int64)


def _bits(of_kind: Sequence[Sequence[int]], members: Sequence[int]) -> I64:
    """(kinds,) bit p where the kind belongs to selector members[p]."""
    return _ints([sum(1 << p for p, s in enumerate(members) if s in some) for some in of_kind])


def _blank(asks: I64, start: I64, windows: int, size: int) -> NDArray[np.float64]:
    """(size,) the kernel's memory before the first event."""
    rich = np.zeros(kernel.layer(kernel.LAYERS, windows))
    for number in _NAN_SINGLES:
        rich[kernel.single(number, windows)] = np.nan
    for number in _NAN_LAYERS:
        rich[kernel.layer(number, windows) : kernel.layer(number, windows) + windows] = np.nan
    rich[kernel.layer(kernel.MAX, windows) : kernel.layer(kernel.MAX, windows) + windows] = -np.inf
    rich[[kernel.single(kernel.DAY_NOW, windows), kernel.single(kernel.WEEK_NOW, windows)]] = -1.0
    few = rich[: kernel.layer(kernel.FEW_LAYERS - 1, windows) + windows]
    blank = np.zeros(size)
    for own, at in zip(asks, start, strict=True):
        part = rich if own & kernel.RICH else few
        blank[at : at + len(part)] = part
    return blank


def _ints(numbers: Sequence[int] | I64) -> I64:
    return np.asarray(numbers, dtype=np.int64)
