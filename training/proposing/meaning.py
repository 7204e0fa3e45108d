"""What a log suggests that active, left, converted and valuable mean, with the numbers that led to it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from features.business import eligibility
from features.clock import DAY
from features.histories import Histories
from features.kind_words import is_browse, is_cancel, is_purchase, is_refund, is_system
from training.define.agreements import Contract, contract_of
from training.proposing.config_file import Line, Table
from training.proposing.rhythm import (
    ROUND_DAYS,
    Chosen,
    Days,
    Kinds,
    activity_of,
    count_kinds,
    horizon_of,
    in_days,
    listed,
    rounded_down,
    usage_of,
)
from training.return_curve import return_curve

WINDOWS_DAYS = (7, 30, 90, 180, 365)
_FEW_ELIGIBLE = 50


@dataclass(frozen=True)
class Meaning:
    """The proposal as tables of winback.toml, and in one sentence a task for a person."""

    tables: tuple[Table, ...]
    says: tuple[str, ...]


def meaning_of(log: Histories, has_value: bool) -> Meaning:
    """Propose [churn], [conversion], [ltv] and [features] for a log."""
    kinds = count_kinds(log)
    span = (log.span.complete_until - log.span.first) / DAY
    active = activity_of(kinds)
    horizon = horizon_of(return_curve(log, active.kinds), span)
    found = contract_of(log, kinds, span)
    churn = _contract(found, kinds) if found else _churn(active, horizon, kinds)
    horizon = found.horizon if found else horizon
    conversion, said = _conversion(log, kinds, active, horizon, span)
    ltv = _ltv(kinds, horizon, has_value)
    left = found.said if found else f"no {listed(active.kinds)} for {in_days(horizon.days)} ({horizon.why})"
    says = (f"churn: {left}", said, _ltv_said(ltv))
    return Meaning((churn, conversion, ltv, _features(span)), says)


def first_guess(kind: str) -> Meaning:
    """What to write before the log can be read: placeholders that say so."""
    name, why = kind.removeprefix("="), "a placeholder: the log could not be read yet"
    churn = Table("churn", (Line("activity", (name,), why), Line("horizon_days", 30, why)))
    features = Table("features", (Line("windows_days", WINDOWS_DAYS, "the usual windows"),))
    return Meaning((churn, Table("conversion", note=why), Table("ltv", note=why), features), ())


def _churn(active: Chosen, horizon: Days, kinds: Kinds) -> Table:
    lines = [Line("activity", active.kinds, active.why), Line("horizon_days", horizon.days, horizon.why)]
    if cancel := tuple(kind for kind in kinds.names if is_cancel(kind)):
        users = sum(int(kinds.users[kinds.of(kind)]) for kind in cancel)
        lines.append(Line("cancel", cancel, f"they end the relation at once; {users:,} users did"))
    return Table("churn", tuple(lines))


def _contract(found: Contract, kinds: Kinds) -> Table:
    """Leaving is the end of a contract; what customers do beside it tells who will end one, and is the activity."""
    lines = [Line("contract", found.kinds, found.why), Line("horizon_days", found.horizon.days, found.horizon.why)]
    if used := usage_of(kinds, found.kinds):
        lines.insert(0, Line("activity", used, "what users do themselves, beside paying for it"))
    if found.cancel:
        users = sum(int(kinds.users[kinds.of(kind)]) for kind in found.cancel)
        lines.append(Line("cancel", found.cancel, f"they end the contract at once; {users:,} users did"))
    if found.term:
        lines.append(Line("term_days", found.term.days, found.term.why))
    if found.grace:
        late = f"nine in ten renewals come no more than {in_days(found.grace)} late"
        lines.append(Line("grace_days", found.grace, late))
    return Table("churn", tuple(lines))


def _conversion(log: Histories, kinds: Kinds, active: Chosen, churn: Days, span: float) -> tuple[Table, str]:
    target = _target(kinds)
    if not target:
        note = (
            "no kind of event reads like a purchase, a payment or a subscription. Add target, eligible and "
            "horizon_days if one is"
        )
        return Table("conversion", note=f"{note}."), f"conversion: {note}"
    rule, why = _eligible(log, kinds, target, churn.days)
    ahead = _time_to(log, target, rule, churn.days, span)
    bought = [kind for kind in kinds.names if is_purchase(kind) and kind != target]
    others = f"; others that could be it: {listed(bought, 5)}" if bought else ""
    done = f"{kinds.user_share(target):.0%} of users have done it"
    aim = "the only kind of event" if len(kinds.names) == 1 else "the purchase that most users make"
    asked = Line("target", (target,), f"{aim}; {done}{others}")
    lines = (asked, Line("eligible", rule, why), Line("horizon_days", ahead.days, ahead.why))
    of_whom = rule if rule != "any" else "any history"
    said = f"conversion: {target} within {in_days(ahead.days)}, of users with {of_whom}"
    return Table("conversion", lines), said


def _target(kinds: Kinds) -> str:
    if len(kinds.names) == 1:
        return kinds.names[0]
    bought = [kind for kind in kinds.names if is_purchase(kind)]
    return max(bought, key=lambda kind: int(kinds.users[kinds.of(kind)]), default="")


def _eligible(log: Histories, kinds: Kinds, target: str, horizon: int) -> tuple[str, str]:
    """Whom the question is asked of, and why; "any" when the sentence would leave hardly anybody."""
    share = kinds.user_share(target)
    if share >= 0.6:
        rule, why = (
            f"fewer than 2 {target}",
            f"{share:.0%} of users have one {target}, so the question is who comes a second time",
        )
        below = 2
    else:
        rule, why, below = (
            f"no {target}",
            f"only {share:.0%} of users have a {target}, so the question is who makes the first",
            1,
        )
    try:
        sayable = eligibility(rule).kind == target
    except ValueError:
        sayable = False
    past = log.time <= log.span.complete_until - horizon * DAY
    so_far = log.is_of((target,)) & past
    early = np.bincount(log.owner[past], minlength=len(log)) > 0
    asked = int(((np.bincount(log.owner[so_far], minlength=len(log)) < below) & early).sum())
    if sayable and asked >= min(_FEW_ELIGIBLE, 0.2 * len(log)):
        return rule, f"{why} ({asked:,} users at the last window)"
    return (
        "any",
        f"everybody: only {asked:,} users have {rule if sayable else f'fewer than {below} of it'} at the last window",
    )


def _time_to(log: Histories, target: str, rule: str, churn_days: int, span: float) -> Days:
    """Half the churn horizon, longer when the middle conversion takes longer."""
    half = math.ceil(churn_days / 2)
    is_target = log.is_of((target,))
    time, owner = log.time[is_target], log.owner[is_target]
    if rule.startswith("no "):
        start = log.time[log.offsets[:-1]]
        first = np.r_[True, owner[1:] != owner[:-1]] if len(owner) else np.zeros(0, bool)
        waits = (time - start[owner])[first]
    else:
        waits = np.diff(time)[owner[1:] == owner[:-1]]
    waits = waits[waits > 0] / DAY
    middle = float(np.median(waits)) if len(waits) else 0.0
    cap = rounded_down(max(1, int(span // 3)))
    if middle > half:
        longer = min([days for days in ROUND_DAYS if middle <= days <= cap], default=cap)
        return Days(max(longer, half), f"half of those who convert take {middle:.0f} days or more")
    return Days(half, f"half the churn horizon; the middle conversion takes {middle:.1f} days")


def _ltv(kinds: Kinds, horizon: Days, has_value: bool) -> Table:
    if not has_value or not kinds.values.sum():
        return Table(
            "ltv", note="no column holds an amount of money that can be added up, so lifetime value cannot be learned."
        )
    valued = [
        kind for k, kind in enumerate(kinds.names) if kinds.values[k] >= 0.01 * kinds.events[k] and kinds.values[k] > 0
    ]
    back = [kind for kind in valued if is_refund(kind) and kinds.middle[kinds.of(kind)] < 0]
    paid = [kind for kind in valued if is_purchase(kind)] or [kind for kind in valued if _neutral(kind)]
    if not paid:
        return Table("ltv", note=f"values stand only on {listed(valued, 6)}, which is not money that was spent.")
    left = [kind for kind in valued if kind not in paid and kind not in back]
    positive = [kind for kind in left if is_refund(kind)]
    why = "the kinds whose value is money spent"
    why += f"; {listed(back)} count against them" if back else ""
    why += f"; not {listed(left, 6)}" if left else ""
    why += f" ({listed(positive)}: positive amounts would be added; winback wants refunds negative)" if positive else ""
    return Table(
        "ltv",
        (
            Line("of", (*paid, *back), why),
            Line("horizon_days", horizon.days, "as for churn, so that both speak of the same time"),
        ),
    )


def _neutral(kind: str) -> bool:
    return not (is_browse(kind) or is_cancel(kind) or is_refund(kind) or is_system(kind))


def _ltv_said(ltv: Table) -> str:
    if not ltv.lines:
        return f"lifetime value: {ltv.note.rstrip('.')}"
    of = ltv.lines[0].value
    return (
        f"lifetime value: sum of the value of "
        f"{listed([str(kind) for kind in of] if isinstance(of, tuple) else [])} in {ltv.lines[1].value} days"
    )


def _features(span: float) -> Table:
    held = tuple(days for days in WINDOWS_DAYS if days <= span) or ((1, 3) if span >= 3 else (1,))
    fitting = "" if held == WINDOWS_DAYS else f" that a history of {in_days(int(span))} can fill"
    return Table("features", (Line("windows_days", held, f"the usual windows{fitting}"),))
