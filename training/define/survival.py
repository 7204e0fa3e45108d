"""How long something lasts when much of it still goes on: Kaplan-Meier over whole days, added up bucket by bucket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
_SURE = 1.959963984540054  # the 97.5 % quantile of the normal distribution: a 95 % interval
LEAST_AT_RISK = 20  # fewer than so many observed say nothing that a table should show


@dataclass(frozen=True)
class Durations:
    """ended: (d,) how many ended on day 0, 1, ...  open: (d,) how many had lasted so many whole days when last seen."""

    ended: I64
    open: I64

    @classmethod
    def of(cls, ended_days: F64, open_days: F64) -> Durations:
        """An end within day d counts on day d (rounded up); what goes on counts by its whole days (rounded down)."""
        ended, left = np.ceil(ended_days).astype(np.int64), np.floor(open_days).astype(np.int64)
        longest = int(max(ended.max(initial=0), left.max(initial=0))) + 1
        return cls(np.bincount(ended, minlength=longest), np.bincount(left, minlength=longest))

    @classmethod
    def none(cls) -> Durations:
        return cls(np.zeros(1, np.int64), np.zeros(1, np.int64))

    def __add__(self, more: Durations) -> Durations:
        longest = max(len(self.ended), len(more.ended))
        ended, left = (
            np.pad(one, (0, longest - len(one))) + np.pad(other, (0, longest - len(other)))
            for one, other in ((self.ended, more.ended), (self.open, more.open))
        )
        return Durations(ended, left)

    @property
    def at_risk(self) -> I64:
        """(d,) how many were seen to last at least so many days."""
        return np.cumsum((self.ended + self.open)[::-1])[::-1]


@dataclass(frozen=True)
class Survival:
    """lasts: (d,) S(d), the share that lasts longer than d days.  low, high: (d,) its 95 % interval.
    at_risk: (d,) how many were seen to last at least d days.  ended, open: how many had ended, went on."""

    lasts: F64
    low: F64
    high: F64
    at_risk: I64
    ended: int
    open: int

    def median(self) -> int | None:
        """The first day by which half have ended; None where it is not reached."""
        half = np.flatnonzero(self.lasts <= 0.5)
        return int(half[0]) if len(half) else None

    def known_until(self) -> int:
        """The last day that at least LEAST_AT_RISK were seen to reach."""
        enough = np.flatnonzero(self.at_risk >= LEAST_AT_RISK)
        return int(enough[-1]) if len(enough) else 0

    def at(self, days: int) -> tuple[float, float, float]:
        """S(days) and its interval."""
        return float(self.lasts[days]), float(self.low[days]), float(self.high[days])

    def hazard(self, period: int) -> tuple[tuple[int, int, float], ...]:
        """Of those who reach the beginning of each period, the share that ends within it.

        period: days.  Returns (day at which it begins, how many were seen to reach it, share), as far as is known.
        """
        edges: Sequence[int] = range(0, self.known_until() - period + 1, period)
        return tuple(
            (start, int(self.at_risk[start]), 1 - float(self.lasts[start + period] / self.lasts[start]))
            for start in edges
            if self.lasts[start] > 0
        )


def kaplan_meier(durations: Durations) -> Survival:
    """The share that lasts longer than each number of days, when some had not ended yet when they were last seen.

    Those count as long as they were seen, and are then neither lost nor kept (right censoring). The interval is
    Greenwood's, on the log(-log) scale, where it stays between 0 and 1.
    Source: Kaplan, Meier 1958, https://doi.org/10.1080/01621459.1958.10501452; Kalbfleisch, Prentice 2002, section 1.4.
    """
    ended, at_risk = durations.ended, durations.at_risk
    risk = np.maximum(at_risk, 1).astype(np.float64)
    lasts = np.asarray(np.cumprod(1 - ended / risk), dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(np.where(ended > 0, ended / (risk * (risk - ended)), 0.0))
        spread = _SURE * np.sqrt(greenwood) / np.abs(np.log(lasts))
        low, high = lasts ** np.exp(spread), lasts ** np.exp(-spread)
    inside = (lasts > 0) & (lasts < 1)
    low, high = np.where(inside, low, lasts), np.where(inside, high, lasts)
    return Survival(lasts, low, high, at_risk, int(ended.sum()), int(durations.open.sum()))
