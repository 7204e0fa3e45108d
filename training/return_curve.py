"""How likely a silent customer is to come back, by how long the silence has lasted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.clock import DAY
from features.histories import Histories
from features.past import Past
from training.define.survival import LEAST_AT_RISK, Durations, kaplan_meier


@dataclass(frozen=True)
class ReturnCurve:
    """comes_back: (k,) P(the user comes back later | silent for d days), d = 0, 1, ..., as far as the log can tell.

    returns: silences that ended in a return.  open: silences that last to the end of the log.
    """

    comes_back: NDArray[np.float64]
    returns: int
    open: int

    def after(self, days: int) -> float:
        """The chance of a return after so many days of silence; NaN beyond what the log can tell."""
        return float(self.comes_back[days]) if 0 <= days < len(self.comes_back) else float("nan")

    def days_until(self, share: float) -> int | None:
        """The smallest whole number of silent days after which fewer than `share` come back; None when there "
        "is none."""
        fewer = np.flatnonzero(self.comes_back[1:] < share)
        return int(fewer[0]) + 1 if len(fewer) else None


def return_curve(past: Past, kinds: Sequence[str]) -> ReturnCurve:
    """Estimate the curve from every gap between two events of `kinds` of one user, and the silence since the last.

    The latter are censored at the end of the data, so a short follow-up does not count as a loss (Kaplan, Meier 1958,
    https://doi.org/10.1080/01621459.1958.10501452). P(back | silent d) = 1 - S(end) / S(d), S being the share of
    silences that last longer, and `end` the longest silence of which enough are observed.
    """
    return curve_of(sum((silences(part, kinds) for part in past.buckets()), Durations.none()))


def silences(histories: Histories, kinds: Sequence[str]) -> Durations:
    """The silences of these users: those that ended with a return, and those that last."""
    rows = histories.is_of(kinds)
    time, owner = histories.time[rows], histories.owner[rows]
    if not len(time):
        return Durations.none()
    same = owner[1:] == owner[:-1]
    gaps = np.diff(time)[same] / DAY
    return Durations.of(gaps, (histories.span.complete_until - time[np.r_[~same, True]]) / DAY)


def curve_of(found: Durations) -> ReturnCurve:
    """The curve that silences of any number of users give together."""
    returns, still = int(found.ended.sum()), int(found.open.sum())
    enough = np.flatnonzero(found.at_risk >= max(LEAST_AT_RISK, 0.01 * still))
    if not len(enough):
        return ReturnCurve(np.zeros(0), returns, still)
    lasts = kaplan_meier(found).lasts[: int(enough[-1]) + 1]
    back = np.where(lasts > 0, 1 - lasts[-1] / np.maximum(lasts, 1e-300), 0.0)
    return ReturnCurve(back, returns, still)
