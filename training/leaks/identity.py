"""Is one id one person throughout? Ids that change their writing, copies of people, kinds that never meet."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.clock import format_instant
from features.definitions import Definition
from features.digests import event_digests, text_digests
from features.histories import Histories
from features.named import NO_ITEM
from training.leaks.alarm import Alarm

I64 = NDArray[np.int64]
CUTOFFS = 12
FEWEST = 50
FELL, CAME = 0.25, 0.8
TWO_WAYS = 0.02
COPIES = 0.01
TWIN_EVENTS = 4
MET = 0.005
ONE_VALUE = 0.95


def turnover(histories: Histories, definition: Definition, until: int) -> tuple[Alarm, ...]:
    """Whether at some moment nearly all customers vanish and as many new ones appear: then their ids changed.

    histories: of a bucket; until: microseconds UTC.  Customers who leave are not replaced at once by others.
    """
    kinds = definition.activity or definition.kinds
    rows = histories.is_of(kinds)
    time, owner = histories.time[rows], histories.owner[rows]
    first = np.full(len(histories), np.iinfo(np.int64).max)
    np.minimum.at(first, owner, time)
    span = until - histories.span.first
    moments = histories.span.first + span * np.arange(2, CUTOFFS) // CUTOFFS
    width = span // CUTOFFS
    found = [_change(time, owner, first, int(at), int(width)) for at in moments]
    usual = [back for back, _, seen in found if seen]
    if len(usual) < 3:
        return ()
    newcomers = float(np.median([new for _, new, seen in found if seen]))
    for at, (back, new, seen) in zip(moments, found, strict=True):
        if seen and back < FELL * float(np.median(usual)) and new > max(CAME, min(1.5 * newcomers, 0.99)):
            return (Alarm(
                "identity",
                f"around {format_instant(int(at))[:10]} customers vanish and others take their place: of those "
                "active before "
                f"{back:.1%} are active after (usually {np.median(usual):.0%}), and {new:.0%} of those active "
                "after are new. "
                "Their ids are probably written in another way since then: map old ids to new ones.",
                back, FELL * float(np.median(usual)),
            ),)  # fmt: skip
    return ()


def _change(time: I64, owner: NDArray[np.int32], first: I64, at: int, width: int) -> tuple[float, float, bool]:
    """Share of those before a moment who are active after it, share of new ones after it, and if enough to tell."""
    before = np.unique(owner[(time > at - width) & (time <= at)])
    after = np.unique(owner[(time > at) & (time <= at + width)])
    if len(before) < FEWEST or len(after) < FEWEST // 2:
        return 0.0, 0.0, False
    return float(np.isin(before, after).mean()), float((first[after] > at).mean()), True


def two_ways(histories: Histories) -> tuple[Alarm, ...]:
    """Whether ids that differ in case, blanks, leading zeros or a constant prefix alone take turns in time.

    Two people who live side by side may have such ids; one person written in two ways has no event in common.
    """
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(pa.array(histories.users, pa.string())))
    plain = pc.replace_substring_regex(plain, r"\.0$", "")
    plain = pc.replace_substring_regex(plain, r"^[a-z_:#\- ]*0*([0-9]+)$", r"\1")
    codes = np.asarray(pc.dictionary_encode(plain).indices)
    count = np.bincount(codes)
    begins, ends = _lives(histories)
    pairs = [np.flatnonzero(codes == code) for code in np.flatnonzero(count == 2)[:2_000]]
    apart = [pair for pair in pairs if max(begins[pair]) >= min(ends[pair])]
    if len(pairs) < 20 or len(apart) < 0.8 * len(pairs) or 2 * len(apart) < TWO_WAYS * len(histories):
        return ()
    one, other = (histories.users[number] for number in apart[0])
    return (Alarm(
        "identity",
        f"{len(apart):,} pairs of ids look like one person written in two ways, such as '{one}' and '{other}': "
        "the one ends "
        "before the other begins. Their past is cut off, and who has only changed the writing looks lost: write "
        "ids in one way.",
        2 * len(apart) / len(histories), TWO_WAYS,
    ),)  # fmt: skip


def _lives(histories: Histories) -> tuple[I64, I64]:
    return histories.time[histories.offsets[:-1]], histories.time[histories.offsets[1:] - 1]


def twins(histories: Histories) -> tuple[Alarm, ...]:
    """Whether people are in the log twice under other ids, with the same events to the last amount.

    Only those with enough events that tell (with values, items or hours) are looked at.
    """
    rich = np.diff(histories.offsets) >= TWIN_EVENTS
    said = max(float((~np.isnan(histories.value)).mean()), float((histories.item != NO_ITEM).mean()))
    telling = not histories.span.dates_only or said > 0.5
    if rich.sum() < FEWEST or not telling:
        return ()
    kinds = text_digests(pa.array(list(histories.kinds), pa.string()))
    nobody = np.zeros(histories.event_count, dtype=np.uint64)
    digests = event_digests(nobody, histories.time, kinds[histories.kind], histories.value, histories.item)
    whole = np.zeros(len(histories), dtype=np.uint64)
    np.add.at(whole, histories.owner, digests)
    _, which, count = np.unique(whole[rich], return_inverse=True, return_counts=True)
    copies = int((count[which] > 1).sum())
    if copies < max(10, COPIES * rich.sum()):
        return ()
    names = histories.users[rich]
    pair = names[which == np.argmax(count > 1)][:2]
    return (Alarm(
        "twins",
        f"{copies:,} of {rich.sum():,} users with {TWIN_EVENTS} events or more have exactly the history of "
        "another user, such "
        f"as '{pair[0]}' and '{pair[1]}'. One is learned from and the other judged: keep one of each, oversample "
        "nobody.",
        copies / float(rich.sum()), COPIES,
    ),)  # fmt: skip


def meeting(histories: Histories, definition: Definition) -> tuple[Alarm, ...]:
    """Whether users with the kinds that are asked about ever have any of the other kinds.

    Browsing by device and orders by customer number never meet, and features of the one say nothing about the other.
    """
    asked = np.unique(histories.owner[histories.is_of(definition.kinds)])
    for kind in histories.kinds:
        if kind in definition.kinds:
            continue
        having = np.unique(histories.owner[histories.is_of((kind,))])
        both = len(np.intersect1d(asked, having))
        if min(len(asked), len(having)) >= FEWEST and both < MET * min(len(asked), len(having)):
            return (Alarm(
                "kinds",
                f"of {len(having):,} users with '{kind}' and {len(asked):,} with {' or '.join(definition.kinds)} "
                f"only {both:,} have "
                "both: they are probably known by different ids. Bring both kinds under one id, or leave the "
                "other out.",
                both / min(len(asked), len(having)), MET,
            ),)  # fmt: skip
    return ()


def stamped(histories: Histories) -> tuple[Alarm, ...]:
    """Whether the value of an event is a property of its customer: one for all events of a customer, another for each.

    Such a column comes from a snapshot of the customer table, as a rule with what came after the event in it.
    """
    for kind in histories.kinds:
        rows = np.flatnonzero(histories.is_of((kind,)) & ~np.isnan(histories.value))
        owner, value = histories.owner[rows], histories.value[rows]
        count = np.bincount(owner, minlength=len(histories))
        low, high = np.full(len(histories), np.inf), np.full(len(histories), -np.inf)
        np.minimum.at(low, owner, value)
        np.maximum.at(high, owner, value)
        many = np.flatnonzero(count >= 3)
        if len(many) < FEWEST:
            continue
        same, different = float((low[many] == high[many]).mean()), len(np.unique(low[many])) / len(many)
        if same > ONE_VALUE and different > 0.5:
            return (Alarm(
                "stamped",
                f"the value of '{kind}' is the same in all events of {same:.0%} of {len(many):,} users with "
                "three or more, and "
                f"{different:.0%} of these users have one of their own: it describes the customer as of the "
                "export, with what "
                "came later in it. Bring the amount of each event.",
                same, ONE_VALUE,
            ),)  # fmt: skip
    return ()


