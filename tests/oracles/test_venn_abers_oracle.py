"""Venn-Abers predictors by their definition: isotonic regression, fitted anew with the customer asked about."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.isotonic  # type: ignore[import-untyped]

from training.measures.venn_abers import fit_venn_abers

SEEDS = range(25)


def crowd(seed: int, n: int, distinct: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, scores (tied when distinct is small) and whole weights."""
    rng = np.random.default_rng(seed)
    score = rng.integers(-distinct, distinct + 1, n) / distinct
    return (rng.random(n) < 0.5 + 0.4 * score).astype(float), score, rng.integers(0, 4, n).astype(float)


def by_definition(y: np.ndarray, score: np.ndarray, asked: float) -> tuple[float, float]:
    """The isotonic fit at `asked` after adding it as a 0, and after adding it as a 1."""
    fits = []
    for outcome in (0.0, 1.0):
        isotonic = sklearn.isotonic.IsotonicRegression()
        isotonic.fit(np.append(score, asked), np.append(y, outcome))
        fits.append(float(isotonic.predict([asked])[0]))
    return fits[0], fits[1]


# Seen to fail with either `side` of between() turned round.
@pytest.mark.parametrize("distinct", [2, 7, 1_000])
@pytest.mark.parametrize("seed", SEEDS)
def test_both_probabilities_are_what_isotonic_regression_says_with_the_customer_added(seed: int, distinct: int) -> None:
    y, score, _ = crowd(seed, 5 + 3 * seed, distinct)
    asked = np.r_[score[:10], np.linspace(-1.3, 1.3, 14)]
    theirs = np.array([by_definition(y, score, at) for at in asked])
    np.testing.assert_allclose(np.column_stack(fit_venn_abers(y, score).between(asked)), theirs, atol=1e-12)


# Seen to fail when the weights reached the hits but not the rows.
@pytest.mark.parametrize("seed", range(8))
def test_weights_mean_repetition(seed: int) -> None:
    y, score, weight = crowd(seed, 60, 12)
    again = np.repeat(np.arange(60), weight.astype(int))
    asked = np.arange(-14, 15) / 12  # on the scores to the last bit: scikit-learn takes near ones for ties
    theirs = np.array([by_definition(y[again], score[again], at) for at in asked])
    np.testing.assert_allclose(np.column_stack(fit_venn_abers(y, score, weight).between(asked)), theirs, atol=1e-12)
