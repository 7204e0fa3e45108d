"""Promotion is a judgement with reasons: pure, from what is known of candidate and champion."""

from __future__ import annotations

from dataclasses import dataclass

from training.bootstrap import Interval


@dataclass(frozen=True)
class Standing:
    """What the judge knows of one model.

    question: its definition in words.  until: its data were complete until then, microseconds UTC.
    skill: its loss minus the loss of promising everybody the rate of the window before, on the untouched window.
    able: whether it can score as things are now.
    """

    question: str
    until: int
    grade: str
    skill: Interval
    able: bool = True


@dataclass(frozen=True)
class Comparison:
    """Candidate's loss minus champion's on rows from which neither had learned.  rows: how many."""

    difference: Interval
    rows: int


@dataclass(frozen=True)
class Verdict:
    """Whether the candidate becomes champion, and why, in words."""

    promote: bool
    reasons: tuple[str, ...]


def judge(candidate: Standing, champion: Standing | None, comparison: Comparison | None) -> Verdict:
    """Decide whether the candidate takes over.

    It does when there is no champion, or the champion answers another question or can score no more; when it is
    significantly better on rows that neither has seen; or when it has learned from newer data and is not significantly
    worse.
    comparison: None when no rows are fair to both.

    >>> flat = Interval(0.0, -0.01, 0.01)
    >>> one = Standing("left = no order within 90 days", until=1, grade="B", skill=Interval(-0.1, -0.12, -0.08))
    >>> judge(one, one, Comparison(flat, 900)).promote
    False
    """
    skill = _skill(candidate)
    if champion is None:
        return Verdict(True, ("there is no champion yet", skill))
    if champion.question != candidate.question:
        return Verdict(True, (f"the champion answers another question ({champion.question})", skill))
    if not champion.able:
        return Verdict(True, ("the champion cannot score any more: the features of your own have changed", skill))
    newer = candidate.until > champion.until
    if comparison is None:
        told = "no labelled rows are new to both models"
        if newer:
            return Verdict(True, (f"{told}; the candidate has learned from newer data", skill))
        return Verdict(False, (f"{told}, and the candidate has no newer data", skill))
    return _compared(comparison, newer, skill)


def _compared(comparison: Comparison, newer: bool, skill: str) -> Verdict:
    gap = comparison.difference
    figures = (
        f"loss {gap.point:+.4f} against the champion's on {comparison.rows:,} rows, "
        f"95 % interval {gap.low:+.4f} to {gap.high:+.4f}"
    )
    if gap.high < 0:
        return Verdict(True, (f"better than the champion: {figures}", skill))
    if gap.low > 0:
        return Verdict(False, (f"worse than the champion: {figures}", skill))
    if newer:
        return Verdict(True, (f"level with the champion and learned from newer data: {figures}", skill))
    return Verdict(False, (f"not better than the champion: {figures}", skill))


def _skill(candidate: Standing) -> str:
    gap, known = candidate.skill, "than promising everybody the rate of the window before"
    if gap.high < 0:
        return f"better {known} (loss {gap.point:+.4f}); evidence grade {candidate.grade}"
    return (
        f"NOT shown to be better {known} (loss {gap.point:+.4f}, 95 % interval "
        f"{gap.low:+.4f} to {gap.high:+.4f}); scores stay near that rate; evidence grade {candidate.grade}"
    )
