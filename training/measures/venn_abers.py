"""Venn-Abers: how far a probability could move for want of evidence, for each customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from training.calibration import Floats, Weights, checked

GROUPS = 1_000  # scores that are told apart at most: what is fitted takes the square of it in memory


@dataclass(frozen=True)
class VennAbers:
    """Two probabilities for a score: how often it would come true if this customer did not, and if they did.

    One of the two is calibrated, whatever the model behind the score; the wider they lie apart, the less was known.
    low_from: (k,) ascending scores from which low: (k + 1,) takes its next value, the first being 0.
    high_to: (m,) ascending scores up to which high: (m + 1,) keeps its value, the last being 1.
    Source: Vovk, Petej 2014, https://arxiv.org/abs/1211.0025
    """

    low_from: tuple[float, ...]
    low: tuple[float, ...]
    high_to: tuple[float, ...]
    high: tuple[float, ...]

    def between(self, score: ArrayLike) -> tuple[Floats, Floats]:
        """The lower and the upper probability for each score; their distance is the uncertainty.

        score: any shape, as fitted.  Returns two of it, 0 <= lower < upper <= 1, neither falling with the score.
        Raises ValueError for a score that is not finite.
        """
        asked = np.asarray(score, dtype=np.float64)
        if not np.isfinite(asked).all():
            raise ValueError(f"Venn-Abers: {np.sum(~np.isfinite(asked)):,} of {asked.size:,} scores are not finite.")
        low_from, low, high_to, high = self._steps
        return low[np.searchsorted(low_from, asked, side="right")], high[np.searchsorted(high_to, asked, side="left")]

    @cached_property
    def _steps(self) -> tuple[Floats, Floats, Floats, Floats]:
        """The fields as arrays, made once: to make them costs one customer more than to look up."""
        low_from, low, high_to, high = (np.array(part, dtype=np.float64) for part in asdict(self).values())
        return low_from, low, high_to, high

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> VennAbers:
        return cls(*(tuple(saved[name]) for name in ("low_from", "low", "high_to", "high")))


def fit_venn_abers(y: ArrayLike, score: ArrayLike, weights: Weights = None) -> VennAbers:
    """Learn, from customers the model had not seen, what every further score would come true as.

    y: (n,) 0 or 1.  score: (n,) margins or probabilities, higher for more likely.  weights: (n,) >= 0, how often a row
    counts.  Equal to fitting isotonic regression anew with each customer asked about, once as a 0 and once as a 1.
    More than GROUPS distinct scores are first put into about GROUPS groups of neighbours of about equal count.  That is
    a coarser score, for which the guarantee holds as well, and it bounds what is kept: at most 2 * GROUPS steps.
    Raises ValueError when the rows do not fit together.
    Source: Vovk, Petej, Fedorova 2015, https://arxiv.org/abs/1511.00213
    """
    truth, by, weight = checked(y, score, weights, "outcomes in {0, 1}")
    counts = weight > 0.0
    first, last, rows, hits = _grouped(truth[counts], by[counts], weight[counts])
    high = np.append(_with_a_hit(rows, hits), 1.0)
    # Turned round, a miss is a hit: what is least likely with a further miss is 1 - the other outcome's likeliest.
    low = np.append(0.0, 1.0 - _with_a_hit(rows[::-1], (rows - hits)[::-1])[::-1])
    rises, stays = np.diff(low) > 0.0, np.diff(high) > 0.0
    return VennAbers(
        tuple(map(float, first[rises])), (0.0, *map(float, low[1:][rises])),
        tuple(map(float, last[stays])), (*map(float, high[:-1][stays]), 1.0),
    )  # fmt: skip


def _grouped(truth: Floats, by: Floats, weight: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """First score, last score, rows and hits of each group of neighbouring scores, ascending; equal ones together."""
    values, place = np.unique(by, return_inverse=True)
    rows, hits = np.bincount(place, weight), np.bincount(place, weight * truth)
    if len(values) > GROUPS:
        middle = (np.cumsum(rows) - rows / 2.0) / rows.sum()
        start = np.flatnonzero(np.diff(np.floor(middle * GROUPS), prepend=-1.0))
    else:
        start = np.arange(len(values))
    end = np.append(start[1:], len(values)) - 1
    return values[start], values[end], np.add.reduceat(rows, start), np.add.reduceat(hits, start)


def _with_a_hit(rows: Floats, hits: Floats) -> Floats:
    """The isotonic fit at each group when that group has one hit more, (k,).

    The fit is the largest, over where a stretch of groups begins, of the smallest, over where it ends, mean of it.
    """
    row, hit = np.append(0.0, np.cumsum(rows)), np.append(0.0, np.cumsum(hits))
    mean = (hit[None, 1:] - hit[:-1, None] + 1.0) / np.maximum(row[None, 1:] - row[:-1, None] + 1.0, 1.0)
    smallest = np.minimum.accumulate(mean[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(np.triu(smallest).max(axis=0), dtype=np.float64)
