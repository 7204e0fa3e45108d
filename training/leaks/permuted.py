"""With outcomes dealt to other customers nothing can be learned; what is still predicted flows around the split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor  # type: ignore[import-untyped]

from training.leaks.alarm import Alarm
from training.measures import metrics
from training.rows import Rows
from training.splits import Fold

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
CUSTOMERS = 1_500
DRAWS = 2
MOST_FOLDS = 3
SPREAD = 4.5  # standard deviations that chance may reach: once in 300,000 trainings
FEWEST = 20


class Margins(Protocol):
    """Whatever was fitted."""

    def margin(self, x: F32) -> F64: ...


Fit = Callable[[Rows], Margins]
Remake = Callable[[Rows], Rows]


def as_they_are(rows: Rows) -> Rows:
    """No step between outcomes and fit: winback encodes and resamples nothing by the outcome."""
    return rows


@dataclass(frozen=True)
class _Forest:
    """Deep trees, which recognise a customer or a copy wherever one is on both sides."""

    trees: ExtraTreesRegressor

    @classmethod
    def fit(cls, rows: Rows) -> _Forest:
        trees = ExtraTreesRegressor(20, max_features=0.3, random_state=0, n_jobs=1)
        return cls(trees.fit(_filled(rows.x), rows.y))

    def margin(self, x: F32) -> F64:
        return np.asarray(self.trees.predict(_filled(x)), dtype=np.float64)


def _filled(x: F32) -> F32:
    return np.nan_to_num(x, nan=-1.0, posinf=1e30, neginf=-1e30).astype(np.float32)


def dealt(rows: Rows, seed: int) -> Rows:
    """The same rows with outcomes dealt anew among the customers of each cut-off, a customer's own ones alike.

    Each customer draws one lot; at every cut-off the largest outcomes go to the highest lots, so that a customer keeps
    a lot's outcome from cut-off to cut-off, as customers do.
    """
    lot = np.random.default_rng(seed).random(len(rows.people))[rows.user]
    y = rows.y.copy()
    for at in np.unique(rows.as_of):
        here = np.flatnonzero(rows.as_of == at)
        y[here[np.argsort(lot[here], kind="stable")]] = np.sort(rows.y[here])
    return replace(rows, y=y)


def permutation(
    rows: Rows, folds: Sequence[Fold], fit: Fit, seed: int = 0, remake: Remake = as_they_are, customers: int = CUSTOMERS
) -> tuple[Alarm, ...]:
    """Whether outcomes that belong to nobody are predicted better than chance in these folds.

    fit: a candidate, which is tried beside deep trees.  remake: whatever the training does to rows with outcomes before
    the split (encodings, resampling).  At most `customers` customers are looked at, in the folds that judge
    the latest moment.
    """
    latest = [fold for fold in folds if fold.judged_at == max(fold.judged_at for fold in folds)]
    few, mine = thinned(rows, latest[:MOST_FOLDS], customers, seed)
    if not mine:
        return ()
    strengths: dict[str, list[float]] = {"the candidate": [], "deep trees": []}
    chance = 0.0
    for draw in range(DRAWS):
        played = remake(dealt(few, seed + draw))
        for name, learn in (("the candidate", fit), ("deep trees", _Forest.fit)):
            found = [(played.y[f.valid], learn(played.take(f.train)).margin(played.x[f.valid])) for f in mine]
            strength, chance = _judged(found)
            strengths[name].append(strength)
    name = max(strengths, key=lambda which: float(np.mean(strengths[which])))
    figure, limit = float(np.mean(strengths[name])), 0.5 + SPREAD * chance / np.sqrt(DRAWS)
    if figure <= limit:
        return ()
    return (Alarm(
        "permutation",
        f"with outcomes dealt to other customers at random {name} still reached an AUC of {figure:.3f} on "
        f"{sum(len(f.valid) for f in mine):,} judged rows (chance stays below {limit:.3f}): outcomes get around "
        "the split. "
        "Look for customers or copies on both sides, and for encodings or resampling made before it.",
        figure, limit,
    ),)  # fmt: skip


def thinned(rows: Rows, folds: Sequence[Fold], customers: int, seed: int) -> tuple[Rows, list[Fold]]:
    """The rows of some customers alone, and the folds in their numbers; folds that cannot be judged are left out."""
    parts = [rows.user[np.r_[fold.train, fold.valid].astype(np.int64)] for fold in folds]
    used = np.unique(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.int64)
    chosen = np.random.default_rng(seed).choice(used, min(customers, len(used)), replace=False)
    here = np.isin(rows.user, chosen)
    number = np.cumsum(here) - 1
    mine = [Fold(number[f.train[here[f.train]]], number[f.valid[here[f.valid]]], f.judged_at) for f in folds]
    few = rows.take(here)
    return few, [f for f in mine if len(f.train) >= FEWEST and np.ptp(few.y[f.train]) > 0 and _tells(few.y[f.valid])]


def _tells(y: F64) -> bool:
    """Whether a judged part has enough rows, and more than one outcome, to rank."""
    return len(y) >= FEWEST and float(np.ptp(y)) > 0


def _judged(found: Sequence[tuple[F64, F64]]) -> tuple[float, float]:
    """The mean AUC over parts (of amounts: Spearman's correlation, on the same scale), and its chance spread."""
    strengths, variances, weights = [], [], []
    for y, margin in found:
        if set(np.unique(y)) <= {0.0, 1.0}:
            yes = float(y.sum())
            pairs = yes * (len(y) - yes)
            strengths.append(metrics.auc(y, margin))
            variances.append((len(y) + 1) / (12 * pairs))
        else:
            rank = metrics.spearman(y, margin)
            strengths.append(0.5 + 0.5 * (rank if np.isfinite(rank) else 0.0))
            variances.append(0.25 / max(len(y) - 1, 1))
        weights.append(len(y))
    share = np.asarray(weights) / sum(weights)
    return float(share @ strengths), float(np.sqrt(share**2 @ variances))
