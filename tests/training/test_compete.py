"""The contest: the simplest that is not beaten wins, and luck does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests import made
from training.backtest import judged, judged_margins
from training.calibration import sigmoid
from training.compete import Contest, choose, hedge, uncalibrated
from training.criterion import criterion, loss_of
from training.ladder import Rung
from training.measures.metrics import log_loss, normalized_gini
from training.models.linear import Linear, as_it_is
from training.rows import Rows
from training.splits import Fold

CHURN, LTV = made.question("churn"), made.question("ltv")


def crowd(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    dice = np.random.default_rng(seed)
    margin = dice.normal(size=n)
    return (dice.random(n) < sigmoid(margin)).astype(float), margin, np.arange(n)


# Seen to fail with the lowest loss as the winner, whatever the interval.
def test_a_lucky_one_does_not_win() -> None:
    y, margin, who = crowd(0, 300)
    lucky = sigmoid(margin + 0.02 * (y - 0.5))
    found = choose(CHURN, y, {"simple": sigmoid(margin), "lucky": sigmoid(margin), "luckier": lucky}, who)
    # The luckier one is better on every row, so it does win; noise that goes either way does not.
    assert found.winner == "luckier"
    dice = np.random.default_rng(1)
    noisy = {f"try {n}": sigmoid(margin + dice.normal(0, 0.05, len(y))) for n in range(20)}
    found = choose(CHURN, y, {"simple": sigmoid(margin), **noisy}, who, level=0.95)
    assert min(found.losses, key=lambda name: found.losses[name]) != "simple"
    assert found.winner == "simple"
    assert "is the simplest that try" in found.reason
    assert "95 % interval" in found.reason


# Seen to fail with `high` in the place of `low`.
def test_the_better_one_wins_from_any_place() -> None:
    y, margin, who = crowd(1, 2_000)
    good, bad = sigmoid(margin), np.full(len(y), y.mean())
    assert choose(CHURN, y, {"rule": bad, "model": good}, who).winner == "model"
    found = choose(CHURN, y, {"model": good, "rule": bad}, who)
    assert found.winner == "model"
    assert found.reason == f"model has the lowest loss, {found.losses['model']:.4f}"
    assert found.against_best["rule"].low > 0.0
    assert found.against_best["model"].point == 0.0


def test_ties_go_to_the_simplest() -> None:
    y, margin, who = crowd(2, 200)
    assert choose(CHURN, y, {name: sigmoid(margin) for name in "cab"}, who).winner == "c"


def test_rows_of_a_customer_are_drawn_together() -> None:
    # Seen to fail when each row was its own customer: fifty copies then prove what one does not.
    y, margin, who = crowd(3, 60)
    a, b = sigmoid(margin), sigmoid(margin * 1.3)
    once, often = (
        choose(CHURN, np.repeat(y, n), {"a": np.repeat(a, n), "b": np.repeat(b, n)}, np.repeat(who, n)) for n in (1, 50)
    )
    assert often.winner == once.winner
    for name in "ab":
        assert often.against_best[name].low == pytest.approx(once.against_best[name].low)


def test_amounts_are_judged_as_amounts() -> None:
    dice = np.random.default_rng(4)
    expected = dice.gamma(2.0, 20.0, 1_000)
    y = dice.gamma(1.0, expected) * (dice.random(1_000) < 0.9)
    found = choose(LTV, y, {"mean": np.full(1_000, y.mean()), "model": expected}, np.arange(1_000))
    assert found.winner == "model"
    assert found.losses["model"] == pytest.approx(1.0 - normalized_gini(y, expected))
    assert loss_of("ltv", y, expected * 3.0) == pytest.approx(found.losses["model"]), "the level is decided apart"
    assert uncalibrated(LTV, np.log([5.0])) == pytest.approx([5.0])
    assert uncalibrated(CHURN, np.array([0.0])) == pytest.approx([0.5])


def test_the_order_is_judged_within_each_window() -> None:
    # Seen to fail with the windows pooled: a season then looks like a customer who is worth more.
    y = np.array([1.0, 2.0, 3.0, 10.0, 20.0, 30.0])
    good_in_each = np.array([10.0, 20.0, 30.0, 1.0, 2.0, 3.0])
    window = np.repeat([0, 1], 3)
    assert loss_of("ltv", y, good_in_each, window) == pytest.approx(0.0)
    assert loss_of("ltv", y, good_in_each) > 1.0
    nothing_came = np.r_[y[:3], np.zeros(3)]
    assert loss_of("ltv", nothing_came, good_in_each, window) == pytest.approx(0.5)


# Seen to fail when the weights did not reach the perfect order.
@pytest.mark.parametrize("task", ["churn", "ltv"])
def test_weights_are_repetitions(task: str) -> None:
    dice = np.random.default_rng(7)
    times = dice.integers(0, 4, 200)
    p = np.round(dice.random(200), 1) + 0.01
    p = p / (p.max() + 0.01)
    y = (dice.random(200) < p).astype(float) * (1.0 if task == "churn" else np.round(dice.gamma(2.0, 3.0, 200)))
    again = np.repeat(np.arange(200), times)
    own = criterion(task, y, p, np.zeros(200, np.int64))(times.astype(float))
    assert own == pytest.approx(loss_of(task, y[again], p[again]))
    known = log_loss(y[again], p[again]) if task == "churn" else 1.0 - normalized_gini(y[again], p[again])
    assert own == pytest.approx(known)


def test_margins_stand_beside_their_rows_and_members_are_not_fitted_again() -> None:
    # Seen to fail when judged() sorted the rows.
    n = 12
    rows = Rows(
        ("own", "one"), np.column_stack([np.arange(n), np.ones(n)]).astype(np.float32), np.zeros(n), np.arange(n),
        np.zeros(n, dtype=np.int64), np.arange(n) % 3, np.arange(n).astype(str).astype(object),
    )  # fmt: skip
    folds = tuple(Fold(np.flatnonzero(rows.group != g), np.flatnonzero(rows.group == g), 0) for g in range(3))

    def never(rows: Rows) -> Linear:
        raise AssertionError("a mean was fitted")

    ladder = (
        Rung("own", "", lambda rows: as_it_is(rows.x, 0)), Rung("one", "", lambda rows: as_it_is(rows.x, 1)),
        Rung("mean", "", never, ("own", "one")),
    )  # fmt: skip
    margins = judged_margins(ladder, rows, folds)
    order = judged(folds)
    assert sorted(order) == list(range(n))
    np.testing.assert_allclose(margins["own"], order)
    np.testing.assert_allclose(margins["mean"], (order + 1) / 2)


def test_what_cannot_be_told_apart_is_hedged() -> None:
    # Seen to fail with the lowest loss in the place of the last level one.
    close = Contest("trees", {"rule": 0.5, "trees": 0.4, "mean": 0.4039}, {}, "")
    assert hedge(close).winner == "mean"
    assert "mean (0.4039) is level with the lowest loss, trees (0.4000)" in hedge(close).reason
    assert hedge(replace(close, losses={"rule": 0.5, "trees": 0.4, "mean": 0.405})).winner == "trees"
