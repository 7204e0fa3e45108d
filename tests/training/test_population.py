"""Drift that a person should look at: a feed that broke or a crowd that changed, not customers who grow older."""

from __future__ import annotations

import numpy as np

from training.population import drift_sentence
from training.rows import Rows
from training.splits import Timeline

LINE = Timeline((0, 10, 20), 30)
NAMES = tuple(f"f{number}" for number in range(20))


def labelled(ageing: float = 0.0, n: int = 2_000) -> Rows:
    """Three cut-offs; each time every column has moved on by `ageing` standard deviations."""
    dice = np.random.default_rng(0)
    x = np.concatenate([dice.normal(ageing * step, 1.0, (n, 20)) for step in range(3)]).astype(np.float32)
    user = np.tile(np.arange(n), 3)
    return Rows(NAMES, x, np.zeros(3 * n), user, np.repeat(LINE.cutoffs, n), user % 3, user.astype(str).astype(object))


def today(shift: float = 0.0, n: int = 2_000) -> np.ndarray:
    return np.random.default_rng(1).normal(shift, 1.0, (n, 20)).astype(np.float32)


def test_the_same_crowd_is_no_drift() -> None:
    assert drift_sentence(labelled(), LINE, today()) == ""
    assert drift_sentence(labelled(), LINE, today()[:0]) == ""


def test_customers_who_grow_older_as_ever_are_no_drift() -> None:
    # Seen to fail with TIMES = 1: today is a whole horizon away, the cut-offs a third of one from each other.
    assert drift_sentence(labelled(0.4), LINE, today(2 * 0.4 + 3 * 0.4)) == ""


def test_another_crowd_is_told_with_its_columns() -> None:
    told = drift_sentence(labelled(), LINE, today(1.5))
    assert "20 of 20 columns have moved much further than ever before (f0, f1, f2, f3, f4 and 15 more)" in told


def test_columns_that_could_not_look_back_far_enough_are_left_out() -> None:
    moved = today()
    moved[:, :10] += 5.0
    moved[:, 11] = np.nan
    assert "10 of 20" in drift_sentence(labelled(), LINE, moved)
    assert drift_sentence(labelled(), LINE, moved, [*range(10), 11]) == ""


def test_one_odd_column_among_many_is_none() -> None:
    odd = today()
    odd[:, 3] += 5.0
    assert drift_sentence(labelled(), LINE, odd) == ""


def test_a_feed_that_broke_is_told_even_for_one_column() -> None:
    # Seen to fail with the missing values among those that merely moved.
    broken = today()
    broken[:1_500, 7] = np.nan
    assert "1 of 20 columns are suddenly missing (f7)" in drift_sentence(labelled(), LINE, broken)
    known = labelled()
    holed = np.where(np.random.default_rng(2).random(known.x.shape) < 0.75, np.nan, known.x).astype(np.float32)
    always = Rows(NAMES, holed, known.y, known.user, known.as_of, known.group, known.people)
    assert "missing" not in drift_sentence(always, LINE, broken)
