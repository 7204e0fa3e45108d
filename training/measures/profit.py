"""Profit: what a campaign that follows the predictions would have earned, by what contacts cost and bring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression
from scipy.special import betainc

from training.calibration import Floats, Weights, checked
from training.measures.ranking import running

OUTCOMES = "outcomes in {0, 1}"


@dataclass(frozen=True)
class Payoff:
    """What one customer brings, by whether we contact them and whether they have the outcome; in money.

    hit: contacted, with the outcome.  false_alarm: contacted, without.  miss and rest: not contacted, with and without.
    Raises ValueError when a number is not finite, or a contact in vain pays.
    """

    hit: float
    false_alarm: float
    miss: float = 0.0
    rest: float = 0.0

    def __post_init__(self) -> None:
        if not np.isfinite([self.hit, self.false_alarm, self.miss, self.rest]).all() or self.false_alarm > self.rest:
            raise ValueError(
                f"payoff: {self}. Needs finite amounts, and a contact in vain that brings no more than none at all."
            )

    @property
    def threshold(self) -> float:
        """The probability from which a contact pays on average, [0, 1]; infinity when none ever does.

        It needs calibrated probabilities and no resampling.  Source: Elkan 2001, https://dl.acm.org/doi/10.5555/1642194.1642224
        """
        gain, cost = self.hit - self.miss, self.rest - self.false_alarm
        return cost / (gain + cost) if gain > 0.0 else np.inf


@dataclass(frozen=True)
class Campaign:
    """A retention campaign: what a customer is worth, what the offer and the contact cost, and how many accept.

    value: of a customer who stays.  offer: cost of it for each who accepts it; those who would have stayed all do.
    contact: cost of each contact.  alpha, beta: of those who would leave, the share that accepts is Beta distributed.
    The defaults are the published ones.  Raises ValueError unless value > offer >= 0, contact >= 0, alpha, beta > 0.
    Source: Verbraken, Verbeke, Baesens 2013, https://doi.org/10.1109/TKDE.2012.50
    """

    value: float = 200.0
    offer: float = 10.0
    contact: float = 1.0
    alpha: float = 6.0
    beta: float = 14.0

    def __post_init__(self) -> None:
        if not (self.value > self.offer >= 0.0 <= self.contact and self.alpha > 0.0 < self.beta):
            raise ValueError(f"{self}: needs value > offer >= 0, contact >= 0, alpha > 0 and beta > 0.")

    @property
    def name(self) -> str:
        """The terms as a part of a metric's name."""
        return f"value{self.value:g}_offer{self.offer:g}_contact{self.contact:g}_accept{self.alpha:g}_{self.beta:g}"

    def payoff(self, accepted: float | None = None) -> Payoff:
        """What a customer brings when this share of those who would leave accepts; None: their mean."""
        share = self.alpha / (self.alpha + self.beta) if accepted is None else accepted
        return Payoff(hit=share * (self.value - self.offer) - self.contact, false_alarm=-self.offer - self.contact)


@dataclass(frozen=True)
class Profit:
    """What a campaign earns for each customer of the crowd, in money, and the share of them that it contacts."""

    per_customer: float
    contacted: float


def profit_at(y: ArrayLike, p: ArrayLike, payoff: Payoff, threshold: float, weights: Weights = None) -> Profit:
    """What contacting everybody from this probability on would have earned.

    p: any score.  threshold: in its unit, such as payoff.threshold.  weights: (n,) >= 0, how often a row counts."""
    truth, score, weight = checked(y, p, weights, OUTCOMES)
    chosen = score >= threshold
    rows, hits = np.sum(weight[chosen]), np.sum((weight * truth)[chosen])
    return _profit(payoff, float(rows), float(hits), float(np.sum(weight)), float(weight @ truth))


def profit_of_best(y: ArrayLike, p: ArrayLike, payoff: Payoff, share: float, weights: Weights = None) -> Profit:
    """What contacting the best `share` of customers would have earned; ties count as in random order.

    p: any score.  share: [0, 1], else ValueError.  Else as profit_at."""
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share is {share}. Use a share of the customers in [0, 1], such as 0.1.")
    rows, hits = running(*checked(y, p, weights, OUTCOMES))
    chosen = share * rows[-1]
    return _profit(payoff, chosen, float(np.interp(chosen, rows, hits)), float(rows[-1]), float(hits[-1]))


def most_profit(y: ArrayLike, p: ArrayLike, payoff: Payoff, weights: Weights = None) -> Profit:
    """The most that any threshold on the score would have earned: in hindsight, so for comparing models alone.

    p: any score.  Of the published campaign this is the maximum profit (MPC), its source as Campaign."""
    rows, hits = running(*checked(y, p, weights, OUTCOMES))
    corners = np.column_stack(_hull(rows, hits)).tolist()
    earned = [_profit(payoff, row, hit, float(rows[-1]), float(hits[-1])) for row, hit in corners]
    return max(earned, key=lambda profit: profit.per_customer)


def expected_most_profit(
    y: ArrayLike, p: ArrayLike, campaign: Campaign | None = None, weights: Weights = None
) -> Profit:
    """What the best use of a score would earn on average over how many accept (EMPC), and whom one would contact.

    p: any score.  campaign: None for the published one.  Exact: the best threshold is a corner of the ROC curve's
    convex hull, and each is best for an interval of acceptance, over which the Beta distribution is integrated.
    NaN with one class.  Source: as Campaign.
    """
    terms = campaign or Campaign()
    rows, hits = running(*checked(y, p, weights, OUTCOMES))
    if not 0.0 < hits[-1] < rows[-1]:
        return Profit(np.nan, np.nan)
    everybody = rows[-1]
    rows, hits = _hull(rows, hits)
    share, found = rows / everybody, hits / everybody
    cost = terms.contact * share + terms.offer * (share - found)
    gained = (terms.value - terms.offer) * np.diff(found)
    pays_from = np.divide(np.diff(cost), gained, out=np.ones_like(gained), where=gained > 0.0)
    bounds = np.r_[0.0, np.maximum.accumulate(np.clip(pays_from, 0.0, 1.0)), 1.0]
    chance = np.diff(betainc(terms.alpha, terms.beta, bounds))
    accepted = np.diff(betainc(terms.alpha + 1.0, terms.beta, bounds)) * terms.alpha / (terms.alpha + terms.beta)
    earned = np.sum((terms.value - terms.offer) * found * accepted - cost * chance)
    return Profit(float(earned), float(np.sum(share * chance)))


def _profit(payoff: Payoff, rows: float, hits: float, everybody: float, positives: float) -> Profit:
    """rows, hits: contacted, and with the outcome among them; everybody, positives: the same of all."""
    contacted = payoff.hit * hits + payoff.false_alarm * (rows - hits)
    others = payoff.miss * (positives - hits) + payoff.rest * (everybody - rows - (positives - hits))
    return Profit((contacted + others) / everybody, rows / everybody)


def _hull(rows: Floats, hits: Floats) -> tuple[Floats, Floats]:
    """The corners of the upper convex hull of a running curve: where its isotonic fit changes.

    Fawcett, Niculescu-Mizil 2007, https://doi.org/10.1007/s10994-007-5011-0"""
    steps = np.diff(rows)
    known = np.flatnonzero(steps > 0.0)
    if not len(known):
        return rows[:1], hits[:1]
    slopes = isotonic_regression(np.diff(hits)[known] / steps[known], weights=steps[known], increasing=False)
    corners = np.append(0, known[slopes.blocks[1:] - 1] + 1)
    return rows[corners], hits[corners]
