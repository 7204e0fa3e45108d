"""Metrics, recomputed by scikit-learn, SciPy, SQL, and definitions too slow for use."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import scipy.optimize  # type: ignore[import-untyped]
import scipy.stats  # type: ignore[import-untyped]
import sklearn.linear_model  # type: ignore[import-untyped]
import sklearn.metrics as peer  # type: ignore[import-untyped]

from training.calibration import PULL, fit_beta
from training.measures import metrics

SEEDS = range(8)


def crowd(seed: int, n: int = 300, distinct: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, tied probabilities (0 and 1 among them) and whole weights."""
    rng = np.random.default_rng(seed)
    p = rng.integers(0, distinct + 1, n) / distinct
    return (rng.random(n) < 0.15 + 0.6 * p).astype(float), p, rng.integers(0, 4, n).astype(float)


def spend(seed: int, n: int = 200, tied: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Amounts, many of them 0, and predictions of them."""
    rng = np.random.default_rng(seed)
    predicted = rng.gamma(1.0, 50.0, n)
    actual = np.where(rng.random(n) < 0.6, 0.0, predicted * rng.lognormal(0.0, 1.0, n))
    return actual, np.round(predicted, -1) if tied else predicted


def ask(query: str, **named: np.ndarray) -> float:
    """The answer of SQL to a question about a table t with these columns."""
    with sqlite3.connect(":memory:") as database:
        database.execute(f"create table t ({', '.join(named)})")
        rows = np.column_stack(list(named.values())).tolist()
        database.executemany(f"insert into t values ({', '.join('?' * len(named))})", rows)
        return float(database.execute(query).fetchone()[0])


# Seen to fail when ties counted whole, and when weights reached the positives but not the number of rows.
@pytest.mark.parametrize("seed", SEEDS)
def test_auc_is_the_share_of_pairs_in_the_right_order(seed: int) -> None:
    y, p, weight = crowd(seed)
    won = (p[:, None] > p[None, :]) + 0.5 * (p[:, None] == p[None, :])
    pairs = np.outer(weight * y, weight * (1 - y))
    assert metrics.auc(y, p, weight) == pytest.approx((won * pairs).sum() / pairs.sum(), rel=1e-12)
    assert metrics.auc(y, p, weight) == pytest.approx(peer.roc_auc_score(y, p, sample_weight=weight), rel=1e-12)
    assert metrics.auc(y, p) == pytest.approx(peer.roc_auc_score(y, p), rel=1e-12)


# Seen to fail when a customer counted once, with the outcome it is likelier to have.
@pytest.mark.parametrize("seed", SEEDS)
def test_expected_auc_is_the_share_of_pairs_in_the_right_order_by_their_chances(seed: int) -> None:
    _, p, _ = crowd(seed)
    won = (p[:, None] > p[None, :]) + 0.5 * (p[:, None] == p[None, :])
    pairs = np.outer(p, 1 - p)
    assert metrics.expected_auc(p) == pytest.approx((won * pairs).sum() / pairs.sum(), rel=1e-12)


# Seen to fail with the plant above.  What every draw adds to its own pairs (a customer against itself) fades with n.
@pytest.mark.parametrize("seed", range(4))
def test_expected_auc_is_what_outcomes_drawn_from_the_probabilities_come_to(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.beta(*rng.uniform(0.5, 4.0, 2), 2_000)
    drawn = [peer.roc_auc_score(rng.random(len(p)) < p, p) for _ in range(300)]
    error = float(np.std(drawn)) / np.sqrt(len(drawn))
    assert metrics.expected_auc(p) == pytest.approx(float(np.mean(drawn)), abs=4 * error + 1 / len(p))


# Seen to fail when precision was taken before a group of ties instead of after it.
@pytest.mark.parametrize("seed", SEEDS)
def test_probability_metrics_match_scikit_learn(seed: int) -> None:
    y, p, weight = crowd(seed)
    for ours, theirs in (
        (metrics.average_precision, peer.average_precision_score),
        (metrics.log_loss, peer.log_loss),
        (metrics.brier, peer.brier_score_loss),
    ):
        assert ours(y, p) == pytest.approx(theirs(y, p), rel=1e-12)
        assert ours(y, p, weight) == pytest.approx(theirs(y, p, sample_weight=weight), rel=1e-12)


# Seen to fail when bins had equal width instead of equal count.
@pytest.mark.parametrize("seed", SEEDS)
def test_calibration_error_matches_sql(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.permutation(np.linspace(0.01, 0.6, 300) ** 2)
    y = (rng.random(300) < p).astype(float)
    query = """
        with bin as (select y, p, ntile(15) over (order by p) as k from t),
             gap as (select count(*) as n, abs(avg(y) - avg(p)) as gap from bin group by k)
        select sum(n * gap) / sum(n) from gap"""
    assert metrics.calibration_error(y, p) == pytest.approx(ask(query, y=y, p=p), rel=1e-12)


# Seen to fail when a bin was chosen by the first of its tied ranks.
@pytest.mark.parametrize("seed", SEEDS)
def test_calibration_error_puts_a_tie_where_its_middle_lies(seed: int) -> None:
    y, p, _ = crowd(seed, distinct=40)
    query = """
        with score as (select p, count(*) as n, sum(y) as hits from t group by p),
             place as (select p, n, hits, sum(n) over (order by p) - n / 2.0 as middle from score),
             gap as (select sum(n) as n, abs(sum(hits) - sum(n * p)) as gap from place
                     group by cast(middle * 15 / 300 as integer))
        select sum(gap) / sum(n) from gap"""
    assert metrics.calibration_error(y, p) == pytest.approx(ask(query, y=y, p=p), rel=1e-12)


# Seen to fail with the sign turned round.
@pytest.mark.parametrize("seed", SEEDS)
def test_calibration_gap_matches_sql(seed: int) -> None:
    y, p, weight = crowd(seed)
    assert metrics.calibration_gap(y, p) == pytest.approx(ask("select avg(p) - avg(y) from t", y=y, p=p), abs=1e-12)
    query = "select sum(w * p) / sum(w) - sum(w * y) / sum(w) from t"
    assert metrics.calibration_gap(y, p, weight) == pytest.approx(ask(query, y=y, p=p, w=weight), abs=1e-12)


# Seen to fail without the last term under Wilson's root.
@pytest.mark.parametrize("seed", SEEDS)
def test_reliability_intervals_match_scipy(seed: int) -> None:
    y, p, _ = crowd(seed)
    points = metrics.reliability(y, p)
    for i, (n, observed) in enumerate(zip(points.count, points.observed, strict=True)):
        theirs = scipy.stats.binomtest(round(n * observed), int(n)).proportion_ci(method="wilson")
        assert (points.low[i], points.high[i]) == pytest.approx(tuple(theirs), abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_calibration_line_matches_scikit_learn(seed: int) -> None:
    y, p, _ = crowd(seed)
    p = np.clip(p, 0.01, 0.99)
    fitted = sklearn.linear_model.LogisticRegression(C=np.inf, tol=1e-10).fit(np.log(p / (1 - p))[:, None], y)
    assert metrics.calibration_line(y, p) == pytest.approx((fitted.intercept_[0], fitted.coef_[0, 0]), abs=1e-5)


def over_all_orders(of: Callable[[np.ndarray], float], p: np.ndarray) -> float:
    """The mean over every row order of what the stable sort by falling p makes of it."""
    orders = (np.array(order) for order in itertools.permutations(range(len(p))))
    return float(np.mean([of(order[np.argsort(-p[order], kind="stable")]) for order in orders]))


def reached(values: np.ndarray, share: float, best: np.ndarray) -> float:
    """The share of all value in the first `share` of rows, the last of them in part."""
    rows, ordered = share * len(best), values[best]
    whole = int(rows + 1e-9)
    rest = (rows - whole) * ordered[whole] if whole < len(best) else 0.0
    return float((ordered[:whole].sum() + rest) / values.sum())


# Seen to fail when a tied row was taken whole, and when the share was rounded to rows.
@pytest.mark.parametrize("share", [0.1, 1 / 3, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_capture_lift_and_gains_are_the_mean_over_all_row_orders(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    y, p = np.array([1.0, 0, 1, 0, 0, 1]), rng.integers(0, 3, 6) / 2
    expected = over_all_orders(partial(reached, y, share), p)
    assert metrics.capture_at(y, p, share) == pytest.approx(expected, rel=1e-12)
    assert metrics.lift_at(y, p, share) == pytest.approx(expected / share, rel=1e-12)
    shares, captured = metrics.gains(y, p, points=13)
    by_hand = [over_all_orders(partial(reached, y, at), p) for at in shares]
    np.testing.assert_allclose(captured, by_hand, atol=1e-12)
    money = y * rng.gamma(1.0, 50.0, 6)
    expected = over_all_orders(partial(reached, money, share), p)
    assert metrics.value_capture_at(money, p, share) == pytest.approx(expected, rel=1e-12)


# Seen to fail when a count of customers was taken for that many distinct scores.
@pytest.mark.parametrize("count", range(1, 7))
def test_the_best_so_many_are_the_mean_over_all_row_orders(count: int) -> None:
    y, p = np.array([1.0, 0, 1, 0, 0, 1]), np.array([0.2, 0.2, 0.5, 0.5, 0.5, 0.9])
    expected = over_all_orders(lambda best: float(y[best][:count].sum() / y.sum()), p)
    assert metrics.capture_of_best(y, p, count) == pytest.approx(expected, rel=1e-12)
    assert metrics.lift_of_best(y, p, count) == pytest.approx(expected / (count / 6), rel=1e-12)


def rank_sum_gini(actual: np.ndarray) -> float:
    """The usual definition for rows already in the order of the prediction, best first."""
    n = len(actual)
    return float(np.cumsum(actual).sum() / actual.sum() - (n + 1) / 2) / n


# Seen to fail when the area began after the first row instead of at 0.
@pytest.mark.parametrize("seed", range(4))
def test_normalized_gini_matches_the_usual_sum_and_its_mean_over_row_orders(seed: int) -> None:
    actual, predicted = spend(seed)
    theirs = rank_sum_gini(actual[np.argsort(-predicted)]) / rank_sum_gini(np.sort(actual)[::-1])
    assert metrics.normalized_gini(actual, predicted) == pytest.approx(theirs, rel=1e-10)
    few, tied = np.random.default_rng(seed).gamma(1.0, 50.0, 6), np.array([1.0, 2, 2, 2, 1, 3])
    theirs = over_all_orders(lambda best: rank_sum_gini(few[best]), tied) / rank_sum_gini(np.sort(few)[::-1])
    assert metrics.normalized_gini(few, tied) == pytest.approx(theirs, rel=1e-10)


@pytest.mark.parametrize("seed", SEEDS)
def test_amount_metrics_match_sql(seed: int) -> None:
    actual, predicted = spend(seed, n=400)
    mae, bias = "select avg(abs(a - f)) from t", "select (sum(f) - sum(a)) / sum(a) from t"
    assert metrics.mae(actual, predicted) == pytest.approx(ask(mae, a=actual, f=predicted), rel=1e-10)
    assert metrics.bias(actual, predicted) == pytest.approx(ask(bias, a=actual, f=predicted), rel=1e-10)
    top = "select (select sum(a) from (select a from t order by f desc limit 40)) / sum(a) from t"
    assert metrics.value_capture_at(actual, predicted, 0.1) == pytest.approx(ask(top, a=actual, f=predicted), rel=1e-10)
    # Seen to fail when deciles were taken by the actual amount instead of the predicted one.
    mape = """
        with decile as (select a, f, ntile(10) over (order by f) as k from t),
             total as (select sum(a) as a, sum(f) as f from decile group by k)
        select avg(abs(f - a) / a) from total"""
    assert metrics.decile_mape(actual, predicted) == pytest.approx(ask(mape, a=actual, f=predicted), rel=1e-10)


# Seen to fail when tied amounts took their first rank instead of their mean rank.
@pytest.mark.parametrize("seed", SEEDS)
def test_spearman_matches_scipy(seed: int) -> None:
    actual, predicted = spend(seed, tied=True)
    assert metrics.spearman(actual, predicted) == pytest.approx(scipy.stats.spearmanr(actual, predicted)[0], rel=1e-12)


@pytest.mark.parametrize("power", [1.1, 1.5, 1.9])
def test_tweedie_deviance_matches_scikit_learn(power: float) -> None:
    actual, predicted = spend(3)
    predicted, weight = np.maximum(predicted, 0.01), np.random.default_rng(0).random(200)
    theirs = peer.mean_tweedie_deviance(actual, predicted, power=power, sample_weight=weight)
    assert metrics.tweedie_deviance(actual, predicted, power, weight) == pytest.approx(theirs, rel=1e-10)


# Seen to fail when the first allowed fit was taken for the best, and when a negative slope became 0 without a refit.
@pytest.mark.parametrize("shape", [(0.7, 1.6, -0.4), (-0.5, 2.0, 0.3), (1.5, -0.6, 0.0), (-0.3, -0.4, -1.0)])
def test_beta_calibration_matches_a_bounded_optimiser(shape: tuple[float, float, float]) -> None:
    rng = np.random.default_rng(11)
    p, weight = rng.uniform(0.02, 0.98, 3_000), rng.integers(0, 3, 3_000).astype(float)
    x = np.column_stack([np.log(p), -np.log(1 - p), np.ones_like(p)])
    y = (rng.random(3_000) < 1 / (1 + np.exp(-x @ np.array(shape)))).astype(float)

    def loss(beta: np.ndarray) -> float:
        likelihood = weight @ (np.logaddexp(0, x @ beta) - y * (x @ beta))
        return float(likelihood + PULL / 2 * ((beta[:2] - 1) ** 2).sum())

    bounds = [(0, None), (0, None), (None, None)]
    theirs = scipy.optimize.minimize(loss, [1.0, 1.0, 0.0], bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-14})
    fitted = fit_beta(y, p, weight)
    assert loss(np.array([fitted.a, fitted.b, fitted.c])) <= theirs.fun + 1e-6
    assert (fitted.a, fitted.b, fitted.c) == pytest.approx(tuple(theirs.x), abs=5e-3)
