"""Whether more customers or more history would help: the chosen candidate, learning from less."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.definitions import TaskName
from training.compete import uncalibrated
from training.criterion import criterion
from training.in_pairs import in_pairs
from training.ladder import Rung
from training.measures.bootstrap import Interval, replayed, summary
from training.splits import folds
from training.trial import Asked

SHARES = (0.125, 0.25, 0.5, 1.0)
CUTOFFS = (1, 2, 4)
DRAWS = 100


@dataclass(frozen=True)
class Point:
    """What learning from so much reached.  customers, cutoffs: how many.  loss: on the last window, 95 % interval."""

    customers: int
    cutoffs: int
    rows: int
    loss: Interval

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class LearningCurve:
    """by_customers: a growing share of the customers, all cut-offs.  by_cutoffs: all customers, the latest cut-offs."""

    by_customers: tuple[Point, ...]
    by_cutoffs: tuple[Point, ...]

    def to_json(self) -> dict[str, Any]:
        return {name: [one.to_json() for one in getattr(self, name)] for name in ("by_customers", "by_cutoffs")}


def learning_curve(asked: Asked, rung: Rung) -> LearningCurve:
    """Fit a candidate on parts of what it may learn from at the last window, and judge it there on other customers.

    One group of customers is judged, the others are learned from; who belongs to a share is decided by customer.
    """
    rows, line = asked.rows, asked.line
    fold = folds(line, line.test, rows.as_of, rows.group)[0]
    x, y, user = rows.x[fold.valid], rows.y[fold.valid], rows.user[fold.valid]

    def point(learned: NDArray[np.int64]) -> Point:
        part = rows.take(learned)
        p = uncalibrated(asked.definition, rung.fit(part).margin(x))
        return Point(len(np.unique(part.user)), len(np.unique(part.as_of)), len(part),
                     _loss(asked.definition.task, y, p, user))  # fmt: skip

    by_customers = list(_by_customers(rows.user[fold.train], fold.train))
    by_cutoffs = list(_by_cutoffs(rows.as_of[fold.train], fold.train))
    points = in_pairs(point, [*by_customers, *by_cutoffs[:-1]])  # all cut-offs and all customers are the same rows
    count = len(by_customers)
    return LearningCurve(tuple(points[:count]), (*points[count:], points[count - 1]))


def _loss(task: TaskName, y: NDArray[np.float64], p: NDArray[np.float64], user: NDArray[np.int64]) -> Interval:
    statistic = criterion(task, y, p, np.zeros(len(y), np.int64))
    return summary(statistic(np.ones(len(y))), replayed(statistic, user, DRAWS))


def _by_customers(user: NDArray[np.int64], rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    dice = np.random.default_rng(0).random(int(user.max(initial=0)) + 1)
    for share in SHARES:
        part = rows[dice[user] < share]
        if len(part):
            yield part


def _by_cutoffs(as_of: NDArray[np.int64], rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    known = np.unique(as_of)
    for count in (*(count for count in CUTOFFS if count < len(known)), len(known)):
        yield rows[as_of >= known[-count]]
