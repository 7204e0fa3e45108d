"""Whether the customers of today are still those that a model learned from, by how much they usually change."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from features.sample import evenly
from training.measures.drift import ALARM, fit_reference, stability_indices
from training.rows import Rows
from training.splits import Timeline

SAMPLE = 10_000
MOMENTS = 3
TIMES = 9.0  # today is three times as far from the last cut-off as two are, and the index grows with the square
GONE = 0.3  # a column that so many more customers lack than ever before has lost its feed
MANY = 0.05  # of the columns: among so many one or two always move
NAMED = 5
F32 = NDArray[np.float32]


def drift_sentence(rows: Rows, line: Timeline, today: F32, young: Collection[int] = ()) -> str:
    """What a person should look at before a model goes into use; "" when today is much like the past.

    Customers age and seasons turn, so that columns always move: one alarms when it has moved by far more than it did
    between the last cut-offs, or when it is suddenly missing.  today: (n, inputs) of those who are asked today.
    young: columns that could not look back as far as they mean to at those cut-offs, since the log had just begun.
    """
    if not len(today):
        return ""
    moments = [_some(rows, at) for at in line.cutoffs[-MOMENTS:]]
    usual, now = _usual(rows.names, moments), _moved(rows.names, moments[-1], today[evenly(len(today), SAMPLE)])
    missing = np.isnan(today).mean(axis=0) - np.max([np.isnan(part).mean(axis=0) for part in moments], axis=0)
    gone = np.setdiff1d(np.flatnonzero(missing > GONE), list(young))
    strange = np.setdiff1d(np.flatnonzero(now > np.maximum(ALARM, TIMES * usual)), [*young, *gone])
    of, told = f"of {len(rows.names)} columns", []
    if len(gone):
        told.append(f"{len(gone)} {of} are suddenly missing ({_named(rows.names, gone)})")
    if len(strange) > MANY * len(rows.names):
        named = _named(rows.names, strange)
        told.append(f"{len(strange)} {of} have moved much further than ever before ({named})")
    return f"today's customers are not like those it learned from: {'; '.join(told)}" if told else ""


def _usual(names: tuple[str, ...], moments: list[F32]) -> NDArray[np.float64]:
    """How far each column moved at most between two cut-offs; they are a third of the way to today apart."""
    if len(moments) < 2:
        return np.full(len(names), np.inf)
    moved = [_moved(names, before, after) for before, after in pairwise(moments)]
    return np.asarray(np.max(moved, axis=0), dtype=np.float64)


def _moved(names: tuple[str, ...], before: F32, now: F32) -> NDArray[np.float64]:
    return stability_indices(fit_reference(names, before), now)


def _some(rows: Rows, at: int) -> F32:
    numbers = np.flatnonzero(rows.as_of == at)
    return rows.x[numbers[evenly(len(numbers), SAMPLE)]]


def _named(names: tuple[str, ...], columns: NDArray[np.int64]) -> str:
    more = f" and {len(columns) - NAMED} more" if len(columns) > NAMED else ""
    return ", ".join(names[column] for column in columns[:NAMED]) + more
