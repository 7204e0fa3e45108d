"""Whether reasons hold under a refit: agreement against SciPy and by hand, and models of which the answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from tests import made
from training.models.linear import Linear
from training.stability import _drawn, agreement, stability


# Seen to fail: correlation over customers within a concept, in place of over concepts within a customer.
def test_rank_correlation_is_scipys_customer_by_customer() -> None:
    dice = np.random.default_rng(4)
    one = dice.normal(size=(60, 6)).round(1)
    other = (one + dice.normal(size=one.shape)).round(1)
    expected = [spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)]
    found = agreement(one, other)["rank_correlation"]
    assert found["mean"] == pytest.approx(np.mean(expected))
    assert found["lowest_tenth"] == pytest.approx(np.quantile(expected, 0.1))


# Seen to fail: without the comparison of directions; with one shared concept of three counted as agreement.
def test_agreement_by_hand() -> None:
    one = np.array([[4.0, 3, 2, 1, 0], [4, 3, 2, 1, 0], [4, 3, 2, 1, 0], [4, 3, 2, 1, 0]])
    other = np.array([
        [4.0, 3, 2, 1, 0],  # the same
        [-4, 3, 2, 1, 0],  # the same concept, but it now speaks against
        [3, 0.1, 4, 1, 0],  # another comes first; the top three share two
        [1, 0.1, 0.2, 3, 4],  # only one of the top three is left
    ])  # fmt: skip
    found = agreement(one, other)
    assert found["concepts"] == 5
    assert found["top_agrees"] == 0.25
    assert found["two_of_three_agree"] == 0.75


def test_among_too_few_concepts_agreement_says_nothing() -> None:
    effects = np.array([[1.0, 0, 0], [2, 0, 0]])
    assert agreement(effects, effects) == {
        "concepts": 1, "top_agrees": 1.0, "two_of_three_agree": None, "rank_correlation": None,
    }  # fmt: skip
    assert agreement(effects * 0, effects * 0)["top_agrees"] is None


# Seen to fail: rows drawn and not customers.
def test_customers_are_drawn_with_all_their_rows() -> None:
    rows = made.learned("churn")[1]
    drawn = _drawn(rows, np.random.default_rng(0))
    times = np.bincount(drawn, minlength=len(rows))
    for user in np.unique(rows.user):
        assert len(set(times[rows.user == user])) == 1
    assert times.max() > 1
    assert (times == 0).any()


def test_a_rhythm_model_is_not_changed_by_outcomes_and_a_regression_is() -> None:
    bundle, x = made.winner("churn"), made.winner("churn").matrix(made.today())
    rows, rungs = made.learned("churn")[1], made.rungs("churn")
    still, moved = (stability(bundle, rungs[name], rows, x) for name in ("pareto_nbd", "rfm"))
    assert not still["learns"]
    assert still["score_change"] < 0.01  # of the few without any activity, who count as the mean
    assert still["concepts"] == 1
    assert moved["learns"]
    assert moved["score_change"] > 0
    assert stability(bundle, rungs["rfm"], rows, x) == moved
    assert stability(bundle, rungs["rfm"], rows, x[:0]) == {}


# Seen to fail: both refits on one and the same resample.
def test_reasons_out_of_noise_do_not_agree_and_reasons_of_signal_do() -> None:
    rows, dice = made.learned("churn")[1], np.random.default_rng(2)
    bundle, x = made.winner("churn"), made.winner("churn").matrix(made.today())
    rung = made.rungs("churn")["rfm"]
    noise = replace(rows, y=dice.permutation(rows.y))
    model = rung.fit(rows)
    assert isinstance(model, Linear)
    margin = model.margin(rows.x)
    sure = replace(rows, y=(margin > np.median(margin)).astype(float))
    found = {name: stability(bundle, rung, of, x)["top_agrees"] for name, of in (("noise", noise), ("sure", sure))}
    assert found["sure"] > found["noise"] + 0.1
