"""How far the truth usually lies from a promised amount."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
TIERS = 5
SMALLEST_TIER = 50


@dataclass(frozen=True)
class AmountInterval:
    """How far the truth lies from the prediction, by tier of predicted value.

    edges: (k - 1,) ascending predictions that separate the tiers.  low, high: (k,) amounts to add to the prediction.
    share: the share of customers that the interval is made to hold.  least: the smallest outcome seen, at most 0.
    Source: Mondrian conformal prediction, Vovk, Gammerman, Shafer 2005, https://doi.org/10.1007/b106715
    """

    edges: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    share: float
    least: float = 0.0

    def around(self, expected: F64) -> tuple[F64, F64]:
        """(n,) lower and (n,) upper amounts; lower <= expected <= upper, and lower >= `least`."""
        tier = np.searchsorted(np.asarray(self.edges), expected, side="right")
        low, high = np.asarray(self.low)[tier] + expected, np.asarray(self.high)[tier] + expected
        return np.minimum(np.maximum(low, self.least), expected), np.maximum(high, expected)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> AmountInterval:
        return cls(tuple(saved["edges"]), tuple(saved["low"]), tuple(saved["high"]), saved["share"], saved["least"])


def fit_interval(y: F64, expected: F64, share: float = 0.8) -> AmountInterval:
    """Learn residual quantiles in equal-count tiers of the prediction, on customers the model had not seen.

    y, expected: (n,) amounts.  Fewer than SMALLEST_TIER rows a tier make fewer tiers.
    Quantiles carry the finite-sample correction of split conformal prediction.
    """
    tiers = int(np.clip(len(y) // SMALLEST_TIER, 1, TIERS))
    edges = np.unique(np.quantile(expected, np.arange(1, tiers) / tiers))
    tier = np.searchsorted(edges, expected, side="right")
    low, high = [], []
    for number in range(len(edges) + 1):
        residual = np.sort((y - expected)[tier == number])
        count = max(len(residual), 1)
        tail = (1 - share) / 2
        lower = min(max(int(np.floor(tail * (count + 1))) - 1, 0), count - 1)
        upper = min(max(int(np.ceil((1 - tail) * (count + 1))) - 1, 0), count - 1)
        low.append(float(residual[lower]) if len(residual) else 0.0)
        high.append(float(residual[upper]) if len(residual) else 0.0)
    return AmountInterval(tuple(map(float, edges)), tuple(low), tuple(high), share, min(0.0, float(y.min())))
