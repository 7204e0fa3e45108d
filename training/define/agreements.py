"""Whether a log looks like that of a business with contracts, and what begins, ends and renews them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.clock import DAY
from features.histories import Histories
from features.kind_words import is_cancel, is_contract
from training.proposing.rhythm import ROUND_DAYS, Days, Kinds, in_days, listed, rounded_down

CONTRACTUAL = 0.3  # of the users have a contract event
UNDER_ONE = 0.8  # of those who cancel had one before
LEAST_ENDS = 20
ENOUGH_ENDS = 100  # in one horizon
TERMS_DAYS = (7, 14, 28, 30, 31, 90, 91, 92, 180, 182, 183, 184, 364, 365, 366)
REGULAR = 0.8  # of all renewals fall within a tenth of the usual term


@dataclass(frozen=True)
class Contract:
    """What looks like a contract.  cancel: what ends it, or () where it expires.  term: how long one event covers.

    grace: days that a renewal may be late.
    """

    kinds: tuple[str, ...]
    why: str
    cancel: tuple[str, ...]
    horizon: Days
    term: Days | None = None
    grace: int = 0

    @property
    def said(self) -> str:
        """In one sentence."""
        ends = listed(self.cancel) if self.cancel else f"no {listed(self.kinds)} for {in_days(self.days)}"
        return f"{ends} within {in_days(self.horizon.days)}, of those under contract ({self.why})"

    @property
    def days(self) -> int:
        """How long cover lasts, with the grace."""
        return (self.term.days if self.term else 0) + self.grace


def contract_of(log: Histories, kinds: Kinds, span: float) -> Contract | None:
    """The contract that a log shows, None where leaving is better judged by silence.

    It takes kinds that begin or renew one by their names, of a good part of the users, and either an end that they say
    themselves (a cancel kind after it) or a regular term.
    """
    holds = tuple(kind for kind in kinds.names if is_contract(kind))
    users = _users(log, holds)
    share = users.mean() if holds and len(log) else 0.0
    if share < CONTRACTUAL:
        return None
    why = f"{share:.0%} of users have {listed(holds)}, which begin or continue a contract"
    ends = tuple(kind for kind in kinds.names if is_cancel(kind))
    quits = _users(log, ends)
    if quits.sum() >= LEAST_ENDS and (users & quits).sum() >= UNDER_ONE * quits.sum():
        enough = _horizon(int(log.is_of(ends).sum()), "contracts end by a cancel event", span)
        lately = log.time > log.span.complete_until - enough.days * DAY
        if (log.is_of(ends) & lately).sum() < LEAST_ENDS:
            return None  # the last window could not be learned
        return Contract(holds, f"{why}; {int(quits.sum()):,} users ended one with {listed(ends)}", ends, enough)
    return None if ends else _expiring(log, holds, why, span)


def _users(log: Histories, kinds: Sequence[str]) -> NDArray[np.bool_]:
    return np.bincount(log.owner[log.is_of(kinds)], minlength=len(log)) > 0


def _expiring(log: Histories, holds: tuple[str, ...], why: str, span: float) -> Contract | None:
    """A contract that nobody ends and that has to be renewed, where most renewals keep to one term."""
    rows = log.is_of(holds)
    time, owner = log.time[rows], log.owner[rows]
    gaps = np.diff(time)[owner[1:] == owner[:-1]] / DAY
    if len(gaps) < LEAST_ENDS:
        return None
    middle = float(np.median(gaps))
    term = min(TERMS_DAYS, key=lambda days: abs(days - middle))
    regular = np.abs(gaps - middle) <= max(0.1 * middle, 1)
    if abs(term - middle) > 0.05 * middle + 1 or regular.mean() < REGULAR:
        return None
    grace = max(0, int(np.ceil(np.quantile(gaps[regular], 0.9))) - term)
    said = f"{regular.mean():.0%} of {len(gaps):,} renewals come about {middle:.0f} days after the one before"
    latest = np.r_[owner[1:] != owner[:-1], True]
    out = int((time[latest] + (term + grace) * DAY <= log.span.complete_until).sum())
    horizon = _horizon(out, "contracts run out without a renewal", span, max(term, 1))
    if out * horizon.days < LEAST_ENDS * span:
        return None
    return Contract(holds, f"{why}, and no kind says that it ends", (), horizon, Days(term, said), grace)


def _horizon(ends: int, what: str, span: float, least: int = 28) -> Days:
    """The shortest round horizon from a month (or a term) on in which enough contracts end, as far as history holds."""
    cap = rounded_down(max(1, int(span // 3)))
    fitting = [days for days in ROUND_DAYS if least <= days <= cap]
    enough = [days for days in fitting if ends * days / max(span, 1) >= ENOUGH_ENDS]
    days = min(enough, default=max(fitting, default=cap))
    a_window = f"about {ends * days / max(span, 1):,.0f} {what} in such a time"
    few = "" if enough else "; fewer than a model wants, but a longer horizon does not fit into the history"
    return Days(days, f"{a_window}{few}")
