"""The candidates of each question, simplest first; the simplest that is not beaten wins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.catalog import Catalog
from features.definitions import Definition
from features.spec import Feature, Reduction
from training.columns import NOTHING_IDLE, Idle
from training.inputs import BG_RETURN, EXPECTED_DAYS, EXPECTED_VALUE, PARETO_RETURN
from training.models.blend import Blend, Model
from training.models.boosted import MODERATE, Boosted, Objective, Size, fit_boosted
from training.models.linear import Linear, Scale, as_it_is, fit_amount, fit_logistic
from training.rows import Rows

Fit = Callable[[Rows], Model]
ENOUGH_FOR_TREES = 100
EXTRAPOLATION = 0.2


@dataclass(frozen=True)
class Rung:
    """One candidate: its name, what it is in words, and how it is fitted on labelled rows.

    members: the rungs of which it is the mean, so that judging need not fit them again.
    """

    name: str
    says: str
    fit: Fit
    members: tuple[str, ...] = ()


def ladder(
    definition: Definition, catalog: Catalog, rarer: int, ageing: float, idle: Idle = NOTHING_IDLE,
    size: Size = MODERATE,
) -> tuple[Rung, ...]:  # fmt: skip
    """The rungs that this question and this much evidence allow.

    rarer: rows of the rarer outcome (for ltv: rows with any value).  Below ENOUGH_FOR_TREES the ladder ends with
    regression.  ageing: share of the users to be scored who are older customers than any training row; above
    EXTRAPOLATION trees do not see features that grow with age alone (they cannot extrapolate them).
    idle: columns that teach nothing on this data set and that no rung reads.  size: of the boosted trees.
    """
    names = catalog.names + _verdict_names(catalog)
    regress = fit_amount if definition.task == "ltv" else fit_logistic
    recency = _columns(names, catalog, ("recency",), idle)
    rfm, scales = _rfm(names, catalog, idle)
    rungs = [
        Rung(
            "recency",
            "a rule on days since the last activity",
            lambda rows: regress(rows.x, rows.y, recency, _logs(recency)),
        )
    ]
    rungs += _rhythm_rungs(definition, catalog, names)
    rungs.append(
        Rung(
            "rfm",
            "regression on recency, frequency, amount and tenure",
            lambda rows: regress(rows.x, rows.y, rfm, scales),
        )
    )
    if rarer < ENOUGH_FOR_TREES:
        return tuple(rungs)
    grow = trees(definition, catalog, ageing, idle)
    boosted = Rung("boosted", "boosted trees on all features and the rhythm's verdicts", lambda rows: grow(rows, size))
    return (*rungs, boosted, *_blends((*rungs, boosted)))


def trees(
    definition: Definition, catalog: Catalog, ageing: float, idle: Idle
) -> Callable[[Rows, Size], Boosted]:
    """How boosted trees are fitted on labelled rows, in any size."""
    names = catalog.names + _verdict_names(catalog)
    columns = _tree_columns(catalog, names, ageing > EXTRAPOLATION, idle)
    directions = [_direction(definition, catalog, names[column]) for column in columns]
    objective: Objective = "tweedie" if definition.task == "ltv" else "binary"
    return lambda rows, size: fit_boosted(rows.x, rows.y, columns, directions, objective, size)


def _blends(rungs: Sequence[Rung]) -> list[Rung]:
    """Means of margins: of regression and trees, and with the buy-till-you-die model where it answers the question."""
    by_name = {rung.name: rung for rung in rungs}

    def blend(name: str, says: str, *members: str) -> Rung:
        parts = [by_name[member] for member in members]
        return Rung(name, says, lambda rows: Blend(tuple(_simple(part.fit(rows)) for part in parts)), members)

    blends = [blend("blend", "mean of regression and trees", "rfm", "boosted")]
    if "pareto_nbd" in by_name:
        says = "mean of Pareto/NBD, regression and trees"
        blends.append(blend("blend_btyd", says, "pareto_nbd", "rfm", "boosted"))
    return blends


def _simple(model: Model) -> Linear | Boosted:
    assert not isinstance(model, Blend)
    return model


def _rhythm_rungs(definition: Definition, catalog: Catalog, names: Sequence[str]) -> list[Rung]:
    """Buy-till-you-die models answer by themselves where the question is about the activity that they follow."""
    if set(definition.kinds) != set(definition.activity):
        return []
    if definition.task == "ltv":
        if EXPECTED_VALUE not in names:
            return []
        column = names.index(EXPECTED_VALUE)
        return [Rung("pareto_nbd", "Pareto/NBD with Gamma-Gamma", lambda rows: as_it_is(rows.x, column))]
    sign = -1.0 if definition.task == "churn" else 1.0
    bg, pareto = names.index(BG_RETURN), names.index(PARETO_RETURN)
    return [
        Rung("bg_nbd", "BG/NBD", lambda rows: as_it_is(rows.x, bg, sign)),
        Rung("pareto_nbd", "Pareto/NBD", lambda rows: as_it_is(rows.x, pareto, sign)),
    ]


def _verdict_names(catalog: Catalog) -> tuple[str, ...]:
    return (BG_RETURN, PARETO_RETURN, EXPECTED_DAYS) + ((EXPECTED_VALUE,) if catalog.selectors[0].values else ())


def _labels(catalog: Catalog) -> list[str]:
    """The selectors that tell rhythm: the activity, and anything at all."""
    return [catalog.selectors[0].label] + [s.label for s in catalog.selectors[1:] if not s.kinds]


def _columns(names: Sequence[str], catalog: Catalog, suffixes: Sequence[str], idle: Idle) -> list[int]:
    """Of what is asked for the columns that the data have: one that repeats another by that other, and one that is the
    same for everybody only when there is nothing else."""
    wanted = [f"{label}_{suffix}" for label in _labels(catalog) for suffix in suffixes]
    found = [names.index(name) for name in wanted if name in names]
    twins = dict(idle.repeats)
    telling = dict.fromkeys(twins.get(column, column) for column in found if column not in idle.constant)
    return list(telling) or found


def _logs(columns: Sequence[int]) -> list[Scale]:
    return ["log1p"] * len(columns)


def _rfm(names: Sequence[str], catalog: Catalog, idle: Idle) -> tuple[list[int], list[Scale]]:
    logs = _columns(names, catalog, ("recency", "days_ever", "sum_ever", "tenure"), idle)
    plain = _columns(names, catalog, ("silence_share",), idle)
    as_they_are: list[Scale] = ["as it is"] * len(plain)
    return logs + plain, _logs(logs) + as_they_are


def _tree_columns(catalog: Catalog, names: Sequence[str], without_age: bool, idle: Idle) -> list[int]:
    ages = [number for number, feature in enumerate(catalog.features) if feature.ages]
    left_out = idle.columns | (frozenset(ages) if without_age else frozenset())
    return [number for number in range(len(names)) if number not in left_out]


_GROWING = (Reduction.COUNT, Reduction.ACTIVE_DAYS, Reduction.SUM, Reduction.SESSIONS)
_FADING = (Reduction.DECAYED_7, Reduction.DECAYED_30, Reduction.DECAYED_90)
_SILENT = (Reduction.RECENCY, Reduction.OVERDUE)


def _direction(definition: Definition, catalog: Catalog, name: str) -> int:
    """+1 or -1 where common sense knows which way a feature moves the answer, else 0."""
    good = -1 if definition.task == "churn" else 1
    if name not in catalog.position:
        return good
    feature: Feature = catalog.features[catalog.position[name]]
    if feature.of != catalog.selectors[0].name:
        return 0
    if feature.reduction in _SILENT:
        return -good
    recent = (feature.reduction in _GROWING and feature.days) or feature.reduction in _FADING
    return good if recent else 0


def ageing(learned: NDArray[np.float32], judged: NDArray[np.float32]) -> float:
    """Share of judged customers that are older customers than any that was learned from; NaN tenure is not older.

    learned, judged: (n,), (m,) tenures in days.
    """
    known = learned[~np.isnan(learned)]
    return float(np.mean(judged > known.max())) if len(known) and len(judged) else 0.0
