"""Calibration: turn a model's scores into frequencies that come true."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Weights = ArrayLike | None

OUTPUT_CLIP = 1e-6  # no calibrated probability is closer than this to 0 or 1
INPUT_CLIP = float(np.finfo(np.float64).eps)  # a raw 0 or 1 has no logarithm: it counts as this near
PULL = 1.0  # prior precision of a and b around 1: decides only where data are silent (all scores tiny, or separable)


@dataclass(frozen=True)
class BetaCalibration:
    """A smooth S-curve from the score that the model gives to the frequency that was seen.

    logit(calibrated) = a ln(p) - b ln(1 - p) + c, with a, b >= 0, so that a higher score never becomes a lower one.
    a = b = 1, c = 0 changes nothing. `note` says how it was fitted, or why not, and takes no part in equality.
    Raises ValueError for a negative a or b, or a number that is not finite.
    Source: Kull, Silva Filho, Flach 2017, https://proceedings.mlr.press/v54/kull17a.html
    """

    a: float
    b: float
    c: float
    note: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not (np.isfinite([self.a, self.b, self.c]).all() and self.a >= 0 and self.b >= 0):
            raise ValueError(
                f"beta calibration: a={self.a}, b={self.b}, c={self.c}. Needs finite numbers, a, b >= 0: use fit_beta."
            )

    def apply(self, p: ArrayLike) -> Floats:
        """The calibrated probability for each raw probability.

        p: any shape, in [0, 1], else ValueError.  Returns the same shape, within [1e-6, 1 - 1e-6].
        """
        raw = np.asarray(p, dtype=np.float64)
        if not np.all((raw >= 0.0) & (raw <= 1.0)):
            raise ValueError("beta calibration: probabilities outside [0, 1]. Give margins to apply_margin.")
        return self._probability(*log_odds_parts(raw))

    def apply_margin(self, margin: ArrayLike) -> Floats:
        """The calibrated probability for each raw margin (log-odds), where p = 1 / (1 + exp(-margin)).

        margin: any shape.  Returns the same shape, within [1e-6, 1 - 1e-6].
        Keeps telling scores apart where p itself has rounded to 0 or 1 (|margin| > 37).
        """
        m = np.asarray(margin, dtype=np.float64)
        return self._probability(-np.logaddexp(0.0, -m), np.logaddexp(0.0, m))

    def _probability(self, log_p: Floats, minus_log_q: Floats) -> Floats:
        return np.clip(sigmoid(self.a * log_p + self.b * minus_log_q + self.c), OUTPUT_CLIP, 1.0 - OUTPUT_CLIP)


IDENTITY = BetaCalibration(a=1.0, b=1.0, c=0.0, note="identity: probabilities as the model gives them")


def fit_beta(y: ArrayLike, p: ArrayLike, weights: Weights = None, minimum_positives: int = 50) -> BetaCalibration:
    """Learn, from customers whose outcome is known, how far the model's probabilities are off.

    y: (n,) 0 or 1.  p: (n,) raw probabilities.  weights: (n,) >= 0, how often a row counts.
    Returns the most likely curve with a, b >= 0 (where the free fit makes one negative it is refitted without it, as in
    the paper); a and b are pulled towards 1 with prior precision 1, c is free, so the calibrated mean is the observed
    rate, until the output clip. Its log loss on these rows is never above the identity's.
    With fewer than `minimum_positives` of either outcome (by weight) returns the identity, and its note says so.
    Raises ValueError when the rows do not fit together, y is not 0/1, or p leaves [0, 1].
    Source: Kull, Silva Filho, Flach 2017, https://proceedings.mlr.press/v54/kull17a.html (the pull is ours)
    """
    truth, raw, weight = checked(y, p, weights, "outcomes in {0, 1}", "probabilities")
    positives, negatives = float(weight @ truth), float(weight @ (1.0 - truth))
    seen = f"{positives:,.0f} positives and {negatives:,.0f} negatives"
    needed = max(minimum_positives, 1)
    if min(positives, negatives) < needed:
        return replace(IDENTITY, note=f"not calibrated: {seen}, needs {needed:,} of each")
    a, b, c = _most_likely_monotone(np.column_stack([*log_odds_parts(raw), np.ones_like(raw)]), truth, weight)
    dropped = [name for name, value in (("a", a), ("b", b)) if value == 0.0]
    limits = f"; {' and '.join(dropped)} held at 0 to stay monotone" if dropped else ""
    return BetaCalibration(float(a), float(b), float(c), note=f"fitted on {seen}{limits}")


def fit_logistic(x: Floats, y: Floats, weights: Floats, start: Floats, pull: Floats) -> Floats:
    """The coefficients that make the observed outcomes most likely, by Newton's method with step halving.

    x: (n, k) with the constant column where one is wanted.  y: (n,) 0 or 1.  weights: (n,) >= 0.  start: (k,), also the
    centre of the Gaussian prior whose precisions are pull: (k,), 0 for none.  Returns (k,).
    Separable outcomes without a pull end on a steep, finite curve.  Raises ValueError when 200 steps are not enough.
    """

    def loss(beta: Floats) -> float:
        margin = x @ beta
        return float(weights @ (np.logaddexp(0.0, margin) - y * margin) + 0.5 * pull @ (beta - start) ** 2)

    beta: Floats = start.astype(np.float64)
    now = loss(beta)
    for _ in range(200):
        fitted = sigmoid(x @ beta)
        slope = x.T @ (weights * (y - fitted)) - pull * (beta - start)
        curve = (x.T * (weights * fitted * (1.0 - fitted))) @ x + np.diag(pull)
        step = np.asarray(np.linalg.lstsq(curve, slope, rcond=None)[0], dtype=np.float64)
        if slope @ step <= 1e-12 * (1.0 + abs(now)):  # twice what is left to gain; the step squares what is left to go
            return beta + step
        while loss(beta + step) > now and np.abs(step).max() > 1e-12:
            step = step / 2.0
        if loss(beta + step) >= now:  # what is left to gain is below the rounding of the loss
            return beta
        beta, now = beta + step, loss(beta + step)
    raise ValueError(f"logistic fit: still climbing after 200 steps on {len(y):,} rows. Pull it, or scale the columns.")


def checked(
    y: ArrayLike,
    p: ArrayLike,
    weights: Weights = None,
    y_are: str = "amounts",
    p_are: str = "predictions",
    groups: int = 1,
) -> tuple[Floats, Floats, Floats]:
    """What happened, what was predicted and how often each row counts, as three (n,) arrays that fit together.

    y_are: "amounts" (finite) or "outcomes in {0, 1}".  p_are: "predictions" (finite) or "probabilities" ([0, 1]).
    weights: None for 1 each.  groups: how many the rows must fill.  Raises ValueError that names the first wrong row.
    """
    truth, guess = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    weight = np.ones_like(truth) if weights is None else np.asarray(weights, dtype=np.float64)
    if not truth.shape == guess.shape == weight.shape or truth.ndim != 1:
        shapes = f"{y_are} {truth.shape}, {p_are} {guess.shape}, weights {weight.shape}"
        raise ValueError(f"{shapes}: give one of each a row.")
    if not 1 <= groups <= len(truth):
        raise ValueError(f"{len(truth):,} rows cannot fill {groups:,} groups. Use 1 to {len(truth):,}, or more rows.")
    binary, chance = y_are != "amounts", p_are == "probabilities"
    for name, fine in (
        (y_are, (truth == 0.0) | (truth == 1.0) if binary else np.isfinite(truth)),
        (p_are, (guess >= 0.0) & (guess <= 1.0) if chance else np.isfinite(guess)),
        ("weights", (weight >= 0.0) & np.isfinite(weight)),
    ):
        if not fine.all():
            first = int(np.argmin(fine))
            got = {y_are: truth, p_are: guess, "weights": weight}[name][first]
            wrong = f"{np.sum(~fine):,} of {len(fine):,} rows cannot be used"
            raise ValueError(f"{name}: {wrong} (first: {got}, row {first}). Drop or mend them.")
    if not weight.any():
        raise ValueError(f"weights: all {len(weight):,} are 0. At least one row must count.")
    return truth, guess, weight


def row_log_loss(y: ArrayLike, p: ArrayLike) -> Floats:
    """How surprised the model was by each customer.  p: probabilities.  Returns (n,) nats >= 0."""
    truth, chance, _ = checked(y, p, None, "outcomes in {0, 1}", "probabilities")
    log_p, minus_log_q = log_odds_parts(chance)
    return np.where(truth == 1.0, -log_p, minus_log_q)


def sigmoid(margin: Floats) -> Floats:
    """The probability for each margin (log-odds), without overflow.  Any shape in, the same shape out."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -margin)), dtype=np.float64)


def log_odds_parts(p: Floats) -> tuple[Floats, Floats]:
    """ln(p) and -ln(1 - p), which add up to the margin.  p: any shape, in [0, 1].  Returns two of it, finite."""
    inside = np.clip(p, INPUT_CLIP, 1.0 - INPUT_CLIP)
    return np.log(inside), -np.log1p(-inside)


def _most_likely_monotone(x: Floats, y: Floats, weights: Floats) -> Floats:
    """The constrained optimum: the loss is convex, so it is the best of the allowed fits over which slopes are 0."""
    best, least, start, pull = np.zeros(3), np.inf, np.array([1.0, 1.0, 0.0]), np.array([PULL, PULL, 0.0])
    for free in ([True, True], [True, False], [False, True], [False, False]):
        use = np.array([*free, True])
        beta = np.zeros(3)
        beta[use] = fit_logistic(x[:, use], y, weights, start[use], pull[use])
        if beta[:2].min() < 0.0:
            continue
        if all(free):
            return beta
        margin = x @ beta
        loss = float(weights @ (np.logaddexp(0.0, margin) - y * margin) + 0.5 * pull @ (beta - start) ** 2)
        if loss < least:
            best, least = beta, loss
    return best
