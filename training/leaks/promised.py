"""Does a score say anything at all, and is what it promises too true to be honest?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from training.leaks.alarm import Alarm
from training.measures import metrics

F64 = NDArray[np.float64]
ENOUGH = 100  # rows of the rarer outcome
EXACT = 1e-4  # standard errors between promised and observed mean; honest ones come so close once in 12,000 trainings
BINS = 20
SAME = 0.95


def scored(y: F64, p: F64, reference: float) -> tuple[Alarm, ...]:
    """Whether scores that should tell customers apart are nearly the same for all, or rank them by chance.

    y: (n,) 0 or 1, or amounts.  p: (n,) predictions for the same rows.  reference: the AUC that a look at the rhythm
    reaches; where that is near chance too, the question is hard and the score is not to blame.
    """
    binary = set(np.unique(y)) <= {0.0, 1.0}
    rarer = int(min((y > 0).sum(), (y <= 0).sum())) if binary else int((y != 0).sum())
    if rarer < ENOUGH:
        return ()
    advice = "Check that features and outcomes are of the same users: ids may be written in two ways."
    _, counts = np.unique(np.round(p, 6), return_counts=True)
    top = float(counts.max() / len(p))
    if top > SAME:
        same = f"the score is the same for {top:.0%} of {len(p):,} customers, {rarer:,} of whom did otherwise"
        return (Alarm("score", f"{same}. {advice}", top, SAME),)
    figure = metrics.auc(y, p) if binary else 0.5 + 0.5 * metrics.spearman(y, p)
    chance = float(np.sqrt((len(y) + 1) / (12 * rarer * (len(y) - rarer)))) if binary else 0.5 / float(np.sqrt(len(y)))
    limit = 0.5 + 3 * chance
    if figure > limit or reference < figure + 0.05 + 3 * chance:
        return ()
    return (Alarm(
        "score",
        f"the score ranks {len(p):,} customers no better than chance (AUC {figure:.3f}), where recency and frequency "
        f"alone reach {reference:.3f}. {advice}",
        figure, limit,
    ),)  # fmt: skip


def promised(y: F64, p: F64) -> tuple[Alarm, ...]:
    """Whether promises agree with what came more closely than chance allows: then they were fitted on it.

    y, p: (n,) of rows whose outcomes no fit and no calibration may have seen.
    """
    binary = set(np.unique(y)) <= {0.0, 1.0}
    noise = np.sqrt((p * (1 - p)).sum()) if binary else float(np.sqrt(len(y))) * float((y - p).std())
    if not noise > 0 or min((y > 0).sum(), (y <= 0).sum() if binary else len(y)) < ENOUGH:
        return ()
    gap = abs(float((y - p).sum())) / float(noise)
    closeness = _fit_of_bins(y, p) if binary else 1.0
    if gap >= EXACT and closeness >= 1e-6:
        return ()
    what = (f"{p.sum():,.1f} promised, {y.sum():,.1f} came: {gap:.1e} standard errors apart" if gap < EXACT else
            f"promised and observed agree in {BINS} groups of customers more closely than in one of a million "
            "samples")  # fmt: skip
    return (Alarm(
        "promise",
        f"{what}, closer than honest promises for {len(y):,} customers can come. The calibration was fitted on "
        "the rows that "
        "it is judged by: fit it on an earlier window, or on other customers.",
        min(gap, closeness), EXACT,
    ),)  # fmt: skip


def _fit_of_bins(y: F64, p: F64) -> float:
    """How often chance alone would bring promised and observed counts as close together, over groups of equal count.

    Source: Hosmer, Lemeshow 1980, https://doi.org/10.1080/03610928008827941
    """
    seen = metrics.reliability(y, p, BINS)
    spread = np.maximum(seen.predicted * (1 - seen.predicted), 1e-12) / seen.count
    usual = seen.count * seen.predicted * (1 - seen.predicted) >= 5
    if usual.sum() < BINS / 2:
        return 1.0
    distance = float((((seen.observed - seen.predicted) ** 2 / spread)[usual]).sum())
    return float(chi2.cdf(distance, int(usual.sum())))
