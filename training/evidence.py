"""How much a model of one question can be trusted, by how much there was to learn from and to judge it on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Grade = Literal["A", "B", "C", "D", "none"]
LEAST_RARER, LEAST_USERS = 20, 50
FEW_RARER, SOME_RARER, MANY_RARER = 100, 200, 1000
ENOUGH_WINDOWS = 3


@dataclass(frozen=True)
class Evidence:
    """How far a model can be trusted, and why not further.

    grade: A to D, or "none" when no model is to be trained.  reasons: what keeps it from a better one, a sentence each.
    """

    grade: Grade
    reasons: tuple[str, ...]


def grade(windows: int, out_of_time: bool, rarer: int, users: int) -> Evidence:
    """Grade what a log can support for one question.

    windows: label windows that do not overlap.  out_of_time: whether the last window can be judged by a model that
    learned from earlier windows alone.  rarer: users with the rarer outcome at the last cut-off.  users: users asked
    about there.

    >>> grade(windows=3, out_of_time=True, rarer=1200, users=9000).grade
    'A'
    >>> grade(windows=2, out_of_time=True, rarer=12, users=400).reasons
    ('12 users with the rarer outcome, 20 are needed (8 more)',)
    """
    if missing := _missing(rarer, users):
        return Evidence("none", missing)
    weak = [
        f"{rarer:,} users with the rarer outcome, {step:,} are needed for a better grade"
        for step in [_next_step(rarer)]
        if step
    ]
    if not out_of_time:
        weak.append("one window only: the model cannot be judged on a later period than it learned from")
    elif windows < ENOUGH_WINDOWS:
        weak.append(
            f"{windows} label windows that do not overlap, fewer than {ENOUGH_WINDOWS}: no proof over the seasons"
        )
    return Evidence(_letter(windows, out_of_time, rarer), tuple(weak))


def _missing(rarer: int, users: int) -> tuple[str, ...]:
    short = (
        (rarer, LEAST_RARER, "users with the rarer outcome"),
        (users, LEAST_USERS, "users"),
    )
    return tuple(
        f"{_counted(have, what)}, {least} are needed ({least - have} more)"
        for have, least, what in short
        if have < least
    )


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what.replace('users', 'user', 1) if count == 1 else what}"


def _next_step(rarer: int) -> int:
    return next((step for step in (FEW_RARER, SOME_RARER, MANY_RARER) if rarer < step), 0)


def _letter(windows: int, out_of_time: bool, rarer: int) -> Grade:
    if rarer < FEW_RARER or (not out_of_time and rarer < SOME_RARER):
        return "D"
    if not out_of_time or rarer < SOME_RARER or (windows < ENOUGH_WINDOWS and rarer < MANY_RARER):
        return "C"
    return "A" if windows >= ENOUGH_WINDOWS and rarer >= MANY_RARER else "B"
