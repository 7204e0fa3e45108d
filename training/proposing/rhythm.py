"""What being active means in a log, and after how long a silence somebody counts as gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.histories import Histories
from features.kind_words import is_cancel, is_purchase, is_refund, is_system
from training.return_curve import ReturnCurve

ROUND_DAYS = (1, 2, 3, 5, 7, 10, 14, 21, 28, 30, 45, 60, 90, 120, 150, 181, 270, 365)
COMES_BACK = 0.10
_MOST_ACTIVITY = 20


@dataclass(frozen=True)
class Kinds:
    """Every kind of a log, most frequent first.

    events, users, repeaters: (k,) how many events, users with one, users with two.  values: (k,) events with a value.
    middle: (k,) median value, NaN without.
    """

    names: tuple[str, ...]
    events: NDArray[np.int64]
    users: NDArray[np.int64]
    repeaters: NDArray[np.int64]
    values: NDArray[np.int64]
    middle: NDArray[np.float64]
    all_users: int

    def of(self, kind: str) -> int:
        return self.names.index(kind)

    def user_share(self, kind: str) -> float:
        return float(self.users[self.of(kind)] / self.all_users)


@dataclass(frozen=True)
class Chosen:
    kinds: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Days:
    days: int
    why: str


def count_kinds(log: Histories) -> Kinds:
    """Count events, users, repeaters and values of every kind."""
    size = len(log.kinds)
    events = np.bincount(log.kind, minlength=size)
    key, times = np.unique(log.owner.astype(np.int64) * size + log.kind, return_counts=True)
    users = np.bincount(key % size, minlength=size)
    repeaters = np.bincount(key[times > 1] % size, minlength=size)
    there = ~np.isnan(log.value)
    values = np.bincount(log.kind[there], minlength=size)
    middle = np.array([np.median(log.value[there & (log.kind == k)]) if values[k] else np.nan for k in range(size)])
    order = np.argsort(-events, kind="stable")
    order = order[events[order] > 0]
    names = tuple(log.kinds[k] for k in order)
    return Kinds(names, events[order], users[order], repeaters[order], values[order], middle[order], len(log))


def activity_of(kinds: Kinds) -> Chosen:
    if len(kinds.names) == 1:
        return Chosen(kinds.names, "the only kind of event")
    bought = [kind for kind in kinds.names if is_purchase(kind)]
    if bought and _lives_on(bought, kinds):
        share = max(kinds.user_share(kind) for kind in bought)
        return Chosen(
            tuple(bought[:_MOST_ACTIVITY]),
            f"purchases are what customers return for: {share:.0%} of users have one, many have several",
        )
    own = [kind for kind in kinds.names if not (is_cancel(kind) or is_refund(kind) or is_system(kind))]
    usual = [kind for kind in own if kinds.user_share(kind) >= 0.01][:_MOST_ACTIVITY] or own[:_MOST_ACTIVITY]
    if not usual:
        return Chosen(
            kinds.names[:_MOST_ACTIVITY], "no kind reads like something that users do themselves, so all count"
        )
    out = [kind for kind in kinds.names if kind not in own]
    left = f"; not {listed(out, 6)} (an end, a refund, or not done by the user)" if out else ""
    rare = len(own) - len(usual)
    return Chosen(tuple(usual), f"what users do themselves{left}{f'; {rare} rare kinds left out' if rare else ''}")


def usage_of(kinds: Kinds, contract: Sequence[str]) -> tuple[str, ...]:
    """What customers of a contract do with it, most frequent first; () where the log does not tell."""
    own = [kind for kind in kinds.names if not (is_cancel(kind) or is_refund(kind) or is_system(kind))]
    used = [kind for kind in own if kind not in contract and not is_purchase(kind) and kinds.user_share(kind) >= 0.01]
    return tuple(used[:_MOST_ACTIVITY])


def _lives_on(bought: list[str], kinds: Kinds) -> bool:
    """Whether purchases are the rhythm of the business: many users have one, often more, and they are no rarity."""
    users = max(kinds.user_share(kind) for kind in bought)
    at = [kinds.of(kind) for kind in bought]
    again = max(kinds.repeaters[k] / max(kinds.users[k], 1) for k in at)
    return bool(users >= 0.3 and again >= 0.2 and kinds.events[at].sum() >= 0.05 * kinds.events.sum())


def horizon_of(curve: ReturnCurve, span: float) -> Days:
    """The shortest round horizon after whose silence fewer than a tenth come back, as far as the history holds it."""
    cap = rounded_down(max(1, int(span // 3)))
    wanted = curve.days_until(COMES_BACK)
    fitting = [days for days in ROUND_DAYS if wanted is not None and wanted <= days <= cap]
    if not fitting:
        share = curve.after(cap)
        known = (
            f"after {in_days(cap)} of silence {share:.0%} still come back"
            if share >= COMES_BACK
            else "too few returns to tell more"
        )
        few = "; even so it holds little more than one label window" if span < 3 * cap else ""
        return Days(
            cap,
            f"{known}; a third of the {in_days(int(span))} of history is the longest that can be learned from it{few}",
        )
    days = fitting[0]
    shorter = [one for one in ROUND_DAYS if one < days][-1:]
    before = f"; after {in_days(shorter[0])} it is {curve.after(shorter[0]):.0%}" if shorter else ""
    share = curve.after(days)
    come = "none is known to come back" if share != share else f"{share:.1%} come back later"
    return Days(days, f"of the users silent for {in_days(days)}, {come}{before}")


def rounded_down(days: int) -> int:
    return max((one for one in ROUND_DAYS if one <= days), default=1)


def in_days(days: int) -> str:
    return f"{days:,} day{'' if days == 1 else 's'}"


def listed(kinds: Sequence[str], most: int = 5) -> str:
    shown = " or ".join(kinds[:most]) if len(kinds) <= most else ", ".join(kinds[:most])
    return shown + (f" and {len(kinds) - most} more" if len(kinds) > most else "")
