"""Segments: whether a model is as good for every kind of customer as it is for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.build import FeatureTable
from features.catalog import Catalog
from features.definitions import Definition
from features.lifecycle import STAGES, lifecycle
from training.calibration import Floats, checked
from training.measures import metrics
from training.measures.bootstrap import Interval, Metric, draws_for, interval, paired
from training.rows import Rows

Names = NDArray[np.object_]

TIERS = ("none", "low", "middle", "high")  # of past value, where the log has values, else of past activity
TENURES = ("none", "new", "middle", "old")
ORDER: Mapping[str, tuple[str, ...]] = {"value": TIERS, "activity": TIERS, "tenure": TENURES, "stage": STAGES}
FEWEST_ROWS, FEWEST_CASES = 100, 20
TOO_FEW = "too few"
MOST_DRAWS = 200
PROBABILITY_FIGURES: Mapping[str, Metric] = {
    "auc": metrics.auc, "log_loss": metrics.log_loss, "calibration_gap": metrics.calibration_gap,
}  # fmt: skip
AMOUNT_FIGURES: Mapping[str, Metric] = {
    "normalized_gini": metrics.normalized_gini, "bias": metrics.bias, "mae": metrics.mae,
}  # fmt: skip


@dataclass(frozen=True)
class Segmentation:
    """How customers are told apart by what was known of them at a cut-off.

    worth: the two amounts (or numbers of activities, where the log has no values) between low, middle and high.
    tenure: the two ages, in days since the first activity, between new, middle and old.
    stages: the definition whose horizon tells active customers from lapsed ones.
    """

    worth: tuple[float, ...]
    tenure: tuple[float, ...]
    stages: Definition

    def assign(self, table: FeatureTable) -> dict[str, Names]:
        """For each way to tell customers apart ("value" or "activity", "tenure", "stage"), (n,) names of segments."""
        has_values, worth = _worth(table)
        return {
            "value" if has_values else "activity": _tier(worth, self.worth, TIERS),
            "tenure": _tier(_tenure(table), self.tenure, TENURES),
            "stage": lifecycle(self.stages, table),
        }


@dataclass(frozen=True)
class Segment:
    """How good a model is for one segment.

    by: how customers are told apart.  cases: rows with the outcome, or with any value.  figures: by metric, None when
    the segment is too small to say; reason: then why.
    """

    by: str
    name: str
    rows: int
    cases: int
    figures: Mapping[str, Interval] | None
    reason: str = ""


def past_of(rows: Rows, catalog: Catalog) -> FeatureTable:
    """What was known of each labelled row: the catalogue's features, with which the inputs begin."""
    return FeatureTable(catalog, rows.user, rows.as_of, rows.x[:, : len(catalog.names)])


def fit_segmentation(table: FeatureTable, definition: Definition, churn: Definition | None = None) -> Segmentation:
    """Thirds of past value and of tenure among the customers of a table, to be used on others too.

    churn: what leaving means to this business; without it, stages take the horizon of the question itself.
    """
    return Segmentation(_thirds(_worth(table)[1]), _thirds(_tenure(table)), churn or definition)


def by_segment(
    segments: Mapping[str, Names], y: ArrayLike, p: ArrayLike, customers: ArrayLike, figures: Mapping[str, Metric]
) -> tuple[Segment, ...]:
    """Each figure of each segment, with the interval that chance in the choice of customers leaves open.

    segments: of Segmentation.assign.  y, p: (n,) outcomes and probabilities, or amounts.  customers: (n,) whose row it
    is.  figures: PROBABILITY_FIGURES or AMOUNT_FIGURES.  A segment needs FEWEST_ROWS rows and FEWEST_CASES of the rarer
    outcome (of amounts: with any value).  Raises ValueError when the rows do not fit together.
    """
    truth, said, _ = checked(y, p)
    who = np.asarray(customers)

    def measured(rows: NDArray[np.int64], draws: int) -> dict[str, Interval]:
        return {name: interval(of, truth[rows], said[rows], who[rows], draws) for name, of in figures.items()}

    return tuple(_measured(segments, truth, who, measured))


def difference_by_segment(
    segments: Mapping[str, Names], y: ArrayLike, p: ArrayLike, p_other: ArrayLike, customers: ArrayLike, loss: Metric,
    draws: int | None = None,
) -> tuple[Segment, ...]:  # fmt: skip
    """By how much a loss is higher for p than for p_other in each segment: {"difference": interval}.

    Below 0 throughout means that p is better there.  Both meet the same customers in every draw, of which there are
    `draws`, or as many as the rows ask for.  Else as by_segment.
    """
    truth, said, _ = checked(y, p)
    others, who = checked(y, p_other)[1], np.asarray(customers)

    def measured(rows: NDArray[np.int64], do: int) -> dict[str, Interval]:
        return {"difference": paired(loss, truth[rows], said[rows], others[rows], who[rows], draws or do)}

    return tuple(_measured(segments, truth, who, measured))


def _measured(
    segments: Mapping[str, Names],
    truth: Floats,
    customers: NDArray[np.generic],
    measured: Callable[[NDArray[np.int64], int], dict[str, Interval]],
) -> Iterator[Segment]:
    for by, names in segments.items():
        if not len(names) == len(truth) == len(customers):
            raise ValueError(f"segments by {by}: {len(names):,} names for {len(truth):,} rows. Give one a row.")
        for name in _in_order(by, names):
            rows = np.flatnonzero(names == name)
            cases = int(np.sum(truth[rows] > 0.0))
            if _enough(truth[rows], cases) and len(np.unique(customers[rows])) > 1:
                draws = draws_for(len(rows), MOST_DRAWS)
                yield Segment(by, name, len(rows), cases, measured(rows, draws))
            else:
                yield Segment(by, name, len(rows), cases, None, TOO_FEW)


def _in_order(by: str, names: Names) -> tuple[str, ...]:
    """The names that occur, those of this room in their own order and others after them."""
    found = set(names)
    known = tuple(name for name in ORDER.get(by, ()) if name in found)
    return (*known, *sorted(found - set(known)))


def _enough(truth: Floats, cases: int) -> bool:
    binary = bool(np.all((truth == 0.0) | (truth == 1.0)))
    rarer = min(cases, len(truth) - cases) if binary else cases
    return len(truth) >= FEWEST_ROWS and rarer >= FEWEST_CASES


def _worth(table: FeatureTable) -> tuple[bool, Floats]:
    """Whether the activity has values, and (n,) what each customer has brought so far, or how often they came."""
    has_values = table.catalog.selectors[0].values
    column = table.catalog.activity("sum_ever" if has_values else "count_ever")
    return has_values, table.values[:, column].astype(np.float64)


def _tenure(table: FeatureTable) -> Floats:
    return table.values[:, table.catalog.activity("tenure")].astype(np.float64)


def _thirds(amounts: Floats) -> tuple[float, ...]:
    some = amounts[amounts > 0.0]
    return tuple(map(float, np.quantile(some, [1 / 3, 2 / 3], method="inverted_cdf"))) if len(some) else (0.0, 0.0)


def _tier(amounts: Floats, edges: tuple[float, ...], names: tuple[str, ...]) -> Names:
    """(n,) names: the first for a missing amount or none, then by how many edges lie below it."""
    number = np.where(amounts > 0.0, 1 + np.searchsorted(edges, amounts, side="left"), 0)
    return np.array(names, dtype=object)[number]
