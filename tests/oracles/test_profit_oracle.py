"""Profit against published values, against its definition integrated numerically, and against SQL."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest
import scipy.stats  # type: ignore[import-untyped]

from training.measures.profit import Campaign, Payoff, expected_most_profit, most_profit, profit_at, profit_of_best

# The example in the documentation of the package empulse (empulse.metrics.empc and mpc).
EIGHT = [0, 1, 0, 1, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9]
# The test data of the package proflogit, by E. Stripling (github.com/estripling/proflogit-python).
TEN = (
    [1, 1, 0, 0, 0, 1, 1, 1, 1, 0],
    [0.6125478, 0.3642710, 0.4321361, 0.1402911, 0.3848959, 0.2444155, 0.9706413, 0.8901728, 0.7817814, 0.8687518],
)


def crowd(seed: int, n: int = 150, distinct: int = 30) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, tied scores and whole weights."""
    rng = np.random.default_rng(seed)
    p = rng.integers(0, distinct + 1, n) / distinct
    return (rng.random(n) < 0.1 + 0.5 * p).astype(float), p, rng.integers(0, 4, n).astype(float)


# Seen to fail with alpha in place of alpha + 1 in the second integral, and without the contact's cost of a hit.
def test_published_values() -> None:
    found = expected_most_profit(*EIGHT)
    assert (found.per_customer, found.contacted) == pytest.approx((23.875593418348124, 0.8743700763487141), rel=1e-12)
    found = most_profit(*EIGHT, Campaign().payoff())
    assert (found.per_customer, found.contacted) == pytest.approx((23.875, 0.875), rel=1e-12)
    y, p = TEN
    assert expected_most_profit(y, p).per_customer == pytest.approx(30.3003222629848, rel=1e-12)
    p = [0.287577520124614, *p[1:]]
    assert expected_most_profit(y, p).per_customer == pytest.approx(30.3001182343737, rel=1e-12)
    p[6] = 0.113703411305323
    assert expected_most_profit(y, p).per_customer == pytest.approx(29.2002764792561, rel=1e-12)


@pytest.mark.parametrize(("p", "value"), [([0, 1], 28.0000000000391), ([1, 0], 22.5007912244511), ([1, 1], 22.5007912244511)])
def test_published_values_of_perfect_wrong_and_empty_scores(p: list[int], value: float) -> None:
    assert expected_most_profit([0, 1], p).per_customer == pytest.approx(value, rel=1e-12)


def by_definition(y: np.ndarray, p: np.ndarray, terms: Campaign, points: int = 20_001) -> tuple[float, float]:
    """For each of many acceptance rates the best of all thresholds, averaged by the density of the rate."""
    rates = np.linspace(0.0, 1.0, points)
    density = scipy.stats.beta.pdf(rates, terms.alpha, terms.beta)
    cuts = np.append(np.unique(p), np.inf)
    chosen = p[None, :] >= cuts[:, None]
    hits, rows = (chosen * y).mean(axis=1), chosen.mean(axis=1)
    earned = (rates[:, None] * (terms.value - terms.offer) - terms.contact) * hits
    earned = earned - (terms.offer + terms.contact) * (rows - hits)
    best = earned.argmax(axis=1)
    return tuple(float(np.trapezoid(of * density, rates)) for of in (earned.max(axis=1), rows[best]))  # type: ignore[return-value]


TERMS = [Campaign(), Campaign(100.0, 30.0, 5.0), Campaign(100.0, 10.0, 1.0, 2.0, 14.0), Campaign(300.0, 50.0, 25.0, 10.0, 7.0)]


# Seen to fail when corners of the curve that lie inside the hull were kept.
@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("seed", range(4))
def test_expected_most_profit_is_its_definition_integrated(seed: int, terms: Campaign) -> None:
    y, p, weight = crowd(seed)
    found = expected_most_profit(y, p, terms)
    assert (found.per_customer, found.contacted) == pytest.approx(by_definition(y, p, terms), rel=2e-4, abs=2e-4)
    rows = np.repeat(np.arange(len(y)), weight.astype(int))
    found = expected_most_profit(y, p, terms, weight)
    assert (found.per_customer, found.contacted) == pytest.approx(by_definition(y[rows], p[rows], terms), rel=2e-4, abs=2e-4)


# Seen to fail when those not contacted were forgotten, and when `>` took the place of `>=`.
@pytest.mark.parametrize("seed", range(6))
def test_profit_at_a_threshold_and_the_most_of_all_match_sql(seed: int) -> None:
    y, p, weight = crowd(seed)
    payoff = Payoff(hit=13.0, false_alarm=-7.0, miss=-20.0, rest=2.0)
    query = """
        select sum(w * case when p >= :cut then case when y = 1 then 13 else -7 end
                            else case when y = 1 then -20 else 2 end end) / sum(w),
               sum(case when p >= :cut then w else 0 end) / sum(w) from t"""
    with sqlite3.connect(":memory:") as database:
        database.execute("create table t (y, p, w)")
        database.executemany("insert into t values (?, ?, ?)", np.column_stack([y, p, weight]).tolist())
        cuts = [*np.unique(p).tolist(), 2.0]
        answers = [database.execute(query, {"cut": cut}).fetchone() for cut in cuts]
    for cut, answer in zip(cuts, answers, strict=True):
        found = profit_at(y, p, payoff, cut, weight)
        assert (found.per_customer, found.contacted) == pytest.approx(answer, rel=1e-12, abs=1e-12)
        found = profit_of_best(y, p, payoff, answer[1], weight)
        assert (found.per_customer, found.contacted) == pytest.approx(answer, rel=1e-12, abs=1e-12)
    best = most_profit(y, p, payoff, weight)
    assert best.per_customer == pytest.approx(max(answer[0] for answer in answers), rel=1e-12)
    assert best.contacted == pytest.approx(max(answers)[1])
