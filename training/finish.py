"""The finished model: the winner fitted on every labelled window, with all that scoring and its report need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.build import FeatureTable, build_at
from features.catalog import Catalog
from features.clock import DAY
from features.definitions import Definition, eligible
from features.past import Past
from features.sample import evenly
from training.bundle import Bundle, Origin
from training.decision import AGGREGATE, Decision
from training.drivers import driver_report
from training.evidence import Evidence
from training.inputs import EXPECTED_VALUE, Inputs, fit_inputs, rhythm_catalog
from training.level import AS_IT_IS, Level, level_of
from training.measures.segments import fit_segmentation, past_of
from training.population import MOMENTS, drift_sentence
from training.report import report_of
from training.splits import Timeline
from training.stability import stability
from training.trial import Asked, Trial

EXPLAINED = 2_000
NOTHING_MORE: Mapping[str, Any] = {}


def finish(
    definition: Definition, features: Catalog, past: Past, asked: Asked, trial: Trial, evidence: Evidence,
    more: Mapping[str, Any] = NOTHING_MORE, churn: Definition | None = None,
) -> Bundle:  # fmt: skip
    """Fit the winner on every labelled window and gather all that scoring needs.

    more: for the report.  churn: the question whose horizon tells active customers from lapsed ones; None takes the
    asked one's.
    """
    today, line = past.as_known_today(), asked.line
    inputs, users = _inputs_of_today(definition, features, today)
    model = trial.rung.fit(asked.rows)
    origin = Origin(past.fingerprint(), users, past.event_count, past.span.complete_until, line.cutoffs, line.windows)
    decision = trial.decision
    bundle = Bundle(
        definition, inputs, trial.rung.name, model, decision.calibration, evidence.grade, evidence.reasons, (), origin,
        decision.interval, decision.doubt,
    )  # fmt: skip
    crowd = _everybody(bundle, today, EXPLAINED / max(users, 1))
    if decision.source == AGGREGATE and len(crowd.margin):
        bundle = replace(bundle, calibration=_aggregate(bundle, crowd, decision))
    predicted = bundle.calibration.apply_margin(crowd.margin) if len(crowd.margin) else trial.test.promise.p
    quantiles = tuple(map(float, np.quantile(predicted, np.linspace(0, 1, 101))))
    bundle = replace(bundle, quantiles=quantiles)
    some = crowd.some[evenly(len(crowd.some), EXPLAINED)]
    drivers = driver_report(bundle, some, _segments(asked, features, some, churn))
    steady = {"stability": stability(bundle, trial.rung, asked.rows, some)}
    return replace(bundle, report={**report_of(bundle, asked, trial, predicted), **more, **drivers, **steady,
              "drift": drift_sentence(asked.rows, line, crowd.some, _young(features, past, line))})


@dataclass(frozen=True)
class _Crowd:
    """Everybody asked today.  margin, aggregate: (n,) the model's, and the aggregate forecast's log amounts, NaN where
    there is none.  some: the inputs of a sample."""

    margin: NDArray[np.float64]
    aggregate: NDArray[np.float64]
    some: NDArray[np.float32]


def _aggregate(bundle: Bundle, crowd: _Crowd, decision: Decision) -> Level:
    """The level of today; a fit that its flags call doubtful is believed only where the back-test confirmed it."""
    known = ~np.isnan(crowd.aggregate)
    if not known.any() or (bundle.inputs.pareto.flags and not decision.informed):
        return AS_IT_IS
    return level_of(crowd.margin[known], np.exp(crowd.aggregate[known]))


def _segments(
    asked: Asked, features: Catalog, some: NDArray[np.float32], churn: Definition | None
) -> dict[str, NDArray[np.object_]]:
    """(n,) names of today's customers by way to tell them apart, as the report tells those of the test; some: (n,)."""
    rows, nobody = asked.rows, np.zeros(len(some), dtype=np.int64)
    told = fit_segmentation(past_of(rows.take(rows.as_of == asked.line.test), features), asked.definition, churn)
    return told.assign(FeatureTable(features, nobody, nobody, some[:, : len(features.names)]))


def _young(features: Catalog, past: Past, line: Timeline) -> list[int]:
    """The features whose window reached back before the log began, at one of the last cut-offs."""
    seen = line.cutoffs[-MOMENTS:][0] - past.span.first
    return [number for number, one in enumerate(features.features) if one.days and one.days * DAY > seen]


def _inputs_of_today(definition: Definition, features: Catalog, today: Past) -> tuple[Inputs, int]:
    """The rhythm models fitted on everybody's history up to the newest event, and how many users there are."""
    slim = rhythm_catalog(features)
    values = np.concatenate([build_at(some, slim, today.span.last).values for some in today.buckets()])
    nobody = np.zeros(len(values), dtype=np.int64)
    inputs = fit_inputs(FeatureTable(slim, nobody, nobody, values), definition.horizon_days)
    return replace(inputs, catalog=features), len(values)


def _everybody(bundle: Bundle, today: Past, share: float) -> _Crowd:
    """The margins of all who are asked today, and the inputs of about a share of them."""
    parts = []
    column = bundle.inputs.position.get(EXPECTED_VALUE)
    for histories in today.buckets():
        table = build_at(histories, bundle.catalog, today.span.last)
        x = bundle.matrix(table)[eligible(bundle.definition, table)]
        margin = bundle.model.margin(x) if len(x) else np.zeros(0)
        value = x[:, column].astype(np.float64) if column is not None else np.full(len(x), np.nan)
        parts.append(_Crowd(margin, value, x[evenly(len(x), int(np.ceil(share * len(x))))]))
    margin, aggregate, some = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("margin", "aggregate", "some")
    )
    return _Crowd(margin, aggregate, some)


def parameters(bundle: Bundle) -> dict[str, Any]:
    """What MLflow's run page shows beside the metrics."""
    return {
        "definition": bundle.definition.sentence(), "rung": bundle.rung, "grade": bundle.grade,
        "data": bundle.origin.data,
        "catalog": bundle.catalog.fingerprint(), "features": len(bundle.catalog.names), "users": bundle.origin.users,
        "events": bundle.origin.events, "cutoffs": len(bundle.origin.cutoffs), "windows": bundle.origin.windows,
        "horizon_days": bundle.definition.horizon_days,
        "bg_flags": "; ".join(bundle.inputs.bg.flags), "pareto_flags": "; ".join(bundle.inputs.pareto.flags),
    }  # fmt: skip
