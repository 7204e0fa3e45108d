"""Contributions of trees against their definition, against shap's own C code, and in bulk against one by one."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest
import shap
from numpy.typing import NDArray

from tests.made import holed
from training.models.boosted import BULK, Boosted, fit_boosted

N, K = BULK + 200, 6
DICE = np.random.default_rng(5)
COIN = DICE.integers(0, 2, N)
PRICES = np.array([19.99, np.nextafter(np.float32(19.99), np.float32(20))], np.float32)  # two neighbours of 32 bits
WHOLE = np.column_stack([
    DICE.normal(size=(N, 3)), DICE.poisson(2.0, N), DICE.gamma(2.0, 20.0, N).round(2), PRICES[COIN],
]).astype(np.float32)  # fmt: skip
SIGNAL = WHOLE[:, 0] - WHOLE[:, 1] * WHOLE[:, 2] + 0.4 * WHOLE[:, 3] * COIN - 0.02 * WHOLE[:, 4]
X = holed(WHOLE, 0.2)
HAPPENED = (DICE.random(N) < 1 / (1 + np.exp(-SIGNAL))).astype(float)
CAME = HAPPENED * DICE.gamma(2.0, 20.0, N)
COLUMNS = [5, 0, 1, 4, 2, 3]
BINARY = fit_boosted(X, HAPPENED, COLUMNS, [0, 1, 0, 0, 0, 0], "binary")
AMOUNT = fit_boosted(X, CAME, COLUMNS, [0, 1, 0, 0, 0, 0], "tweedie")
NEVER_GAPS = fit_boosted(WHOLE, HAPPENED, COLUMNS, [0] * K, "binary")


def by_shap(model: Boosted, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """shap's own algorithm in the order of the inputs; by default shap hands LightGBM its own work to do."""
    explainer = shap.TreeExplainer(model.booster)
    explainer.model.model_type = "internal"
    values = np.zeros((len(x), K))
    values[:, COLUMNS] = explainer.shap_values(x[:, COLUMNS].astype(np.float64), check_additivity=False)
    return values


# Seen to fail when contributions filled the columns in the booster's order.
@pytest.mark.parametrize("model", [BINARY, AMOUNT], ids=["probability", "amount"])
def test_contributions_are_shaps(model: Boosted) -> None:
    np.testing.assert_allclose(model.contributions(X[:300])[:, :-1], by_shap(model, X[:300]), atol=1e-6)


# Seen to fail when the bulk path read NaN as 0, when it put its columns in the inputs' order, and when it compared
# 32-bit values with 64-bit thresholds (as it did until a31d818).
@pytest.mark.parametrize("model", [BINARY, AMOUNT, NEVER_GAPS], ids=["probability", "amount", "gaps first met here"])
@pytest.mark.parametrize("x", [X, np.where(np.isnan(X), np.float32(0), X)], ids=["gaps", "zeros"])
def test_many_rows_are_explained_as_one_by_one(model: Boosted, x: NDArray[np.float32]) -> None:
    assert len(x) >= BULK
    bulk = model.contributions(x)
    few = np.vstack([model.contributions(part) for part in np.array_split(x, 2)])
    np.testing.assert_allclose(bulk, few, atol=2e-5)
    np.testing.assert_allclose(bulk.sum(axis=1), model.margin(x), atol=1e-4)


@pytest.mark.parametrize("model", [BINARY, AMOUNT], ids=["probability", "amount"])
def test_many_rows_are_explained_as_shap_does(model: Boosted) -> None:
    np.testing.assert_allclose(model.contributions(X)[::20, :-1], by_shap(model, X[::20]), atol=2e-5)


def test_contributions_are_the_shapley_values_of_the_definition() -> None:
    # The definition itself: every subset of columns, the rest averaged over the training rows in each branch.
    small = fit_boosted(X[:1500], HAPPENED[:1500], [0, 1, 2], [0, 0, 0], "binary")
    trees = [tree["tree_structure"] for tree in small.booster.dump_model()["tree_info"]]
    for row in X[:6, :3].astype(np.float64):
        worth = {
            known: sum(_expected(tree, row, known) for tree in trees)
            for size in range(4)
            for known in combinations(range(3), size)
        }
        found = small.contributions(_padded(row))[0]
        for column in range(3):
            others = [c for c in range(3) if c != column]
            value = sum(
                factorial(len(s)) * factorial(2 - len(s)) / 6 * (worth[tuple(sorted((*s, column)))] - worth[s])
                for size in range(3)
                for s in combinations(others, size)
            )
            assert found[column] == pytest.approx(value, abs=1e-9)
        assert found[-1] == pytest.approx(worth[()], abs=1e-9)


def _padded(row: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.r_[row, np.zeros(K - len(row))].astype(np.float32)[None]


def _expected(node: dict[str, Any], row: NDArray[np.float64], known: tuple[int, ...]) -> float:
    """What a tree says when only the known columns are read."""
    if "leaf_value" in node:
        return float(node["leaf_value"])
    left, right = node["left_child"], node["right_child"]
    if node["split_feature"] in known:
        value = row[node["split_feature"]]
        gap = np.isnan(value) and node["missing_type"] == "NaN"
        goes_left = node["default_left"] if gap else np.nan_to_num(value) <= node["threshold"]
        return _expected(left if goes_left else right, row, known)
    sizes = [child.get("internal_count", child.get("leaf_count")) for child in (left, right)]
    parts = [_expected(child, row, known) for child in (left, right)]
    return float(np.dot(sizes, parts) / sum(sizes))
