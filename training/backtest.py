"""The back-test: candidates at several moments of the past, shown neither the customers nor the window asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.in_pairs import in_pairs
from training.ladder import Rung
from training.rows import Rows
from training.splits import Fold, Timeline, folds

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """One moment at which candidates were asked, and what then came.

    as_of, until: microseconds UTC, `until` the end of the label window.  rows: (n,) numbers of the judged rows.
    y, user, group: (n,) of them.  margins: each rung's (n,), from fits that had seen neither the customer nor anything
    later than as_of; with out_of_time False they had seen other customers in this same period.
    """

    as_of: int
    until: int
    out_of_time: bool
    rows: NDArray[np.int64]
    y: F64
    user: NDArray[np.int64]
    group: NDArray[np.int64]
    margins: Mapping[str, F64]

    def take(self, rows: NDArray[np.bool_]) -> Window:
        """Of its rows these alone."""
        return replace(
            self, rows=self.rows[rows], y=self.y[rows], user=self.user[rows], group=self.group[rows],
            margins={name: margin[rows] for name, margin in self.margins.items()},
        )  # fmt: skip

    def known_by(self, moment: int) -> bool:
        """Whether its outcomes were known at a moment."""
        return self.until <= moment


def play(rungs: Sequence[Rung], line: Timeline, rows: Rows, at: int) -> Window:
    """Ask every rung about the cut-off `at`; customers are held apart, and windows purged (`splits.folds`)."""
    fits = folds(line, at, rows.as_of, rows.group)
    asked = judged(fits)
    margins = judged_margins(rungs, rows, fits)
    out_of_time = bool(line.learnable(at))
    return Window(at, at + line.reach, out_of_time, asked, rows.y[asked], rows.user[asked], rows.group[asked], margins)


def judged_margins(rungs: Sequence[Rung], rows: Rows, fits: Sequence[Fold]) -> dict[str, F64]:
    """Each rung's (n,) margins of the rows that the folds judge, fold after fold (see `judged`)."""

    def asked(fold: Fold) -> dict[str, F64]:
        learned, told = rows.take(fold.train), rows.x[fold.valid]
        return {rung.name: rung.fit(learned).margin(told) for rung in rungs if not rung.members}

    by_fold = in_pairs(asked, fits)
    margins: dict[str, F64] = {}
    for rung in rungs:
        parts = [margins[member] for member in rung.members]
        margins[rung.name] = np.mean(parts, axis=0) if parts else np.concatenate([one[rung.name] for one in by_fold])
    return margins


def judged(fits: Sequence[Fold]) -> NDArray[np.int64]:
    """The numbers of the rows that the folds judge, fold after fold."""
    return np.concatenate([fold.valid for fold in fits])


def pooled(windows: Sequence[Window], rung: str) -> tuple[F64, F64, NDArray[np.int64]]:
    """The outcomes, a rung's margins and the users of several windows, one after another: three (n,)."""
    return (
        np.concatenate([window.y for window in windows]),
        np.concatenate([window.margins[rung] for window in windows]),
        np.concatenate([window.user for window in windows]),
    )
