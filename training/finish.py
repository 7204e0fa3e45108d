"""The finished model: the winner fitted on every labelled window, with all that scoring and its report need."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.build import build_at
from features.catalog import Catalog
from features.clock import format_instant
from features.definitions import Definition, eligible
from features.histories import Histories
from training.attribution import attribute, by_concept, concepts
from training.bundle import Bundle, Origin
from training.compete import uncalibrated
from training.evaluate import amount_report, probability_report
from training.evidence import Evidence
from training.inputs import fit_inputs
from training.rows import Rows
from training.splits import Timeline
from training.trial import Trial

EXPLAINED = 2_000


def finish(
    definition: Definition,
    features: Catalog,
    past: Histories,
    line: Timeline,
    rows: Rows,
    trial: Trial,
    evidence: Evidence,
) -> Bundle:
    """Fit the winner on every labelled window and gather all that scoring needs."""
    today = build_at(past.as_known_today(), features, past.last)
    inputs = fit_inputs(today, definition.horizon_days)
    model = trial.rung.fit(rows)
    origin = Origin(past.fingerprint(), len(past), len(past.time), past.complete_until, line.cutoffs, line.windows)
    asked = inputs.matrix(today)[eligible(definition, today)]
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
    predicted = bundle.predict(asked) if len(asked) else trial.promise.p
    quantiles = tuple(map(float, np.quantile(predicted, np.linspace(0, 1, 101))))
    return replace(bundle, quantiles=quantiles, report=_report(definition, line, rows, trial, bundle, asked))


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
