"""Whether the reasons would be the same had other customers been there to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from training.attribution import by_concept, concepts
from training.bundle import Bundle
from training.ladder import Rung
from training.rows import Rows

Json = dict[str, Any]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
MOST_ROWS = 300_000  # of a refit: reasons that hold with fewer customers hold with all
LEAST_TO_RANK, LEAST_TO_CHOOSE = 3, 4  # concepts: among fewer, agreement says nothing
TOP = 3
SAME = 1e-9


def stability(bundle: Bundle, rung: Rung, rows: Rows, x: F32, seed: int = 0) -> Json:
    """Fit the candidate anew on two bootstrap samples of the customers, and compare the reasons they give.

    rows: what the model learned from.  x: (n, inputs) the customers to be explained.  Returns JSON, empty without any:
    refitted_rows of each refit, customers compared, concepts in use; top_agrees: the share whose strongest reason is
    the same concept in the same direction; two_of_three_agree: whose top three share at least two concepts;
    rank_correlation: Spearman's, of the concepts' effects within a customer, mean and lowest tenth; score_change: mean
    distance of the two calibrated scores.  null where too few concepts are in use.  learns: whether the typical score
    changes at all; a rhythm model's parameters come from the histories and are not fitted anew.
    Source: Efron 1979, https://doi.org/10.1214/aos/1176344552, with customers as the units drawn.
    """
    if not len(x):
        return {}
    dice = np.random.default_rng(seed)
    samples = [_drawn(rows, dice) for _ in range(2)]
    parts = [rung.fit(rows.take(sample)).contributions(x) for sample in samples]
    one, other = (bundle.calibration.apply_margin(part.sum(axis=1)) for part in parts)
    moved = np.abs(one - other)
    names = concepts(bundle)
    effects = [_matrix(by_concept(part[:, :-1], names)) for part in parts]
    return {
        "refitted_rows": [len(sample) for sample in samples], "customers": len(x),
        "learns": bool(np.median(moved) > SAME), "score_change": float(moved.mean()),
        **agreement(*effects),
    }  # fmt: skip


def agreement(one: F64, other: F64) -> Json:
    """How alike two accounts of the same customers are; one, other: (n, concepts) effects."""
    used = (np.abs(one) + np.abs(other)).sum(axis=0) > 0.0
    one, other = one[:, used], other[:, used]
    count = int(used.sum())
    found: Json = {"concepts": count, "top_agrees": None, "two_of_three_agree": None, "rank_correlation": None}
    if not count:
        return found
    found["top_agrees"] = float(_same_first(one, other).mean())
    if count >= LEAST_TO_CHOOSE:
        found["two_of_three_agree"] = float((_shared(one, other) >= TOP - 1).mean())
    if count >= LEAST_TO_RANK:
        alike = _correlations(one, other)
        if len(alike):
            found["rank_correlation"] = {"mean": float(alike.mean()), "lowest_tenth": float(np.quantile(alike, 0.1))}
    return found


def _drawn(rows: Rows, dice: np.random.Generator) -> NDArray[np.int64]:
    """The numbers of the rows of customers drawn with replacement, each customer's rows together."""
    customers, who = np.unique(rows.user, return_inverse=True)
    size = max(1, round(len(customers) * min(1.0, MOST_ROWS / len(rows))))
    times = np.bincount(dice.integers(0, len(customers), size), minlength=len(customers))
    return np.repeat(np.arange(len(rows)), times[who])


def _matrix(effects: Mapping[str, F64]) -> F64:
    return np.column_stack(list(effects.values()))


def _same_first(one: F64, other: F64) -> NDArray[np.bool_]:
    """(n,) whether the strongest effect is of the same concept and points the same way."""
    places = np.abs(one).argmax(axis=1), np.abs(other).argmax(axis=1)
    at = np.arange(len(one))
    same_way = np.sign(one[at, places[0]]) == np.sign(other[at, places[1]])
    return np.asarray(same_way & (places[0] == places[1]), dtype=np.bool_)


def _shared(one: F64, other: F64) -> NDArray[np.int64]:
    """(n,) how many of the three strongest concepts both accounts name."""
    tops = [np.argsort(-np.abs(effects), axis=1, kind="stable")[:, :TOP] for effects in (one, other)]
    return np.asarray((tops[0][:, :, None] == tops[1][:, None, :]).sum(axis=(1, 2)), dtype=np.int64)


def _correlations(one: F64, other: F64) -> F64:
    """Spearman's rank correlation of each row with its twin; rows of equal effects have none and are left out."""
    ranks = [rankdata(effects, axis=1) for effects in (one, other)]
    away = [rank - rank.mean(axis=1, keepdims=True) for rank in ranks]
    lengths = np.sqrt((away[0] ** 2).sum(axis=1) * (away[1] ** 2).sum(axis=1))
    told = lengths > 0.0
    return np.asarray((away[0] * away[1]).sum(axis=1)[told] / lengths[told], dtype=np.float64)
