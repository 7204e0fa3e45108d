"""Ask every alternative of a log at several moments of its past, and count; one bucket of users after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from features.build import build_at
from features.business import Business
from features.catalog import Catalog, activity_kinds, catalog
from features.clock import DAY
from features.definitions import Definition, definitions
from features.histories import Histories
from features.past import Past
from features.progress import Progress
from features.spec import Reduction
from training.checking.precheck import absent_kinds
from training.contracts import spells
from training.define.advice import churn_advice, conversion_advice
from training.define.alternatives import churn_alternatives, conversion_alternatives, widened
from training.define.answers import ask
from training.define.comparison import Alternative, Comparison, Moment, Question, Row
from training.define.survival import Durations, kaplan_meier
from training.labels import last_cutoff
from training.return_curve import ReturnCurve, curve_of, silences
from training.splits import CROWD_SHARE

I64 = NDArray[np.int64]
MOST_CUTOFFS = 12
MONTH_DAYS = 30
ABOUT_SILENCE = ("silence", "no_purchase")


@dataclass(frozen=True)
class Counts:
    """Sums over some users.  asked, outcome, followed, back: (a, c) by alternative and cut-off.

    certain, silent: (a, d) how many of the outcome had d whole days until it was certain, of silence behind them.
    silences: by kinds of event.  contracts: how long they lasted.  done: users who ever did the conversion's target.
    """

    asked: I64
    outcome: I64
    followed: I64
    back: I64
    certain: I64
    silent: I64
    silences: dict[tuple[str, ...], Durations]
    contracts: Durations
    done: int
    users: int

    def __add__(self, more: Counts) -> Counts:
        return Counts(
            self.asked + more.asked, self.outcome + more.outcome, self.followed + more.followed, self.back + more.back,
            self.certain + more.certain, self.silent + more.silent,
            {kinds: found + more.silences[kinds] for kinds, found in self.silences.items()},
            self.contracts + more.contracts, self.done + more.done, self.users + more.users,
        )  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What is asked when.  contract: the definition whose contracts are timed, None where there are none but activity.

    follow: microseconds that those called gone are watched after the window.  target: what converts.
    """

    alternatives: tuple[Alternative, ...]
    grid: tuple[int, ...]
    follow: int
    catalog: Catalog
    contract: Definition | None
    activity: tuple[str, ...]
    target: tuple[str, ...]
    until: int
    days: int


def compare(business: Business, past: Past, progress: Progress) -> Comparison:
    """Compare definitions of leaving and of converting on a business's own log.

    Every alternative is asked at the same moments, from the beginning of the log to the last one that its window still
    fits behind; nothing is looked at beyond the moment up to which the data are complete.
    Raises InputProblem (unknown_kind) when a question names kinds none of which is in the log.
    """
    for task in definitions(business):
        if absent := absent_kinds(business, past, task):
            raise absent
    wide = widened(business, past)
    churn, conversion = churn_alternatives(business, wide, past), conversion_alternatives(business, past)
    plan = _plan(business, wide, (*churn, *conversion), past)
    with progress.step(f"asking {len(plan.alternatives)} definitions at {len(plan.grid)} moments"):
        counts = reduce(lambda one, other: one + other, (_count(plan, histories) for histories in past.buckets()))
    rows = [_row(plan, number, counts) for number in range(len(plan.alternatives))]
    asked, chances = (
        tuple(row for row in some if row.moments or row.alternative.in_use)  # what nobody could be asked is no choice
        for some in (rows[: len(churn)], rows[len(churn) :])
    )
    return Comparison(
        Question(asked, churn_advice(asked)),
        Question(chances, conversion_advice(chances, counts.done / max(counts.users, 1))),
        curve_of(counts.silences[plan.activity]), plan.activity,
        plan.follow // DAY, past.span.complete_until, past.span.zone,
        kaplan_meier(counts.contracts) if plan.contract else None,
        plan.contract.contract if plan.contract else (),
        (plan.contract.term_days if plan.contract else 0) or MONTH_DAYS,
    )  # fmt: skip


def _plan(business: Business, wide: Business, alternatives: tuple[Alternative, ...], past: Past) -> Plan:
    used = definitions(wide)["churn"]
    own = bool(business.churn and business.churn.contract) or set(used.contract) - set(activity_kinds(wide))
    full = catalog(wide, past.uses(), clock=not past.span.dates_only)
    needed = (Reduction.COUNT, Reduction.RECENCY, Reduction.TENURE)
    slim = replace(full, features=tuple(f for f in full.features if f.days is None and f.reduction in needed))
    asked = definitions(business)
    days = int((past.span.complete_until - past.span.first) // DAY) + 2
    return Plan(
        alternatives, cutoffs(used, [one.definition for one in alternatives], past),
        used.horizon_days * DAY, slim, used if own else None, activity_kinds(wide),
        asked["conversion"].kinds if "conversion" in asked else (), past.span.complete_until, days,
    )  # fmt: skip


def cutoffs(used: Definition, asked: Sequence[Definition], past: Past) -> tuple[int, ...]:
    """The moments at which everything is asked, oldest first: evenly spaced, one the last that `used` can be asked at.

    They begin where there is half a horizon of past (at most 90 days) and a tenth of the later customers.
    """
    day = DAY
    anchor = last_cutoff(used, past)
    last = max([anchor, *(last_cutoff(one, past) for one in asked)])
    first = past.span.first + int(min(used.horizon_days / 2, 90) * day)
    starts = past.starts(used.activity)
    if not len(starts) or last < first:
        return ()
    crowd = int(starts[int(np.ceil(CROWD_SHARE * np.searchsorted(starts, last, side="right"))) - 1])
    first = max(first, crowd)
    step = max(1, -(-(last - first) // day // (MOST_CUTOFFS - 1))) * day
    back, ahead = max((anchor - first) // step, -1), (last - anchor) // step
    return tuple(int(anchor + number * step) for number in range(-back, ahead + 1) if anchor + number * step >= first)


def _count(plan: Plan, histories: Histories) -> Counts:
    size = (len(plan.alternatives), len(plan.grid))
    asked, outcome, followed, back = (np.zeros(size, np.int64) for _ in range(4))
    certain, silent = (np.zeros((size[0], plan.days), np.int64) for _ in range(2))
    held = {one.definition: spells(one.definition, histories) for one in plan.alternatives if one.definition.contract}
    for at, as_of in enumerate(plan.grid):
        table = build_at(histories, plan.catalog, as_of)
        for number, one in enumerate(plan.alternatives):
            if as_of > last_cutoff(one.definition, histories):
                continue
            here = ask(one, histories, table, as_of, held.get(one.definition), plan.follow)
            asked[number, at], outcome[number, at] = here.asked, len(here.certain)
            if here.back is not None:
                followed[number, at], back[number, at] = len(here.back), here.back.sum()
            certain[number] += _whole_days(here.certain, plan.days)
            silent[number] += _whole_days(here.silent[np.isfinite(here.silent)], plan.days)
    quiet = {plan.activity, *(one.definition.kinds for one in plan.alternatives if one.rule in ABOUT_SILENCE)}
    done = len(histories.starts(plan.target)) if plan.target else 0
    return Counts(
        asked, outcome, followed, back, certain, silent, {kinds: silences(histories, kinds) for kinds in quiet},
        _lengths(plan, histories), done, len(histories),
    )  # fmt: skip


def _whole_days(some: NDArray[np.float64], days: int) -> I64:
    return np.bincount(np.clip(some, 0, days - 1).astype(np.int64), minlength=days)


def _lengths(plan: Plan, histories: Histories) -> Durations:
    """How long contracts lasted; those still running are open at the end of the data."""
    if plan.contract is None:
        return Durations.none()
    found = spells(plan.contract, histories)
    over = found.end <= plan.until
    ended, still = (found.end - found.begin)[over], (plan.until - found.begin)[~over]
    return Durations.of(ended / DAY, still / DAY)


def _row(plan: Plan, number: int, counts: Counts) -> Row:
    one = plan.alternatives[number]
    moments = tuple(
        Moment(plan.grid[at], *(int(found[number, at]) for found in figures))
        for figures in [(counts.asked, counts.outcome, counts.followed, counts.back)]
        for at in range(len(plan.grid))
        if counts.asked[number, at]
    )
    returns = np.nan
    if one.rule in ABOUT_SILENCE:
        curve: ReturnCurve = curve_of(counts.silences[one.definition.kinds])
        returns = curve.after(one.definition.horizon_days)
    return Row(one, moments, _middle(counts.certain[number]), _middle(counts.silent[number]), returns)


def _middle(days: I64) -> float:
    """The median of whole days, counted."""
    total = int(days.sum())
    return float(np.searchsorted(np.cumsum(days), (total + 1) // 2)) if total else float("nan")
