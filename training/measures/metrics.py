"""Metrics: how good predictions turned out to be.

Every y or actual is (n,), what happened (0 or 1, or an amount); every p or predicted is (n,), what the model said.
Tied predictions count as in random order, in expectation, or are kept together: row order never matters.
`weights` (n,) mean repetition: 2 is the row twice.  ValueError: rows that do not fit together, or too few of them.
NaN: the outcomes leave the figure undefined (one class only, nothing spent), so that a monitor can go on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.calibration import INPUT_CLIP, Floats, Weights, checked, fit_logistic, log_odds_parts, row_log_loss
from training.measures.ranking import mid_ranks, running, tenths

AMOUNT_FLOOR = 0.01  # a predicted amount below one cent counts as one cent: the deviance of 0 would be infinite
YES_OR_NO = "outcomes in {0, 1}"


@dataclass(frozen=True)
class Reliability:
    """Points of a calibration plot, lowest first, each (bins,); low to high is the 95 % Wilson interval of observed."""

    predicted: Floats
    observed: Floats
    count: NDArray[np.int64]
    low: Floats
    high: Floats


def auc(y: ArrayLike, p: ArrayLike, weights: Weights = None) -> float:
    """How often a customer with the outcome is ranked above one without it; ties count half.

    p: any score.  Returns [0, 1], 0.5 is chance; NaN with one class.  Fawcett 2006, https://doi.org/10.1016/j.patrec.2005.10.010"""
    rows, hits = running(*checked(y, p, weights, YES_OR_NO))
    misses, pairs = rows - hits, hits[-1] * (rows[-1] - hits[-1])
    return float(np.sum(np.diff(misses) * (hits[1:] + hits[:-1])) / (2.0 * pairs)) if pairs > 0 else np.nan


def expected_auc(p: ArrayLike) -> float:
    """The AUC that probabilities promise of themselves: what it comes to when every one of them is right.

    p: probabilities.  Returns [0.5, 1]; NaN when all are 0 or all are 1.  By definition: each customer counts p times
    with the outcome and 1 - p times without it."""
    chance = checked(np.zeros(np.shape(p)), p, None, YES_OR_NO, "probabilities")[1]
    y = np.repeat([1.0, 0.0], len(chance))
    return auc(y, np.r_[chance, chance], np.r_[chance, 1.0 - chance])


def average_precision(y: ArrayLike, p: ArrayLike, weights: Weights = None) -> float:
    """The share of right picks, averaged over every depth at which another customer with the outcome is found.

    p: any score.  Returns (0, 1]; NaN without a positive.  Davis, Goadrich 2006, https://doi.org/10.1145/1143844.1143874"""
    rows, hits = running(*checked(y, p, weights, YES_OR_NO))
    found = np.sum(np.diff(hits) * hits[1:] / np.maximum(rows[1:], INPUT_CLIP))
    return float(found / hits[-1]) if hits[-1] > 0 else np.nan


def log_loss(y: ArrayLike, p: ArrayLike, weights: Weights = None) -> float:
    """How surprised the model was by what happened, on average; confident mistakes cost most.

    p: probabilities.  Returns nats >= 0, ln 2 is a coin.  Gneiting, Raftery 2007, https://doi.org/10.1198/016214506000001437"""
    return float(np.average(row_log_loss(y, p), weights=checked(y, p, weights)[2]))


def brier(y: ArrayLike, p: ArrayLike, weights: Weights = None) -> float:
    """The squared gap between probability and outcome, on average.

    p: probabilities.  Returns [0, 1]; 0.25 is a coin.  Brier 1950, https://doi.org/10.1175/1520-0493(1950)078%3C0001:VOFEIT%3E2.0.CO;2"""
    truth, chance, weight = checked(y, p, weights, YES_OR_NO, "probabilities")
    return float(np.average((truth - chance) ** 2, weights=weight))


def calibration_error(y: ArrayLike, p: ArrayLike, bins: int = 15) -> float:
    """How far predicted and observed frequencies lie apart, on average over equal-count bins.

    p: probabilities, equal ones share a bin.  ValueError with fewer rows than bins.  Naeini et al. 2015, https://doi.org/10.1609/aaai.v29i1.9602"""
    seen = reliability(y, p, bins)
    return float(np.average(np.abs(seen.observed - seen.predicted), weights=seen.count))


def calibration_gap(y: ArrayLike, p: ArrayLike, weights: Weights = None) -> float:
    """By how much more the model promises than what happens, on average: 0.02 is two customers in a hundred too many.

    p: probabilities.  Returns [-1, 1]; calibration in the large.  Van Calster et al. 2019, https://doi.org/10.1186/s12916-019-1466-7"""
    truth, chance, weight = checked(y, p, weights, YES_OR_NO, "probabilities")
    return float(np.average(chance - truth, weights=weight))


def calibration_line(y: ArrayLike, p: ArrayLike) -> tuple[float, float]:
    """Whether probabilities are too low (intercept > 0), too high (< 0), too bold (slope < 1) or too timid (> 1).

    p: probabilities.  NaN with one class, one p, or classes that p separates.  Cox 1958, https://doi.org/10.1093/biomet/45.3-4.562"""
    truth, chance, weight = checked(y, p, None, YES_OR_NO, "probabilities")
    logit = np.add(*log_odds_parts(chance))
    yes, no = logit[truth == 1.0], logit[truth == 0.0]
    if not len(yes) or not len(no) or yes.min() >= no.max() or yes.max() <= no.min():
        return np.nan, np.nan
    line = fit_logistic(np.column_stack([np.ones_like(logit), logit]), truth, weight, np.array([0.0, 1.0]), np.zeros(2))
    return float(line[0]), float(line[1])


def reliability(y: ArrayLike, p: ArrayLike, bins: int = 10) -> Reliability:
    """Of the customers given about 20 %, how many did it?  One point for each group of about equal size.

    p, bins, ValueError: as for calibration_error.  Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953"""
    truth, chance, _ = checked(y, p, None, YES_OR_NO, "probabilities", groups=bins)
    _, group = np.unique(mid_ranks(chance, np.ones_like(chance)) * bins // len(chance), return_inverse=True)
    count, z2 = np.bincount(group), 1.959963984540054**2
    predicted, observed = np.bincount(group, chance) / count, np.bincount(group, truth) / count
    centre = observed + z2 / (2.0 * count)
    half = np.sqrt(z2 * (observed * (1.0 - observed) / count + z2 / (4.0 * count**2)))
    low, high = (np.clip((centre + side) / (1.0 + z2 / count), 0.0, 1.0) for side in (-half, half))
    return Reliability(predicted, observed, count, low, high)


def gains(y: ArrayLike, p: ArrayLike, points: int = 101) -> tuple[Floats, Floats]:
    """If we contact the best x % of customers, what share of those with the outcome (or of the money) do we reach?

    p: any score.  Returns (share contacted, share captured), each (points,); NaN when y sums to 0.  Ling, Li 1998, https://cdn.aaai.org/KDD/1998/KDD98-011.pdf"""
    share = np.linspace(0.0, 1.0, points)
    return share, _captured(y, p, share)


def capture_at(y: ArrayLike, p: ArrayLike, share: float, weights: Weights = None) -> float:
    """The share of all customers with the outcome whom we reach by contacting the best `share` of customers.

    p: any score.  share: (0, 1], a row on its edge counts in part.  Returns [0, 1]; NaN without a positive."""
    return value_capture_at(checked(y, p, weights, YES_OR_NO)[0], p, share, weights)


def lift_at(y: ArrayLike, p: ArrayLike, share: float, weights: Weights = None) -> float:
    """How many times as often as random ones the best `share` of customers have the outcome.  Else as capture_at."""
    return capture_at(y, p, share, weights) / share


def capture_of_best(y: ArrayLike, p: ArrayLike, count: int) -> float:
    """The share of all customers with the outcome whom we reach by contacting the best `count` customers.

    count: 1 to n, else ValueError.  Else as capture_at."""
    return capture_at(y, p, _share_of(count, p))


def lift_of_best(y: ArrayLike, p: ArrayLike, count: int) -> float:
    """How many times as often as random ones the best `count` customers have the outcome.  Else as capture_of_best."""
    return lift_at(y, p, _share_of(count, p))


def value_capture_at(actual: ArrayLike, predicted: ArrayLike, share: float, weights: Weights = None) -> float:
    """The share of all money that the best `share` of customers, by prediction, really brought.  NaN when none came."""
    if not 0.0 < share <= 1.0:
        raise ValueError(f"share is {share}. Use a share of the customers in (0, 1], such as 0.1.")
    return float(_captured(actual, predicted, np.array([share]), weights)[0])


def mae(actual: ArrayLike, predicted: ArrayLike, weights: Weights = None) -> float:
    """How far a predicted amount is off, on average, in the unit of the amounts."""
    truth, amount, weight = checked(actual, predicted, weights)
    return float(np.average(np.abs(truth - amount), weights=weight))


def bias(actual: ArrayLike, predicted: ArrayLike, weights: Weights = None) -> float:
    """By what share the predicted total misses the real one: 0.1 promises 10 % too much.  NaN when that is 0."""
    truth, amount, weight = checked(actual, predicted, weights)
    total = float(np.sum(weight * truth))
    return float(np.sum(weight * amount)) / total - 1.0 if total else np.nan


def spearman(actual: ArrayLike, predicted: ArrayLike, weights: Weights = None) -> float:
    """Whether customers come in the right order, from -1 (reversed) to 1; NaN when either side is constant.

    Ties share their mean rank.  Spearman 1904, https://doi.org/10.2307/1412159"""
    truth, amount, weight = checked(actual, predicted, weights)
    x, z = (mid_ranks(side, weight) - np.sum(weight) / 2.0 for side in (truth, amount))
    spread = float(np.sqrt(np.sum(weight * x * x) * np.sum(weight * z * z)))
    return float(np.sum(weight * x * z)) / spread if spread else np.nan


def normalized_gini(actual: ArrayLike, predicted: ArrayLike, weights: Weights = None) -> float:
    """How much of the perfect order of customers by value the prediction finds: 1 all, 0 chance, below 0 reversed.

    NaN when all actual are equal or sum to nothing.  Source: Wang, Liu, Miao 2019, https://arxiv.org/abs/1912.07753"""
    truth, amount, weight = checked(actual, predicted, weights)
    if np.sum(weight * truth) <= 0.0 or np.ptp(truth[weight > 0.0]) == 0.0:
        return np.nan
    curves = (running(truth, by, weight) for by in (amount, truth))
    found, most = (float(np.trapezoid(hits / hits[-1], rows / rows[-1])) - 0.5 for rows, hits in curves)
    return found / most


def decile_mape(actual: ArrayLike, predicted: ArrayLike, weights: Weights = None) -> float:
    """By what share the predicted total misses the real one, on average over ten equal groups by prediction.

    Returns >= 0; NaN when a group brought nothing.  ValueError with fewer than 10 rows.  Source: as normalized_gini"""
    truth, amount, weight = checked(actual, predicted, weights, groups=10)
    real, said = (tenths(side, amount, weight) for side in (truth, amount))
    return float(np.mean(np.abs(said - real) / real)) if (real > 0.0).all() else np.nan


def tweedie_deviance(actual: ArrayLike, predicted: ArrayLike, power: float = 1.5, weights: Weights = None) -> float:
    """How badly predicted amounts fit when many are 0 and few are large; lower is better, 0 is perfect.

    actual: below 0 is 0.  predicted: below 0.01 is 0.01.  1 < power < 2, else ValueError.  Jorgensen 1987, https://doi.org/10.1111/j.2517-6161.1987.tb01685.x"""
    if not 1.0 < power < 2.0:
        raise ValueError(f"Tweedie power is {power}. Use one between 1 (counts) and 2 (amounts), such as 1.5.")
    truth, amount, weight = checked(actual, predicted, weights)
    y, mean, one, two = np.maximum(truth, 0.0), np.maximum(amount, AMOUNT_FLOOR), 1.0 - power, 2.0 - power
    return float(np.average(2.0 * (y**two / (one * two) - y * mean**one / one + mean**two / two), weights=weight))


def _captured(y: ArrayLike, p: ArrayLike, share: Floats, weights: Weights = None) -> Floats:
    rows, hits = running(*checked(y, p, weights))
    return np.interp(share * rows[-1], rows, hits) / hits[-1] if hits[-1] > 0 else np.full_like(share, np.nan)


def _share_of(count: int, p: ArrayLike) -> float:
    rows = np.size(p)
    if not 1 <= count <= rows:
        raise ValueError(f"count is {count} of {rows:,} customers. Use 1 to {rows:,}.")
    return count / rows
