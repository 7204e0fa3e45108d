"""How large the trees must be: accuracy beside what an explanation costs, measured on an earlier window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.definitions import Definition
from training.compete import choose, uncalibrated
from training.in_pairs import in_pairs
from training.measures.bootstrap import Interval
from training.models.boosted import MODERATE, Boosted, Size
from training.rows import Rows
from training.splits import Fold

DEPTHS, ROUNDS = (3, 4, 6), (50, 100, 200)
MOST_ROWS = 100_000  # on either side: enough to tell sizes apart


@dataclass(frozen=True)
class Measured:
    """One size.  loss: of the contest's criterion.  against_best: paired 95 % interval of its loss minus the lowest."""

    size: Size
    loss: float
    against_best: Interval

    def to_json(self) -> dict[str, Any]:
        return asdict(self.size) | {"cost": self.size.cost, "loss": self.loss, **asdict(self.against_best)}


@dataclass(frozen=True)
class Sizing:
    """The size to use, and the curve that shows why; no curve where no earlier window could tell."""

    size: Size = MODERATE
    curve: tuple[Measured, ...] = ()

    def sentence(self) -> str:
        """What was chosen and against what; "" when nothing was measured."""
        if not self.curve:
            return ""
        best = min(self.curve, key=lambda one: one.loss)
        told = next(one for one in self.curve if one.size == self.size)
        beside = "the lowest loss of all" if best.size == told.size else f"{best.size.says} reach {best.loss:.4f}"
        return (
            f"trees: {told.size.says}, loss {told.loss:.4f} ({beside}), at "
            f"{told.size.cost / max(one.size.cost for one in self.curve):.0%} of what explaining the largest size costs"
        )


def measure_sizes(definition: Definition, rows: Rows, fold: Fold, fit: Callable[[Rows, Size], Boosted]) -> Sizing:
    """Fit each depth once with the most rounds, and read off what fewer rounds would have reached.

    fold: of an earlier window, customers apart.  The cheapest size that is not significantly worse than the best wins;
    the cost is that of an exact explanation, rounds * leaves * depth**2 (Lundberg, Erion, Lee 2018).
    """
    train, valid = (_some(rows, part) for part in (fold.train, fold.valid))
    y, user, x, learned = rows.y[valid], rows.user[valid], rows.x[valid], rows.take(train)

    def tried(depth: int) -> dict[Size, NDArray[np.float64]]:
        fitted = fit(learned, Size(depth, max(ROUNDS)))
        return {Size(depth, rounds): uncalibrated(definition, fitted.margin(x, rounds)) for rounds in ROUNDS}

    predicted = {size: p for part in in_pairs(tried, DEPTHS) for size, p in part.items()}
    by_cost = sorted(predicted, key=lambda size: size.cost)
    found = choose(definition, y, {size.says: predicted[size] for size in by_cost}, user, level=0.95)
    curve = tuple(Measured(size, found.losses[size.says], found.against_best[size.says]) for size in by_cost)
    return Sizing(next(size for size in by_cost if size.says == found.winner), curve)


def _some(rows: Rows, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """These rows, of so few customers that there are about MOST_ROWS of them."""
    step = max(1, len(numbers) // MOST_ROWS)
    return np.asarray(numbers[rows.user[numbers] % step == 0], dtype=np.int64)


def curve_json(sizing: Sizing) -> list[Mapping[str, Any]]:
    """The curve for the report, cheapest first."""
    return [one.to_json() for one in sizing.curve]
