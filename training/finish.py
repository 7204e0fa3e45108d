"""The finished model: the winner fitted on every labelled window, with all that scoring and its report need."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.build import FeatureTable, build_at
from features.catalog import Catalog
from features.clock import format_instant
from features.definitions import Definition, eligible
from features.past import Past
from training.attribution import attribute, by_concept, concepts
from training.bundle import Bundle, Origin
from training.compete import uncalibrated
from training.evaluate import amount_report, probability_report
from training.evidence import Evidence
from training.inputs import Inputs, fit_inputs, rhythm_catalog
from training.rows import Rows
from training.splits import Timeline
from training.trial import Trial

EXPLAINED = 2_000


def finish(
    definition: Definition,
    features: Catalog,
    past: Past,
    line: Timeline,
    rows: Rows,
    trial: Trial,
    evidence: Evidence,
) -> Bundle:
    """Fit the winner on every labelled window and gather all that scoring needs."""
    today = past.as_known_today()
    inputs, users = _inputs_of_today(definition, features, today)
    model = trial.rung.fit(rows)
    origin = Origin(past.fingerprint(), users, past.event_count, past.span.complete_until, line.cutoffs, line.windows)
    bundle = Bundle(
        definition,
        inputs,
        trial.rung.name,
        model,
        trial.calibration,
        evidence.grade,
        evidence.reasons,
        (),
        origin,
        trial.interval,
    )
    predicted, some = _everybody(bundle, today, EXPLAINED / max(users, 1))
    predicted = predicted if len(predicted) else trial.promise.p
    quantiles = tuple(map(float, np.quantile(predicted, np.linspace(0, 1, 101))))
    return replace(bundle, quantiles=quantiles, report=_report(definition, line, rows, trial, bundle, some))


def _inputs_of_today(definition: Definition, features: Catalog, today: Past) -> tuple[Inputs, int]:
    """The rhythm models fitted on everybody's history up to the newest event, and how many users there are."""
    slim = rhythm_catalog(features)
    values = np.concatenate([build_at(some, slim, today.span.last).values for some in today.buckets()])
    nobody = np.zeros(len(values), dtype=np.int64)
    inputs = fit_inputs(FeatureTable(slim, nobody, nobody, values), definition.horizon_days)
    return replace(inputs, catalog=features), len(values)


def _everybody(bundle: Bundle, today: Past, share: float) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Today's scores of all who are asked, and the inputs of about a share of them."""
    predicted, some = [], []
    for histories in today.buckets():
        table = build_at(histories, bundle.catalog, today.span.last)
        x = bundle.matrix(table)[eligible(bundle.definition, table)]
        predicted.append(bundle.predict(x) if len(x) else np.zeros(0))
        some.append(x[np.linspace(0, len(x) - 1, min(len(x), int(np.ceil(share * len(x))))).astype(int)])
    return np.concatenate(predicted), np.concatenate(some)


def _report(
    definition: Definition, line: Timeline, rows: Rows, trial: Trial, bundle: Bundle, today: NDArray[np.float32]
) -> dict[str, Any]:
    others = {name: uncalibrated(definition, margin) for name, margin in trial.margins.items()}
    promise = trial.promise
    if definition.task == "ltv":
        test = amount_report(trial.y, promise.p, promise.low, promise.high, others, trial.user)
    else:
        test = probability_report(trial.y, promise.p, others, trial.user)
    spread = np.linspace(0, len(today) - 1, min(EXPLAINED, len(today))).astype(int)
    effects = by_concept(attribute(bundle, today[spread]).effects, concepts(bundle))
    return {
        "test": test | {
            "as_of": format_instant(line.test), "until": format_instant(line.test + line.reach),
            "out_of_time": line.out_of_time,
        },
        "choice": {
            "reason": trial.contest.reason, "losses": dict(trial.contest.losses),
            "judged_at": [format_instant(at) for at in trial.judged_at],
            "by_window": {format_instant(at)[:10]: dict(losses) for at, losses in trial.by_window.items()},
            "says": {rung.name: rung.says for rung in trial.rungs},
            "same_rows_as_test": trial.judged_at == (line.test,),
            "left_out": trial.left_out,
        },
        "windows": [_window(rows, at) for at in line.cutoffs],
        "drivers": {concept: float(np.abs(effect).sum()) / max(len(effect), 1) for concept, effect in effects.items()},
        "calibration": bundle.calibration.note,
    }  # fmt: skip


def _window(rows: Rows, at: int) -> dict[str, Any]:
    outcomes = rows.y[rows.as_of == at]
    return {"as_of": format_instant(at), "rows": len(outcomes), "mean": float(outcomes.mean())}


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
