"""Models: what each column adds makes up the margin, missing values are met, and the same rows give the same model."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests import made
from training.models import boosted
from training.models.blend import Blend, model_from_json
from training.models.boosted import Boosted, fit_boosted
from training.models.linear import Linear, as_it_is, fit_amount, fit_logistic

DICE = np.random.default_rng(0)
X = DICE.normal(size=(800, 5)).astype(np.float32)
Y = (DICE.random(800) < 1 / (1 + np.exp(-X[:, 0] + 2 * X[:, 1]))).astype(float)
RUNGS = [(task, rung) for task in made.TASKS for rung in made.RUNGS if (task, rung) != ("ltv", "bg_nbd")]


# Seen to fail when Blend summed its members' contributions instead of taking their mean, and when Linear.contributions
# left out the intercept.
@pytest.mark.parametrize(("task", "rung"), RUNGS)
def test_contributions_add_up_to_the_margin_also_with_gaps(task: str, rung: str) -> None:
    model, rows = made.model(task, rung), made.learned(task)[1]
    for x in (rows.x[:60], made.holed(rows.x[:60]), np.full((2, rows.x.shape[1]), np.nan, np.float32)):
        parts = model.contributions(x)
        assert parts.shape == (len(x), x.shape[1] + 1)
        assert np.isfinite(parts).all()
        np.testing.assert_allclose(parts.sum(axis=1), model.margin(x), atol=1e-9)
        assert np.ptp(parts[:, -1]) == 0.0, "one base for all"


@pytest.mark.parametrize(("task", "rung"), RUNGS)
def test_json_gives_the_same_model_back_to_the_bit(task: str, rung: str) -> None:
    # Seen to fail when Linear.to_json rounded its weights to 12 digits.
    model, x = made.model(task, rung), made.holed(made.learned(task)[1].x[:50])
    again = model_from_json(json.loads(json.dumps(model.to_json())))
    assert again == model
    assert (again.margin(x) == model.margin(x)).all()
    assert (again.contributions(x) == model.contributions(x)).all()


def test_an_unknown_model_type_is_refused() -> None:
    with pytest.raises(ValueError, match="model type 'forest' is unknown"):
        model_from_json({"type": "forest"})


@pytest.mark.parametrize("rung", ["rfm", "boosted", "blend"])
def test_nobody_is_no_problem(rung: str) -> None:
    # Failed before: LightGBM divides by the number of rows when it explains none (ZeroDivisionError).
    model, nobody = made.model("churn", rung), made.learned("churn")[1].x[:0]
    assert model.margin(nobody).shape == (0,)
    assert model.contributions(nobody).shape == (0, nobody.shape[1] + 1)


def test_a_missing_value_counts_as_the_average_one() -> None:
    # Seen to fail when a gap counted as one deviation below the centre.
    x = X + np.float32(7)
    model = fit_logistic(x, Y, [0, 1], ["as it is", "log1p"])
    gone = x[:5].copy()
    gone[:, 0] = np.nan
    known = x[:5].copy()
    known[:, 0] = x[:, 0].astype(np.float64).mean()
    np.testing.assert_allclose(model.margin(gone), model.margin(known), atol=1e-6)
    assert (model.contributions(gone)[:, 0] == 0.0).all()


def test_columns_without_news_do_no_harm() -> None:
    x = np.column_stack([X[:, 0], np.full(len(X), 3.0), np.full(len(X), np.nan)]).astype(np.float32)
    model = fit_logistic(x, Y, [0, 1, 2], ["as it is"] * 3)
    other = x[:5] + np.float32(1)
    assert np.isfinite(model.margin(x)).all()
    assert np.isfinite(model.margin(other)).all()
    assert model.weights[1] == pytest.approx(0.0, abs=1e-9)
    assert as_it_is(x, 2).margin(x).tolist() == [0.0] * len(x)


def test_a_column_as_it_is_keeps_its_values_and_its_sign() -> None:
    # Seen to fail when the intercept did not follow the sign.
    np.testing.assert_allclose(as_it_is(X, 2).margin(X), X[:, 2], atol=1e-12)
    np.testing.assert_allclose(as_it_is(X, 2, -1.0).margin(X), -X[:, 2], atol=1e-12)


def test_a_log_scale_takes_negative_amounts_as_nothing() -> None:
    model = Linear((0,), ("log1p",), (0.0,), (1.0,), (1.0,), 0.0)
    assert model.margin(np.array([[-5.0], [0.0], [np.e - 1]], np.float32)) == pytest.approx([0.0, 0.0, 1.0])


def test_amounts_come_out_at_their_level() -> None:
    # Seen to fail without adding the log of the level back to the intercept.
    y = np.exp(X[:, 0] + 3) * (DICE.random(len(X)) < 0.6)
    for model in (
        fit_amount(X, y, [0, 1], ["as it is"] * 2), fit_boosted(X, y, range(5), [0] * 5, "tweedie"),
    ):  # fmt: skip
        assert np.exp(model.margin(X)).mean() == pytest.approx(y.mean(), rel=0.2)


@pytest.mark.parametrize(("column", "direction"), [(0, 1), (1, -1)])
def test_trees_keep_to_a_known_direction(column: int, direction: int) -> None:
    # Seen to fail without monotone_constraints; the outcomes here run against the direction for half of the range.
    y = (DICE.random(800) < 1 / (1 + np.exp(-2 * np.abs(X[:, column])))).astype(float)
    model = fit_boosted(X, y, range(5), [direction if c == column else 0 for c in range(5)], "binary")
    swept = np.repeat(X[:20], 41, axis=0)
    swept[:, column] = np.tile(np.linspace(-3, 3, 41, dtype=np.float32), 20)
    steps = np.diff(model.margin(swept).reshape(20, 41), axis=1) * direction
    assert steps.min() >= -1e-12
    assert steps.max() > 0.0


def test_the_same_rows_and_seed_give_the_same_trees_on_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    # Seen to fail with a seed from the clock.
    small = boosted.Size(4, 6)
    one = fit_boosted(X, Y, range(5), [0] * 5, "binary", small)
    assert fit_boosted(X, Y, range(5), [0] * 5, "binary", small).text == one.text
    monkeypatch.setattr(boosted, "CROWD", 0)
    two = fit_boosted(X, Y, range(5), [0] * 5, "binary", small)
    assert "[num_threads: 2]" in two.text
    assert two.text.replace("[num_threads: 2]", "[num_threads: 1]") == one.text
    assert fit_boosted(X, Y, range(5), [0] * 5, "binary", small, seed=1).text != one.text


def test_trees_read_only_their_own_columns() -> None:
    # Seen to fail when _read took the first columns instead of the model's own, and when contributions were put there.
    model = fit_boosted(X, Y, [3, 1], [0, 0], "binary")
    changed = X.copy()
    changed[:, [0, 2, 4]] = 99.0
    assert (model.margin(changed) == model.margin(X)).all()
    assert (model.contributions(X)[:, [0, 2, 4]] == 0.0).all()
    assert np.abs(model.contributions(X)[:, 1]).max() > 0.0


def test_trees_that_found_nothing_still_answer() -> None:
    model = fit_boosted(np.zeros_like(X), Y, range(5), [0] * 5, "binary")
    many = np.zeros((boosted.BULK, 5), np.float32)
    for x in (X, many):
        np.testing.assert_allclose(model.contributions(x).sum(axis=1), model.margin(x), atol=1e-9)


def test_a_blend_is_the_mean_of_its_members() -> None:
    # Seen to fail with np.sum in margin.
    parts = (fit_logistic(X, Y, [0], ["as it is"]), fit_boosted(X, Y, range(5), [0] * 5, "binary"))
    both = Blend(parts)
    np.testing.assert_allclose(both.margin(X), (parts[0].margin(X) + parts[1].margin(X)) / 2)
    assert isinstance(both.members[1], Boosted)
