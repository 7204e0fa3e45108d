"""How far the truth usually lies from a promised amount."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
TIERS = 10
SMALLEST_TIER = 50
SHARES = (0.8, 0.9)
OFFSET = 0.3  # of the mean prediction: below it, intervals have a width of their own, above they grow in proportion
SMALLEST_OFFSET = 0.01
LEAST_TAIL, MOST_TAIL = 1.0, 1.2  # what may lie outside in a tier, as a multiple of what may lie outside in all


@dataclass(frozen=True)
class AmountInterval:
    """Between which amounts the truth lies for the promised share of customers, by tier of predicted value.

    shares: (s,) ascending shares of customers that the intervals are made to hold.  at: (k,) ascending predictions, the
    middle of each tier.  low, high: (s, k) bounds there, in multiples of prediction + offset; between two tiers they
    pass over evenly, so that customers with nearly equal predictions have nearly equal intervals.
    least: the smallest outcome seen, at most 0.
    Source: Mondrian conformal prediction, Vovk, Gammerman, Shafer 2005, https://doi.org/10.1007/b106715
    """

    shares: tuple[float, ...]
    at: tuple[float, ...]
    low: tuple[tuple[float, ...], ...]
    high: tuple[tuple[float, ...], ...]
    offset: float
    least: float = 0.0

    @property
    def share(self) -> float:
        """The share that is meant where none is named."""
        return self.shares[0]

    def around(self, expected: F64, share: float | None = None) -> tuple[F64, F64]:
        """(n,) lower and (n,) upper amounts that hold this share; lower <= expected <= upper, and lower >= `least`.

        expected: (n,) amounts.  share: one of `shares` (the first when None), else ValueError.
        A larger share's interval holds a smaller's.
        """
        asked = self.share if share is None else share
        if asked not in self.shares:
            raise ValueError(f"interval: no bounds for a share of {asked}. Ask for one of {self.shares}.")
        row, unit = self.shares.index(asked), np.maximum(expected, 0.0) + self.offset
        at, lows, highs = self._curves
        low, high = (np.interp(expected, at, side[row]) * unit for side in (lows, highs))
        return np.minimum(np.maximum(low, self.least), expected), np.maximum(high, expected)

    @cached_property
    def _curves(self) -> tuple[F64, F64, F64]:
        """`at`, `low` and `high` as arrays, made once and not for every customer."""
        return np.array(self.at), np.array(self.low), np.array(self.high)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> AmountInterval:
        low, high = (tuple(tuple(row) for row in saved[name]) for name in ("low", "high"))
        return cls(tuple(saved["shares"]), tuple(saved["at"]), low, high, saved["offset"], saved["least"])


def fit_interval(y: F64, expected: F64, shares: tuple[float, ...] = SHARES) -> AmountInterval:
    """Learn how far the truth lies from the prediction, on customers the model had not seen.

    y, expected: (n,) amounts, n > 0.  shares: ascending, each in (0, 1).
    Up to TIERS tiers of about equal count by prediction, of at least SMALLEST_TIER rows; equal predictions share one.
    Each side leaves out half of what may lie outside, with the finite-sample correction of conformal prediction; what
    the lower side cannot leave out, because so many bring nothing at all, the upper side does.  Where even [0, 0] holds
    more than the share, the tiers with money may leave out up to MOST_TAIL as much, while all together still hold it.
    Source: as AmountInterval; quantiles in units of the prediction: Lei et al. 2018, https://doi.org/10.1080/01621459.2017.1307116
    """
    offset = max(OFFSET * float(np.mean(expected)), SMALLEST_OFFSET)
    tier, least = _tiers(expected), min(0.0, float(y.min()))
    parts = [tier == number for number in range(tier.max() + 1)]
    ratios = [np.sort(y[part] / (np.maximum(expected[part], 0.0) + offset)) for part in parts]
    bounds = np.array([_bounds(ratios, share, least) for share in shares])
    low, high = np.minimum.accumulate(bounds[:, :, 0]), np.maximum.accumulate(bounds[:, :, 1])
    at = tuple(float(np.median(expected[part])) for part in parts)
    rows_low, rows_high = (tuple(tuple(map(float, row)) for row in side) for side in (low, high))
    return AmountInterval(shares, at, rows_low, rows_high, offset, least)


def _tiers(expected: F64) -> NDArray[np.int64]:
    """(n,) tiers 0..k-1, ascending; a tier with too few rows joins the next, the last one the one before."""
    _, place, count = np.unique(expected, return_inverse=True, return_counts=True)
    most = int(np.clip(len(expected) // SMALLEST_TIER, 1, TIERS))
    group = ((np.cumsum(count) - count / 2.0) * most / len(expected)).astype(np.int64)
    rows = np.bincount(group, count)
    tier, filled = np.zeros_like(rows, dtype=np.int64), 0.0
    for number in range(1, len(rows)):
        filled += rows[number - 1]
        opens = filled >= SMALLEST_TIER and rows[number:].sum() >= SMALLEST_TIER
        tier[number], filled = tier[number - 1] + opens, 0.0 if opens else filled
    return np.asarray(tier[group][place], dtype=np.int64)


def _bounds(ratios: list[F64], share: float, least: float) -> list[tuple[float, float]]:
    """The interval of each tier, with the widest tail of which all tiers together still hold the share."""
    size = np.array([len(ratio) for ratio in ratios])
    found: list[tuple[float, float]] = []
    for tail in np.linspace(LEAST_TAIL, MOST_TAIL, 5) * (1.0 - share):
        intervals = [_interval(ratio, float(tail), least) for ratio in ratios]
        held = float(np.average([interval[2] for interval in intervals], weights=size))
        if not found or held >= share:
            found = [(low, high) for low, high, _ in intervals]
    return found


def _interval(ratio: F64, tail: float, least: float) -> tuple[float, float, float]:
    """Lower and upper ratio of one tier, and the share of further customers that is sure to lie within.

    ratio: (n,) ascending.  Of n + 1 equally likely places of a further customer, those below the first of the lower
    bound's equals, and those above the last of the upper bound's, lie outside; nobody lies below nothing.
    """
    places = len(ratio) + 1
    low = float(ratio[max(int(tail / 2.0 * places) - 1, 0)])
    outside = 0 if low <= 0.0 and least >= 0.0 else int(np.searchsorted(ratio, low, side="left")) + 1
    upper = min(int(np.ceil((1.0 - tail) * places - 1e-9)) + outside, len(ratio))
    high = float(ratio[upper - 1])
    return low, high, (int(np.searchsorted(ratio, high, side="right")) - outside) / places
