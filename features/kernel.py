"""The one compiled function that turns a user's history into that user's features.

Batch, Spark and the service all call `feature_row`; there is no second implementation, hence no skew.

An event belongs to one *age ring* between neighbouring window edges; rings are summed into windows once at the end, so
the cost is O(events) and not O(events x windows). Events are walked from the newest to the oldest, which lets one hash
table answer "how many different items" for every window at once, and makes the values of a window a prefix of all.

All compiled code is in this file, because numba compiles a cached function again only when its own file changes.
"""

from __future__ import annotations

import math

import numba
import numpy as np

_MICROSECONDS = 86_400_000_000  # a day: compiled code keeps the numbers of its own file alone
_DAY, _WEEK_DAYS = np.uint64(_MICROSECONDS), np.uint64(7)
_A_DAY, _MINUTE, _SESSION_GAP = float(_MICROSECONDS), 60e6, 30 * 60e6
HALF_LIVES = (7.0, 30.0, 90.0)
MOST_REGULAR = 100.0

# What a selector asks for, as bits of Table.asks; what nobody asks for is not computed.
VALUED, CLOCKED, ITEMED, PACED, WEEKLY, SESSIONED, DECAYED, RANKED, SPLIT = (1 << bit for bit in range(9))
RICH = VALUED | CLOCKED | ITEMED | PACED | WEEKLY | SESSIONED | RANKED | SPLIT
# The memory of a selector: FEW single numbers, the layers N and TREND (a layer is a number a window), and, where it
# asks for anything RICH, the other single numbers and the other layers. `single` and `layer` say where each is.
TOTAL, NEWEST, OLDEST, RECENCY, TENURE, SILENCE, HALF_7, HALF_30, HALF_90 = range(9)
FEW = 9
(
    DAY_NOW, DAY_FIRST, DAY_RUN, DAY_STREAK, DAY_LONGEST, GAPS, GAP_MEAN, GAP_SQUARES, GAP_LAST, GAP_BEFORE,
    PAIR_SQUARES, GAP_DEVIATION, GAP_REGULARITY, OVERDUE, REPEAT_DAYS, REPEAT_SPAN,
    WEEK_NOW, WEEK_EVENTS, PEAK_EVENTS, PEAK, WEEK_RUN, WEEK_STREAK, WEEK_LONGEST,
    ALL_VALUES, LAST_VALUE, ALL_ITEMS, FAVOURITE, FAVOURITE_SHARE,
    NIGHTS, WEEKENDS, COSINES, SINES, NIGHT_SHARE, WEEKEND_SHARE, HOUR_REGULARITY,
) = range(FEW, FEW + 35)  # fmt: skip
SINGLES = FEW + 35
(
    N, TREND, DAYS, SUM, VALUES, MAX, ITEMS, TAKEN, GIVEN_BACK, SESSIONS, SESSION_TIME, WEEK_N, WEEK_SUM,
    MEAN, LARGEST, SPEND_TREND, TREND_WORTH, RETURNED, MINUTES, SLOPE, MEDIAN, HIGH,
) = range(22)  # fmt: skip
LAYERS, FEW_LAYERS = 22, 2
# What the folded events of a kind amount to (`Carried.sums`).
(
    EVENTS, VALUED_EVENTS, AMOUNT, HIGHEST, POSITIVE, NEGATIVE, NEWEST_VALUE, RUNS, RUN_TIME, DROPPED, DROPPED_EVENTS,
    CLOCKS,
) = range(12)  # fmt: skip
SUMS = CLOCKS + 4
_EVERY_WINDOW = -1
CLOCK = np.zeros((168, 4))
CLOCK[:, 0] = [hour % 24 >= 22 or hour % 24 < 6 for hour in range(168)]
CLOCK[5 * 24 :, 1] = 1.0
CLOCK[:, 2] = [math.cos(hour % 24 * (math.pi / 12.0)) for hour in range(168)]
CLOCK[:, 3] = [math.sin(hour % 24 * (math.pi / 12.0)) for hour in range(168)]


def single(number: int, windows: int) -> int:
    """Where a single number is in a selector's memory; windows: how many, the whole history being one."""
    return number if number < FEW else number + FEW_LAYERS * windows


def layer(number: int, windows: int) -> int:
    """Where a layer begins in a selector's memory."""
    return (FEW if number < FEW_LAYERS else SINGLES) + number * windows


_compiled = numba.njit(cache=True, nogil=True)
_inlined = numba.njit(cache=True, nogil=True, forceinline=True)


@_compiled
def feature_row(time, kind, value, item, hour, arrived, as_of, table, memory, generation, out):  # type: ignore[no-untyped-def]
    """Write the features of one history at one `as_of` into `out`.

    time, kind, value, item, hour: (m,) the user's events, sorted by time; arrived: (m,) or (0,) microseconds UTC.
    memory: from `scratch`; generation: a number from 1 on, never used before with it.  out: (f,) float32.
    Events later than `as_of`, or not yet arrived at it, do not exist.
    """
    mask = _mask(time.shape[0])
    leads = _walk(time, kind, value, item, hour, arrived, as_of, table, memory, mask, generation)[0]
    _finish(memory[0], memory[1], table, _EVERY_WINDOW)
    _relate(memory[0], table, leads, table.edges.shape[0] + 1)
    _write(memory[0], table.cell, out)


@_compiled
def carried_row(time, kind, value, item, hour, arrived, as_of, carried, table, memory, generation, out):  # type: ignore[no-untyped-def]
    """The same for a history whose old events are folded into `carried`, each of them older than the longest window.

    memory: from `scratch` for as many events as there are, and carried items.
    """
    cells, kept, windows = memory[0], memory[1], table.edges.shape[0] + 1
    mask = _mask(time.shape[0] + carried.item.shape[0])
    leads, follows, newest = _walk(time, kind, value, item, hour, arrived, as_of, table, memory, mask, generation)
    last = table.leads[carried.newest_kind]
    if newest:
        leads = last
    else:
        _count_transitions(cells, table.relations, last & follows, 1.0)
    for step in range(carried.steps.shape[0]):
        met = table.leads[carried.steps[step, 0]] & table.follows[carried.steps[step, 1]]
        _count_transitions(cells, table.relations, met, float(carried.steps[step, 2]))
    _carry_days(cells, carried, as_of, table)
    _carry_totals(cells, carried, as_of, table)
    _carry_items(memory, carried, table, mask, generation)
    _finish(cells, kept, table, ~(1 << (windows - 1)))
    _carry_ranks(cells, kept, carried, table)
    _relate(cells, table, leads, windows)
    _write(cells, table.cell, out)


@_inlined
def _write(cells, cell, out):  # type: ignore[no-untyped-def]
    for f in range(cell.shape[0]):
        out[f] = cells[cell[f]] if cell[f] >= 0 else np.nan


@_compiled
def _walk(time, kind, value, item, hour, arrived, as_of, table, memory, mask, generation):  # type: ignore[no-untyped-def]
    """Count every event, the newest first.

    Returns bits: the transitions that the newest event would begin, those that the oldest may end; and whether there
    was no event at all.
    """
    cells, kept, keys, stamps, counts = memory
    cells[:] = table.blank
    windows = table.edges.shape[0] + 1
    r, week_r, newest, leads, follows = 0, 0, True, np.int64(0), np.int64(0)
    for i in range(time.shape[0] - 1, -1, -1):
        if time[i] > as_of or (arrived.shape[0] > 0 and arrived[i] > as_of):
            continue
        age, k, slot = as_of - time[i], kind[i], -1
        while r + 1 < windows and age >= table.edges[r]:
            r += 1
        day = np.int64(np.uint64(age) // _DAY)
        week = np.int64(np.uint64(day) // _WEEK_DAYS)
        while week_r + 1 < windows and week >= table.weeks[week_r]:
            week_r += 1
        if newest:
            newest, leads = False, table.leads[k]
        elif table.leads[k] & follows:
            _count_transitions(cells, table.relations, table.leads[k] & follows, 1.0)
        follows = table.follows[k]
        for j in range(table.first_selector[k], table.first_selector[k + 1]):
            sel = table.selectors[j]
            asks, one = table.asks[sel], table.start[sel]
            more, wide = one + FEW_LAYERS * windows, one + SINGLES
            if asks & SESSIONED:
                _count_session(cells, one, wide + r, windows, float(age))
            _count_event(cells, one, one + FEW + r, float(age))
            if asks & DECAYED:
                _count_decayed(cells, one, day, table.halves, 1.0)
            if asks & RICH:
                if asks & PACED and cells[more + DAY_NOW] != day:
                    _count_day(cells, more, wide + DAYS * windows + r, float(day))
                if asks & WEEKLY:
                    _count_week(cells, more, wide + week_r, windows, float(week), 1.0)
                if asks & VALUED and not math.isnan(value[i]):
                    _count_value(cells, more, wide + r, windows, asks, value[i] + 0.0, kept, table.rank[sel])
                if asks & CLOCKED:
                    for part in range(4):
                        cells[more + NIGHTS + part] += CLOCK[hour[i], part]
                if asks & ITEMED and item[i] != 0:
                    if slot < 0:
                        slot = _slot(keys, stamps, counts, mask, generation, item[i])
                    _count_item(cells, more, wide + ITEMS * windows + r, counts, slot, table.tally[sel], 1)
    return leads, follows, newest


@_inlined
def _count_transitions(cells, relations, met, times):  # type: ignore[no-untyped-def]
    while met:
        if met & 1:
            cells[relations] += times
        met >>= 1
        relations += 1


@_inlined
def _count_session(cells, one, ring, windows, age):  # type: ignore[no-untyped-def]
    gap = age - cells[one + OLDEST]
    if cells[one + TOTAL] == 0.0 or gap > _SESSION_GAP:
        cells[ring + SESSIONS * windows] += 1.0
    else:
        cells[ring + SESSION_TIME * windows] += gap


@_inlined
def _count_event(cells, one, ring, age):  # type: ignore[no-untyped-def]
    cells[ring] += 1.0
    if cells[one + TOTAL] == 0.0:
        cells[one + NEWEST] = age
    cells[one + TOTAL] += 1.0
    cells[one + OLDEST] = age


@_inlined
def _count_decayed(cells, one, day, halves, events):  # type: ignore[no-untyped-def]
    if day < halves.shape[0]:
        for part in range(3):
            cells[one + HALF_7 + part] += events * halves[day, part]
    else:
        cells[one + HALF_7] += events * 2.0 ** (-day / HALF_LIVES[0])
        cells[one + HALF_30] += events * 2.0 ** (-day / HALF_LIVES[1])
        cells[one + HALF_90] += events * 2.0 ** (-day / HALF_LIVES[2])


@_inlined
def _count_day(cells, more, ring, day):  # type: ignore[no-untyped-def]
    """A day with events that is older than the one before; day: its number."""
    gap = day - cells[more + DAY_NOW]
    cells[ring] += 1.0
    cells[more + DAY_RUN] = cells[more + DAY_RUN] + 1.0 if gap == 1.0 else 1.0
    cells[more + DAY_LONGEST] = max(cells[more + DAY_LONGEST], cells[more + DAY_RUN])
    if cells[more + DAY_RUN] == day + 1.0:
        cells[more + DAY_STREAK] = cells[more + DAY_RUN]
    if cells[more + DAY_NOW] < 0.0:
        cells[more + DAY_FIRST] = day
    else:
        _count_gap(cells, more, gap)
    cells[more + DAY_NOW] = day


@_inlined
def _count_gap(cells, more, gap):  # type: ignore[no-untyped-def]
    """Mean and squares by Welford's recurrence; the squares of M - 1/2 of neighbouring gaps (Wheat and Morrison)."""
    cells[more + GAPS] += 1.0
    if cells[more + GAPS] == 1.0:
        cells[more + GAP_LAST], cells[more + GAP_MEAN] = gap, 0.0
    else:
        share = cells[more + GAP_BEFORE] / (cells[more + GAP_BEFORE] + gap) - 0.5
        cells[more + PAIR_SQUARES] += share * share
    cells[more + GAP_BEFORE] = gap
    delta = gap - cells[more + GAP_MEAN]
    cells[more + GAP_MEAN] += delta / cells[more + GAPS]
    cells[more + GAP_SQUARES] += delta * (gap - cells[more + GAP_MEAN])


@_inlined
def _count_week(cells, more, ring, windows, week, events):  # type: ignore[no-untyped-def]
    """Events of a week as old as the one before or older; week: its number."""
    cells[ring + WEEK_N * windows] += events
    cells[ring + WEEK_SUM * windows] += events * week
    if week != cells[more + WEEK_NOW]:
        cells[more + WEEK_RUN] = cells[more + WEEK_RUN] + 1.0 if week == cells[more + WEEK_NOW] + 1.0 else 1.0
        cells[more + WEEK_LONGEST] = max(cells[more + WEEK_LONGEST], cells[more + WEEK_RUN])
        if cells[more + WEEK_RUN] == week + 1.0:
            cells[more + WEEK_STREAK] = cells[more + WEEK_RUN]
        cells[more + WEEK_NOW] = week
        cells[more + WEEK_EVENTS] = 0.0
    cells[more + WEEK_EVENTS] += events
    if cells[more + WEEK_EVENTS] > cells[more + PEAK_EVENTS]:
        cells[more + PEAK_EVENTS] = cells[more + WEEK_EVENTS]
        cells[more + PEAK] = week


@_inlined
def _count_value(cells, more, ring, windows, asks, value, kept, row):  # type: ignore[no-untyped-def]
    """A value that is not missing; -0.0, which equals 0.0 and so comes in any order, came in as 0.0."""
    if cells[more + ALL_VALUES] == 0.0:
        cells[more + LAST_VALUE] = value
    if asks & RANKED:
        kept[row, int(cells[more + ALL_VALUES])] = value
    cells[more + ALL_VALUES] += 1.0
    cells[ring + SUM * windows] += value
    cells[ring + VALUES * windows] += 1.0
    cells[ring + MAX * windows] = max(cells[ring + MAX * windows], value)
    if asks & SPLIT:
        cells[ring + (TAKEN if value > 0.0 else GIVEN_BACK) * windows] += abs(value)


@_inlined
def _count_item(cells, more, ring, counts, slot, row, events):  # type: ignore[no-untyped-def]
    if counts[slot, row] == 0:
        cells[ring] += 1.0
    counts[slot, row] += events
    cells[more + ALL_ITEMS] += events
    cells[more + FAVOURITE] = max(cells[more + FAVOURITE], float(counts[slot, row]))


@_inlined
def _mask(events):  # type: ignore[no-untyped-def]
    size = 16
    while size < 2 * events:
        size *= 2
    return size - 1


@_inlined
def _slot(keys, stamps, counts, mask, generation, key):  # type: ignore[no-untyped-def]
    """Where an item's counts are; stamps spare clearing the table between users."""
    slot = (key ^ (key >> 29)) & mask
    while stamps[slot] == generation:
        if keys[slot] == key:
            return slot
        slot = (slot + 1) & mask
    stamps[slot] = generation
    keys[slot] = key
    counts[slot, :] = 0
    return slot


@_compiled
def _carry_days(cells, carried, as_of, table):  # type: ignore[no-untyped-def]
    """Count the folded dates, the newest first: what depends on the days and weeks before `as_of`.

    A date lies in two such days. Its first and last event say exactly in which of them it has events; how many in
    each is read off a straight line between the two.
    """
    first, last = carried.first, carried.last
    high = first.shape[0]
    while high > 0:
        date, low = first[high - 1] // _MICROSECONDS, high - 1
        while low > 0 and first[low - 1] // _MICROSECONDS == date:
            low -= 1
        day = (as_of - (date + 1) * _MICROSECONDS + 1) // _MICROSECONDS
        edge = as_of - (day + 1) * _MICROSECONDS
        for part in range(2):
            for i in range(high - 1, low - 1, -1):
                newer = _later_than(edge, first[i], last[i], carried.events[i])
                events = newer if part == 0 else carried.events[i] - newer
                if events > 0:
                    _carry_day(cells, carried.kind[i], day + part, float(events), table)
        high = low


@_inlined
def _later_than(edge, first, last, events):  # type: ignore[no-untyped-def]
    """How many of the events of a date are later than `edge`."""
    if first > edge:
        return events
    if last <= edge:
        return 0
    return 1 + int((events - 2) * ((last - edge) / (last - first)) + 0.5)


@_inlined
def _carry_day(cells, k, day, events, table):  # type: ignore[no-untyped-def]
    windows = table.edges.shape[0] + 1
    for j in range(table.first_selector[k], table.first_selector[k + 1]):
        sel = table.selectors[j]
        asks, one = table.asks[sel], table.start[sel]
        more, ever = one + FEW_LAYERS * windows, one + SINGLES + windows - 1
        if asks & DECAYED:
            _count_decayed(cells, one, day, table.halves, events)
        if asks & PACED and cells[more + DAY_NOW] != day:
            _count_day(cells, more, ever + DAYS * windows, float(day))
        if asks & WEEKLY:
            _count_week(cells, more, ever, windows, float(day // 7), events)


@_compiled
def _carry_totals(cells, carried, as_of, table):  # type: ignore[no-untyped-def]
    """Add what the folded events amount to, kind by kind, the kind with the newest value first."""
    windows, kinds, sums = table.edges.shape[0] + 1, carried.kinds, carried.sums
    members = np.zeros(table.asks.shape[0], np.int64)
    for k in kinds:
        for j in range(table.first_selector[k], table.first_selector[k + 1]):
            members[table.selectors[j]] += 1
    for row in range(kinds.shape[0]):
        for j in range(table.first_selector[kinds[row]], table.first_selector[kinds[row] + 1]):
            sel = table.selectors[j]
            asks, one = table.asks[sel], table.start[sel]
            more, ever = one + FEW_LAYERS * windows, one + SINGLES + windows - 1
            if members[sel] > 0 and (asks & SESSIONED or asks & ITEMED):
                # Sessions and items of several kinds together are not those of each: there is a row of all kinds.
                source = kinds.shape[0] if members[sel] == kinds.shape[0] else row
                if asks & SESSIONED:
                    _carry_sessions(cells, one, ever, windows, sums[source], float(as_of - carried.spans[source, 1]))
                if asks & ITEMED:
                    cells[ever + ITEMS * windows] += sums[source, DROPPED]
                    cells[more + ALL_ITEMS] += sums[source, DROPPED_EVENTS]
                if source == kinds.shape[0]:
                    members[sel] = 0
            oldest, newest = float(as_of - carried.spans[row, 0]), float(as_of - carried.spans[row, 1])
            cells[one + NEWEST] = newest if cells[one + TOTAL] == 0.0 else min(cells[one + NEWEST], newest)
            cells[one + OLDEST] = max(cells[one + OLDEST], oldest)
            cells[one + TOTAL] += sums[row, EVENTS]
            cells[one + FEW + windows - 1] += sums[row, EVENTS]
            if asks & VALUED and sums[row, VALUED_EVENTS] > 0.0:
                _carry_values(cells, more, ever, windows, asks, sums[row])
            if asks & CLOCKED:
                for part in range(4):
                    cells[more + NIGHTS + part] += sums[row, CLOCKS + part]


@_inlined
def _carry_sessions(cells, one, ever, windows, sums, newest):  # type: ignore[no-untyped-def]
    """newest: the age of the newest folded event, whose session may go on in the events that are not folded."""
    gap = newest - cells[one + OLDEST]
    cells[ever + SESSIONS * windows] += sums[RUNS]
    cells[ever + SESSION_TIME * windows] += sums[RUN_TIME]
    if cells[one + TOTAL] > 0.0 and gap <= _SESSION_GAP:
        cells[ever + SESSIONS * windows] -= 1.0
        cells[ever + SESSION_TIME * windows] += gap


@_inlined
def _carry_values(cells, more, ever, windows, asks, sums):  # type: ignore[no-untyped-def]
    if cells[more + ALL_VALUES] == 0.0:
        cells[more + LAST_VALUE] = sums[NEWEST_VALUE]
    cells[more + ALL_VALUES] += sums[VALUED_EVENTS]
    cells[ever + SUM * windows] += sums[AMOUNT]
    cells[ever + VALUES * windows] += sums[VALUED_EVENTS]
    cells[ever + MAX * windows] = max(cells[ever + MAX * windows], sums[HIGHEST])
    if asks & SPLIT:
        cells[ever + TAKEN * windows] += sums[POSITIVE]
        cells[ever + GIVEN_BACK * windows] += sums[NEGATIVE]


@_compiled
def _carry_items(memory, carried, table, mask, generation):  # type: ignore[no-untyped-def]
    cells, _, keys, stamps, counts = memory
    windows = table.edges.shape[0] + 1
    for i in range(carried.item.shape[0]):
        k, slot = carried.item_kind[i], -1
        for j in range(table.first_selector[k], table.first_selector[k + 1]):
            sel = table.selectors[j]
            if table.asks[sel] & ITEMED:
                if slot < 0:
                    slot = _slot(keys, stamps, counts, mask, generation, carried.item[i])
                more, ever = table.start[sel] + FEW_LAYERS * windows, table.start[sel] + SINGLES + windows - 1
                row, events = table.tally[sel], carried.item_events[i]
                _count_item(cells, more, ever + ITEMS * windows, counts, slot, row, events)


@_compiled
def _carry_ranks(cells, kept, carried, table):  # type: ignore[no-untyped-def]
    """The quantiles of whole histories: of the kept values, and of the folded ones by their sample."""
    windows = table.edges.shape[0] + 1
    for sel in range(table.asks.shape[0]):
        if not (table.asks[sel] & RANKED and (table.ranked[sel] >> (windows - 1)) & 1):
            continue
        of_it = np.zeros(carried.sample.shape[0], np.bool_)
        for i in range(of_it.shape[0]):
            k = carried.sample_kind[i]
            for j in range(table.first_selector[k], table.first_selector[k + 1]):
                of_it[i] |= table.selectors[j] == sel
        values, weights = carried.sample[of_it], carried.sample_events[of_it]
        ever = table.start[sel] + SINGLES + windows - 1
        own = int(cells[ever + VALUES * windows]) - weights.sum()
        if own + values.shape[0] == 0:
            continue
        order = np.argsort(values)
        ordered = kept[table.rank[sel], :own]
        ordered.sort()
        cells[ever + MEDIAN * windows] = _weighted_quantile(ordered, values[order], weights[order], 0.5)
        cells[ever + HIGH * windows] = _weighted_quantile(ordered, values[order], weights[order], 0.9)


@_inlined
def _weighted_quantile(ordered, values, weights, share):  # type: ignore[no-untyped-def]
    place = share * (ordered.shape[0] + weights.sum() - 1)
    low = _at_rank(ordered, values, weights, int(place))
    return low + (_at_rank(ordered, values, weights, math.ceil(place)) - low) * (place - int(place))


@_inlined
def _at_rank(ordered, values, weights, rank):  # type: ignore[no-untyped-def]
    """The value with `rank` lower ones among plain values and weighted ones, both ascending."""
    i, j, lower = 0, 0, 0
    while True:
        if j == values.shape[0] or (i < ordered.shape[0] and ordered[i] <= values[j]):
            value, lower, i = ordered[i], lower + 1, i + 1
        else:
            value, lower, j = values[j], lower + weights[j], j + 1
        if lower > rank:
            return value


@_compiled
def _finish(cells, kept, table, ranks):  # type: ignore[no-untyped-def]
    """From counts to features, for the selectors that met an event; the others keep what is in `blank`.

    ranks: bits, the windows whose quantiles are those of the kept values.
    """
    windows = table.edges.shape[0] + 1
    for sel in range(table.asks.shape[0]):
        asks, one = table.asks[sel], table.start[sel]
        if cells[one + TOTAL] == 0.0:
            continue
        more, wide = one + FEW_LAYERS * windows, one + SINGLES
        cells[one + RECENCY] = cells[one + NEWEST] / _A_DAY
        cells[one + TENURE] = cells[one + OLDEST] / _A_DAY
        cells[one + SILENCE] = cells[one + NEWEST] / cells[one + OLDEST] if cells[one + OLDEST] > 0.0 else 1.0
        _accumulate(cells, one + FEW, windows)
        _against_own_past(cells, one + FEW, one + FEW + TREND * windows, one, table.edges, 0.0)
        if asks & PACED:
            _finish_days(cells, one, more, wide, windows)
        if asks & WEEKLY:
            _finish_weeks(cells, more, wide, windows, table.weeks)
        if asks & VALUED and cells[more + ALL_VALUES] > 0.0:
            _finish_values(cells, one, more, wide, windows, table.edges)
            if asks & RANKED:
                _finish_ranks(cells, wide, windows, kept[table.rank[sel]], table.ranked[sel] & ranks)
        if asks & CLOCKED:
            cells[more + NIGHT_SHARE] = cells[more + NIGHTS] / cells[one + TOTAL]
            cells[more + WEEKEND_SHARE] = cells[more + WEEKENDS] / cells[one + TOTAL]
            length = math.sqrt(cells[more + COSINES] ** 2 + cells[more + SINES] ** 2)
            cells[more + HOUR_REGULARITY] = length / cells[one + TOTAL]
        if asks & ITEMED and cells[more + ALL_ITEMS] > 0.0:
            _accumulate(cells, wide + ITEMS * windows, windows)
            cells[more + FAVOURITE_SHARE] = cells[more + FAVOURITE] / cells[more + ALL_ITEMS]
        if asks & SESSIONED:
            _accumulate(cells, wide + SESSIONS * windows, windows)
            _accumulate(cells, wide + SESSION_TIME * windows, windows)
            for w in range(wide, wide + windows):
                if cells[w + SESSIONS * windows] > 0.0:
                    mean = cells[w + SESSION_TIME * windows] / cells[w + SESSIONS * windows]
                    cells[w + MINUTES * windows] = mean / _MINUTE


@_inlined
def _accumulate(cells, layer, windows):  # type: ignore[no-untyped-def]
    """Turn rings into windows: each is all younger rings and its own."""
    for cell in range(layer + 1, layer + windows):
        cells[cell] += cells[cell - 1]


@_inlined
def _against_own_past(cells, layer, trend, one, edges, nothing):  # type: ignore[no-untyped-def]
    """Each window's amount over what the user's own earlier rate would have given in it."""
    ever, oldest = cells[layer + edges.shape[0]], cells[one + TENURE]
    for w in range(edges.shape[0]):
        days, earlier = edges[w] / _A_DAY, ever - cells[layer + w]
        if earlier > nothing and oldest > days:
            cells[trend + w] = cells[layer + w] * (oldest - days) / (earlier * days)


@_inlined
def _finish_days(cells, one, more, wide, windows):  # type: ignore[no-untyped-def]
    _accumulate(cells, wide + DAYS * windows, windows)
    gaps = cells[more + GAPS]
    cells[more + REPEAT_DAYS] = gaps
    cells[more + REPEAT_SPAN] = cells[more + DAY_NOW] - cells[more + DAY_FIRST]
    if gaps > 0.0:
        cells[more + OVERDUE] = cells[one + RECENCY] / cells[more + GAP_MEAN]
    if gaps > 1.0:
        cells[more + GAP_DEVIATION] = math.sqrt(cells[more + GAP_SQUARES] / (gaps - 1.0))
        spread = cells[more + PAIR_SQUARES] / (gaps - 1.0)
        chance = 8.0 * spread * MOST_REGULAR
        cells[more + GAP_REGULARITY] = (
            (1.0 - 4.0 * spread) / (8.0 * spread) if 1.0 - 4.0 * spread < chance else MOST_REGULAR
        )


@_inlined
def _finish_weeks(cells, more, wide, windows, weeks):  # type: ignore[no-untyped-def]
    """Least squares over weeks 0..n-1, of which those without events count 0; a younger week has a lower number."""
    _accumulate(cells, wide + WEEK_N * windows, windows)
    _accumulate(cells, wide + WEEK_SUM * windows, windows)
    for w in range(windows - 1):
        n = min(float(weeks[w]), cells[more + WEEK_NOW] + 1.0)
        if n >= 3.0:
            events, numbers = cells[wide + WEEK_N * windows + w], cells[wide + WEEK_SUM * windows + w]
            change = ((n - 1.0) / 2.0 * events - numbers) * 12.0 / (n * (n * n - 1.0))
            cells[wide + SLOPE * windows + w] = change


@_inlined
def _finish_values(cells, one, more, wide, windows, edges):  # type: ignore[no-untyped-def]
    for layer in (SUM, VALUES, TAKEN, GIVEN_BACK):
        _accumulate(cells, wide + layer * windows, windows)
    for cell in range(wide + MAX * windows + 1, wide + MAX * windows + windows):
        cells[cell] = max(cells[cell], cells[cell - 1])
    ever = wide + windows - 1
    rounding = max(1e-300, 1e-9 * cells[ever + MAX * windows])  # what is left of 0.1 + 0.2 - 0.3, or no sum at all
    _against_own_past(cells, wide + SUM * windows, wide + SPEND_TREND * windows, one, edges, rounding)
    for w in range(wide, wide + windows):
        total, values, taken = cells[w + SUM * windows], cells[w + VALUES * windows], cells[w + TAKEN * windows]
        if values > 0.0:
            cells[w + MEAN * windows] = total / values
            cells[w + LARGEST * windows] = cells[w + MAX * windows]
            before = cells[ever + SUM * windows] - total
            if before > rounding:
                earlier = before / (cells[ever + VALUES * windows] - values)
                cells[w + TREND_WORTH * windows] = total / values / earlier
        if taken > 0.0:
            cells[w + RETURNED * windows] = cells[w + GIVEN_BACK * windows] / taken


@_inlined
def _finish_ranks(cells, wide, windows, kept, asked):  # type: ignore[no-untyped-def]
    """The quantiles of the windows asked for, ascending: the values of a window are the first of those kept."""
    for w in range(windows):
        values = int(cells[wide + VALUES * windows + w])
        if values > 0 and (asked >> w) & 1:
            ordered = kept[:values]
            ordered.sort()
            cells[wide + MEDIAN * windows + w] = _quantile(ordered, 0.5)
            cells[wide + HIGH * windows + w] = _quantile(ordered, 0.9)


@_inlined
def _quantile(ordered, share):  # type: ignore[no-untyped-def]
    place = share * (ordered.shape[0] - 1)
    low = int(place)
    if low + 1 >= ordered.shape[0]:
        return ordered[low]
    return ordered[low] + (ordered[low + 1] - ordered[low]) * (place - low)


@_inlined
def _relate(cells, table, leads, windows):  # type: ignore[no-untyped-def]
    """Features of two selectors; leads: bits, the transitions that the newest event would begin if any followed."""
    at = table.relations
    for p in range(table.led.shape[0]):
        led = cells[table.start[table.led[p]] + TOTAL] - ((leads >> p) & 1)
        cells[at] = cells[at] / led if led > 0.0 else np.nan
        at += 1
    ever = SINGLES + windows - 1
    for v in range(table.given.shape[0]):
        taken = cells[table.start[table.taken[v]] + ever + TAKEN * windows]
        given = cells[table.start[table.given[v]] + ever + SUM * windows]
        cells[at] = abs(given) / taken if taken > 0.0 else np.nan
        at += 1


@_compiled
def scratch(table, longest):  # type: ignore[no-untyped-def]
    """Working memory for histories of up to `longest` events; one a thread."""
    size = _mask(longest) + 1 if table.tally.max() >= 0 else 1
    return (
        table.blank.copy(),
        np.empty((table.rank.max() + 1, longest)),
        np.empty(size, np.int64),
        np.zeros(size, np.int64),
        np.empty((size, table.tally.max() + 1), np.int32),
    )


@numba.njit(parallel=True, cache=True, nogil=True)
def feature_rows(time, kind, value, item, hour, arrived, offsets, users, as_of, chunks, table, out):  # type: ignore[no-untyped-def]
    """Write the features of row i, user `users[i]` at `as_of[i]`, into out[i]; chunks of rows are shared among threads.

    chunks: (c + 1,) ascending bounds of the chunks, which should have the same number of events each.
    The rows are independent of one another, so the result does not depend on the number of threads.
    """
    for c in numba.prange(chunks.shape[0] - 1):
        longest = 1
        for i in range(chunks[c], chunks[c + 1]):
            longest = max(longest, offsets[users[i] + 1] - offsets[users[i]])
        own = scratch(table, longest)
        for i in range(chunks[c], chunks[c + 1]):
            a, b = offsets[users[i]], offsets[users[i] + 1]
            known = arrived[a:b] if arrived.shape[0] > 0 else arrived
            feature_row(
                time[a:b], kind[a:b], value[a:b], item[a:b], hour[a:b], known, as_of[i], table, own, i + 1, out[i]
            )
