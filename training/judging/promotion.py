"""Promotion is a judgement with reasons: pure, from what is known of candidate and champion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from features.clock import format_instant
from training.evidence import Grade
from training.measures.bootstrap import Interval

USUAL = 0.95


@dataclass(frozen=True)
class Standing:
    """What the judge knows of one model.

    question: its definition in words.  until: its data were complete until then, microseconds UTC.
    skill: its loss minus the loss of promising everybody the rate of the window before, on the untouched windows.
    able: whether it can score as things are now.  alarms: sentences of leaks that a search has proven.
    suspicions: sentences of what is hardly ever right, and which the champion does not have.  drift: a sentence when
    what it would score differs from what it learned from.  stale: one when its data had ended long before it learned.
    """

    question: str
    until: int
    grade: str
    skill: Interval
    able: bool = True
    alarms: tuple[str, ...] = ()
    suspicions: tuple[str, ...] = ()
    drift: str = ""
    stale: str = ""


@dataclass(frozen=True)
class Window:
    """One back-test window that is fair to both.  as_of: microseconds UTC.  gap: candidate's mean loss minus
    champion's."""

    as_of: int
    gap: float
    rows: int


@dataclass(frozen=True)
class Segment:
    """Some of the customers, such as those with "tenure: first month"; difference: as of `Comparison`."""

    name: str
    difference: Interval
    rows: int


@dataclass(frozen=True)
class Comparison:
    """Candidate's loss minus champion's on rows from which neither had learned.

    difference: of all rows, with its 95 % interval.  rows: how many.  windows: they are of, oldest first (empty: one).
    held: how many windows the candidate was tested on, fair to the champion or not.  segments: large enough to tell.
    challenger: the how manieth this is that meets a champion on the same newest window.
    """

    difference: Interval
    rows: int
    windows: tuple[Window, ...] = ()
    held: int = 1
    segments: tuple[Segment, ...] = ()
    challenger: int = 1


@dataclass(frozen=True)
class Verdict:
    """Whether the candidate becomes champion, and why, in words."""

    promote: bool
    reasons: tuple[str, ...]


def judge(candidate: Standing, champion: Standing | None, comparison: Comparison | None) -> Verdict:
    """Decide whether the candidate takes over.

    It does not when a search found a leak, whatever its figures; nor when its data are older than the champion's, when
    what it would score has drifted, or when one segment of customers would be worse off.  Then it does when it is
    better (lower loss on two thirds of the windows that are fair to both, and significantly so on all of them; with one
    window its interval alone decides), or when it has learned from newer data and is not significantly worse.
    Where no champion can score, a candidate without alarms takes over: there is nothing to protect.
    comparison: None when no rows are fair to both.

    >>> flat = Interval(0.0, -0.01, 0.01)
    >>> one = Standing("left = no order within 90 days", until=1, grade="B", skill=Interval(-0.1, -0.12, -0.08))
    >>> judge(one, one, Comparison(flat, 900)).promote
    False
    """
    promote, why = _decide(candidate, champion, comparison)
    warned = (*candidate.suspicions, candidate.drift, candidate.stale)
    notes = [f"warning: {said}" for said in warned if said and said not in why]
    return Verdict(promote, (why, _skill(candidate), *notes))


def _decide(candidate: Standing, champion: Standing | None, comparison: Comparison | None) -> tuple[bool, str]:
    if candidate.alarms:
        return False, f"a leak was found: {'; '.join(candidate.alarms)}"
    if not candidate.able:
        return False, f"it answers another question ({candidate.question}) than the configuration asks today"
    if champion is None:
        return True, "there is no champion yet"
    if champion.question != candidate.question:
        return True, f"the champion answers another question ({champion.question})"
    if not champion.able:
        return True, "the champion cannot score any more: the features of your own have changed"
    if candidate.until < champion.until:
        return False, f"its data end {_day(candidate.until)}, before those of the champion ({_day(champion.until)})"
    if candidate.suspicions:
        return False, f"a leak is suspected: {'; '.join(candidate.suspicions)}. Promote by hand if that is meant"
    if candidate.drift:
        return False, f"{candidate.drift}. Look at it, and promote by hand if that is meant"
    return _met(candidate.until > champion.until, comparison)


def _met(newer: bool, comparison: Comparison | None) -> tuple[bool, str]:
    if comparison is None:
        told = "no labelled rows are new to both models"
        return newer, f"{told}; the candidate has learned from newer data" if newer else (
            f"{told}, and the candidate has no newer data"
        )
    figures = _figures(comparison)
    if comparison.difference.low > 0:
        return False, f"worse than the champion: {figures}"
    if harmed := _harmed(comparison.segments):
        return False, f"worse for some customers: {harmed}; over all: {figures}"
    if _better(comparison):
        return True, f"better than the champion: {figures}"
    if newer:
        return True, f"level with the champion and learned from newer data: {figures}"
    return False, f"not better than the champion: {figures}"


def _better(comparison: Comparison) -> bool:
    """Significantly lower on all rows, and lower on enough windows."""
    lower = sum(window.gap < 0 for window in comparison.windows)
    few = len(comparison.windows) > 1 and lower < needed(len(comparison.windows))
    return stretched(comparison.difference, level_of(comparison.challenger)).high < 0 and not few


def needed(windows: int) -> int:
    """On how many of these windows a candidate must have the lower loss: two thirds, rounded up."""
    return -(-2 * windows // 3)


def level_of(challenger: int) -> float:
    """How sure the judge must be of the n-th challenger that meets a champion on the same window.

    95 % for the first.  The n-th may be wrong with chance 0.1 / (n (n + 1)), half of it on either side, and these add
    up to 5 % over any number of challengers, however alike they are: trying often does not win.
    (0.05 / n was measured to let 7 % of races of 200 noise challengers through.)
    Source: Foster, Stine 2008 (alpha spending), https://doi.org/10.1111/j.1467-9868.2007.00643.x

    >>> [round(level_of(n), 4) for n in (1, 2, 12)]
    [0.95, 0.9833, 0.9994]
    """
    return 1.0 - 0.1 / (challenger * (challenger + 1))


def stretched(known: Interval, level: float) -> Interval:
    """A 95 % interval as it would be at another level, each side by the normal law.

    Some hundred draws of a bootstrap cannot tell the thousandth part of a distribution; its width they tell.
    """
    wider = NormalDist().inv_cdf((1 + level) / 2) / NormalDist().inv_cdf((1 + USUAL) / 2)
    return Interval(
        known.point, known.point - wider * (known.point - known.low), known.point + wider * (known.high - known.point)
    )


def capped(grade: Grade, windows: int) -> Grade:
    """The grade of evidence that this many back-test windows can carry: one window, at most C.

    >>> capped("A", 1), capped("D", 1), capped("A", 3)
    ('C', 'D', 'A')
    """
    return "C" if windows <= 1 and grade in ("A", "B") else grade


def _figures(comparison: Comparison) -> str:
    gap, level = comparison.difference, level_of(comparison.challenger)
    wide, parts = stretched(gap, level), []
    if len(comparison.windows) > 1:
        lower, count = sum(window.gap < 0 for window in comparison.windows), len(comparison.windows)
        each = ", ".join(f"{window.gap:+.4f}" for window in comparison.windows)
        parts.append(f"lower loss on {lower} of {count} windows (needs {needed(count)}): {each}")
    if comparison.held > max(len(comparison.windows), 1):
        parts.append(f"{comparison.held - max(len(comparison.windows), 1)} more windows are not new to both")
    parts.append(
        f"loss {gap.point:+.4f} against the champion's on {comparison.rows:,} rows, "
        f"{percent(level)} interval {wide.low:+.4f} to {wide.high:+.4f}"
    )
    if comparison.challenger > 1:
        parts.append(f"the {ordinal(comparison.challenger)} challenger on this window: judged at {percent(level)}")
    return "; ".join(parts)


def _harmed(segments: tuple[Segment, ...]) -> str:
    """The segments that are significantly worse off, Bonferroni over all that were looked at; "" when none is."""
    level = 1.0 - (1.0 - USUAL) / max(len(segments), 1)
    said = []
    for segment in segments:
        wide = stretched(segment.difference, level)
        if wide.low > 0:
            said.append(
                f"{segment.name} (loss {wide.point:+.4f} on {segment.rows:,} rows, "
                f"{percent(level)} interval {wide.low:+.4f} to {wide.high:+.4f})"
            )
    return ", ".join(said) and f"{', '.join(said)}; {len(segments)} segments were looked at"


def percent(level: float) -> str:
    """A level with as many digits as tell it from 100 %.

    >>> percent(0.95), percent(level_of(2)), percent(level_of(12))
    ('95 %', '98.3 %', '99.936 %')
    """
    digits = max(0, math.ceil(-math.log10(1.0 - level)) - 1)
    said = f"{100 * level:.{digits}f}"
    return f"{said.rstrip('0').rstrip('.') if '.' in said else said} %"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 11th.

    >>> [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 21)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '21st']
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _day(micros: int) -> str:
    return format_instant(micros)[:10]


def _skill(candidate: Standing) -> str:
    gap, known = candidate.skill, "than promising everybody the rate of the window before"
    if gap.high < 0:
        return f"better {known} (loss {gap.point:+.4f}); evidence grade {candidate.grade}"
    return (
        f"NOT shown to be better {known} (loss {gap.point:+.4f}, 95 % interval "
        f"{gap.low:+.4f} to {gap.high:+.4f}); scores stay near that rate; evidence grade {candidate.grade}"
    )
