"""How likely a silent customer is to come back, by how long the silence has lasted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.histories import Histories
from features.kernel import MICROSECONDS_A_DAY

_LEAST_AT_RISK = 20


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


def return_curve(histories: Histories, kinds: Sequence[str]) -> ReturnCurve:
    """Estimate the curve from every gap between two events of `kinds` of one user, and the silence since the last.

    The latter are censored at the end of the data, so a short follow-up does not count as a loss (Kaplan, Meier 1958,
    https://doi.org/10.1080/01621459.1958.10501452). P(back | silent d) = 1 - S(end) / S(d), S being the share of
    silences that last longer, and `end` the longest silence of which enough are observed.
    """
    rows = histories.is_of(kinds)
    time, owner = histories.time[rows], histories.owner[rows]
    if not len(time):
        return ReturnCurve(np.zeros(0), 0, 0)
    same = owner[1:] == owner[:-1]
    gaps = np.ceil(np.diff(time)[same] / MICROSECONDS_A_DAY).astype(np.int64)
    latest = np.r_[~same, True]
    silent = np.floor((histories.span.complete_until - time[latest]) / MICROSECONDS_A_DAY).astype(np.int64)
    longest = int(max(gaps.max(initial=0), silent.max(initial=0), 0))
    ended, left = (np.bincount(some, minlength=longest + 1) for some in (gaps, silent))
    at_risk = np.cumsum((ended + left)[::-1])[::-1].astype(np.float64)  # silences that lasted at least d days
    enough = np.flatnonzero(at_risk >= max(_LEAST_AT_RISK, 0.01 * len(silent)))
    if not len(enough):
        return ReturnCurve(np.zeros(0), len(gaps), len(silent))
    end = int(enough[-1]) + 1
    lasts = np.cumprod(1 - ended[:end] / at_risk[:end])  # S(d): longer than d days
    back = np.where(lasts > 0, 1 - lasts[-1] / np.maximum(lasts, 1e-300), 0.0)
    return ReturnCurve(back, len(gaps), len(silent))
