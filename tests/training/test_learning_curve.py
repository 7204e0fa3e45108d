"""The learning curve: more customers and more history, always judged on the same others."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tests import made
from training.ladder import Rung
from training.learning_curve import LearningCurve, learning_curve
from training.models.linear import Linear, as_it_is
from training.rows import Rows


def test_every_point_learns_from_others_of_earlier_windows() -> None:
    # Seen to fail with the rows of the judged customers among those to learn from.
    asked, learned = made.asked("churn"), []

    def fit(rows: Rows) -> Linear:
        learned.append(rows)
        return as_it_is(rows.x, 0)

    curve = learning_curve(asked, Rung("spy", "", fit))
    assert curve.by_cutoffs[-1] == curve.by_customers[-1]
    points = (*curve.by_customers, *curve.by_cutoffs[:-1])
    learned.sort(key=lambda rows: [len(rows) == point.rows for point in points].index(True))
    assert len(learned) == len(points)
    for rows, point in zip(learned, points, strict=True):
        assert (rows.group != 0).all()
        assert (rows.as_of + asked.line.reach <= asked.line.test).all()
        assert (point.rows, point.customers) == (len(rows), len(np.unique(rows.user)))
        assert point.cutoffs == len(np.unique(rows.as_of))
    shares = learned[: len(curve.by_customers)]
    for fewer, more in pairwise(shares):
        assert set(fewer.user) < set(more.user)
    assert [point.cutoffs for point in curve.by_cutoffs] == sorted({point.cutoffs for point in curve.by_cutoffs})
    latest = learned[len(curve.by_customers)]
    assert set(latest.as_of) == {max(asked.line.learnable(asked.line.test))}


def test_a_model_learns_more_from_more() -> None:
    curve = learning_curve(made.asked("churn"), made.rungs("churn")["rfm"])
    assert isinstance(curve, LearningCurve)
    assert curve.by_customers[-1].loss.point <= curve.by_customers[0].loss.point + 0.02
    assert all(point.loss.low <= point.loss.point <= point.loss.high for point in curve.by_customers)
    assert set(curve.to_json()) == {"by_customers", "by_cutoffs"}
