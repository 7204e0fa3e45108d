"""What moves the scores of today: by concept, by kind of customer, and input by input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from features.sample import evenly
from training.attribution import Attribution, attribute, by_concept, concepts
from training.bundle import Bundle
from training.measures.segments import ORDER

Json = dict[str, Any]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
SWARMED, BENT = 12, 4  # inputs drawn as swarms, and with their values
DOTS = 200  # customers drawn
DIGITS = 4  # significant, of what is drawn


def driver_report(bundle: Bundle, x: F32, segments: Mapping[str, NDArray[np.object_]]) -> Json:
    """What moves the scores of a sample of today's customers, as JSON for the report.

    x: (n, inputs).  segments: (n,) names by way to tell customers apart.  Effects are on the calibrated score.
    drivers: mean size of each concept's effect.  drivers_by_segment: the same within each segment, with its rows.
    beeswarm: the strongest inputs, each with the effects and the ranks of value (0 lowest, 1 highest, null missing) of
    the same DOTS customers.  dependence: of the very strongest, values and effects.  uncertainty: how far the
    probabilities could move for want of evidence, by quantile.
    Source: SHAP summary and dependence plots, Lundberg et al. 2020, https://doi.org/10.1038/s42256-019-0138-9
    """
    found = attribute(bundle, x)
    gathered = by_concept(found.effects, concepts(bundle))
    sizes = {"drivers": {name: _mean_size(effect) for name, effect in gathered.items()}}
    if not len(x):
        return sizes
    return sizes | {
        "drivers_by_segment": _by_segment(gathered, segments), "beeswarm": beeswarm(bundle, x, found),
        "dependence": dependence(bundle, x, found), **_uncertainty(bundle, x),
    }  # fmt: skip


def beeswarm(bundle: Bundle, x: F32, found: Attribution) -> Json:
    """Each strong input's effects on the same customers, and whether they had much or little of it."""
    some = evenly(len(x), DOTS)
    inputs = [
        _named(bundle, column, found) | {
            "effects": _rounded(found.effects[some, column]), "ranks": _rounded(_ranks(x[:, column])[some], 2),
        }
        for column in strongest(found.effects, SWARMED)
    ]  # fmt: skip
    return {"rows": len(some), "inputs": inputs}


def dependence(bundle: Bundle, x: F32, found: Attribution) -> Json:
    """Each of the very strongest inputs' values against their effects, for the same customers."""
    some = evenly(len(x), DOTS)
    inputs = [
        _named(bundle, column, found) | {
            "values": _rounded(x[some, column].astype(np.float64)), "effects": _rounded(found.effects[some, column]),
        }
        for column in strongest(found.effects, BENT)
    ]  # fmt: skip
    return {"rows": len(some), "inputs": inputs}


def strongest(effects: F64, most: int) -> list[int]:
    """The columns with the largest mean effects, largest first; none without any effect.  effects: (n, inputs)."""
    sizes = np.abs(effects).mean(axis=0)
    return [int(column) for column in np.argsort(-sizes, kind="stable")[:most] if sizes[column] > 0.0]


def _by_segment(gathered: Mapping[str, F64], segments: Mapping[str, NDArray[np.object_]]) -> list[Json]:
    found = []
    for by, names in segments.items():
        known = set(names)
        for name in (one for one in ORDER.get(by, tuple(sorted(known))) if one in known):
            of = names == name
            sizes = {concept: _mean_size(effect[of]) for concept, effect in gathered.items()}
            found.append({"by": by, "name": str(name), "rows": int(of.sum()), "drivers": sizes})
    return found


def _uncertainty(bundle: Bundle, x: F32) -> Json:
    if bundle.doubt is None:
        return {}
    width = bundle.uncertainty(x)
    at = {name: float(np.quantile(width, share)) for name, share in (("median", 0.5), ("p90", 0.9), ("widest", 1.0))}
    return {"uncertainty": {"rows": len(x), "mean": float(width.mean()), **at}}


def _named(bundle: Bundle, column: int, found: Attribution) -> Json:
    return {
        "name": bundle.inputs.names[column], "concept": concepts(bundle)[column],
        "size": _mean_size(found.effects[:, column]),
    }  # fmt: skip


def _mean_size(effects: F64) -> float:
    return float(np.abs(effects).sum()) / max(len(effects), 1)


def _ranks(values: F32) -> F64:
    """(n,) where each value stands among the known ones, from 0 to 1, equals in their middle; NaN where unknown."""
    known = ~np.isnan(values)
    ranks = np.full(len(values), np.nan)
    ranks[known] = (rankdata(values[known]) - 0.5) / max(known.sum(), 1)
    return ranks


def _rounded(values: F64, decimals: int | None = None) -> list[float | None]:
    """As JSON: significant digits, or decimals; null where unknown."""

    def short(value: float) -> float:
        return round(value, decimals) if decimals is not None else float(f"{value:.{DIGITS}g}")

    return [short(float(value)) if np.isfinite(value) else None for value in values]
