"""From histories to a finished model of one question, and all that was seen on the way; no registry is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.business import Business
from features.catalog import Catalog
from features.definitions import Definition, definitions
from features.past import Past
from features.problems import InputProblem
from features.progress import Progress
from training.bundle import Bundle
from training.evidence import LEAST_RARER, Evidence, grade
from training.finish import finish
from training.judging.promotion import capped
from training.leaks.alarm import Searched
from training.leaks.search import search
from training.learning_curve import learning_curve
from training.measures.segments import fit_segmentation, past_of
from training.report import segment_report
from training.rows import Rows, gather
from training.splits import Timeline, folds, origins, timeline
from training.trial import Asked, Trial, hold_trial, rarer

SHORTER = 3  # a third of the horizon, where no window of full length is over before the test
SHORTEST_DAYS = 7


@dataclass(frozen=True)
class Learned:
    """A question's finished model, and the rows, moments and judgement behind it.

    segments: for each way to tell customers apart, (n,) the name of each labelled row's segment.
    searched: what the search for leaks found.
    """

    asked: Asked
    trial: Trial
    bundle: Bundle
    segments: Mapping[str, NDArray[np.object_]]
    searched: Searched

    def holdout(self) -> pd.DataFrame:
        """Every judged row, for the judge: user_id, as_of, y, p, before, and the customer's segments."""
        return self.trial.holdout(self.asked.rows.people, self.segments)


def learn(business: Business, definition: Definition, past: Past, features: Catalog, progress: Progress) -> Learned:
    """Label, compete, decide and fit one of the business's questions.

    Raises InputProblem (not_enough_data) below the floor of evidence.
    """
    task, users_share = definition.task, business.training.users_share
    line = timeline(definition, past)
    of_users = "" if users_share == 1 else f" of {users_share:.3g} of all users, by hash of the id"
    with progress.step(f"{task}: features at {len(line.cutoffs)} cut-offs{of_users}"):
        asked = Asked(definition, line, gather(definition, past, features, line, users_share))
        shorter = _shorter(asked, past, features, users_share)
    evidence = weigh(definition, line, asked.rows)
    with progress.step(f"{task}: candidates compete, customers held apart"):
        trial = hold_trial(features, asked, shorter)
    with progress.step(f"{task}: looking for leaks"):
        searched = _searched(definition, past, features, asked, trial, users_share)
    with progress.step(f"{task}: {trial.rung.name} learns from all labelled windows"):
        told = segmented(asked, features, definitions(business).get("churn"))
        more = {
            "segments": segment_report(asked, trial.test, told),
            "learning": learning_curve(asked, trial.rung).to_json(), "leaks": searched.to_json(),
        }  # fmt: skip
        evidence = by_windows(evidence, len(trial.judged))
        bundle = finish(definition, features, past, asked, trial, evidence, more, definitions(business).get("churn"))
    return Learned(asked, trial, bundle, told, searched)


def _searched(
    definition: Definition, past: Past, features: Catalog, asked: Asked, trial: Trial, users_share: float
) -> Searched:
    """The search for leaks, in the folds of the last window and of the one before."""
    rows, line = asked.rows, asked.line
    moments = origins(line, 2)
    fits = [fold for at in moments for fold in folds(line, at, rows.as_of, rows.group)]
    cheap = next(rung for rung in trial.rungs if rung.name == "rfm")
    promised = trial.test.promise.p if trial.test.decision.informed else None
    return search(definition, past, features, line, rows, fits, cheap.fit, promised, users_share)


def segmented(asked: Asked, features: Catalog, churn: Definition | None) -> dict[str, NDArray[np.object_]]:
    """For each way to tell customers apart, (n,) the segment of each labelled row, by what was known at its cut-off.

    churn: the question whose horizon tells active customers from lapsed ones; None takes the asked one's.
    """
    table = past_of(asked.rows, features)
    at_test = asked.rows.as_of == asked.line.test
    told = fit_segmentation(past_of(asked.rows.take(at_test), features), asked.definition, churn)
    return told.assign(table)


def by_windows(evidence: Evidence, windows: int) -> Evidence:
    """The grade that so many judged windows can carry."""
    most = capped(evidence.grade, windows)
    if most == evidence.grade:
        return evidence
    alone = "judged on one back-test window alone, so at most grade C"
    return replace(evidence, grade=most, reasons=(*evidence.reasons, alone))


def weigh(definition: Definition, line: Timeline, rows: Rows) -> Evidence:
    """How much evidence the last window holds; raises InputProblem below the floor."""
    last = rows.y[rows.as_of == line.test]
    found = grade(line.windows, line.out_of_time, rarer(definition, last), len(last))
    if found.grade == "none":
        raise InputProblem(
            f"{definition.task}: not enough data to train: {'; '.join(found.reasons)}. "
            "`winback check` says what would help. Until then `winback score --stages --out F.parquet` says by rules "
            "who is new, active, slipping or lapsed; that needs no model.",
            "not_enough_data",
        )
    return found


def _shorter(asked: Asked, past: Past, features: Catalog, users_share: float) -> Asked | None:
    """The question with a third of its horizon, where history holds no full window out of time before the test."""
    line, definition = asked.line, asked.definition
    if any(line.learnable(at) for at in line.learnable(line.test)):
        return None
    quick = replace(definition, horizon_days=definition.horizon_days // SHORTER)
    if quick.horizon_days < SHORTEST_DAYS:
        return None
    times = timeline(quick, past, until=line.test if line.out_of_time else None)
    if not times.out_of_time:
        return None
    rows = gather(quick, past, features, times, users_share)
    enough = rarer(quick, rows.y[rows.as_of == times.test]) >= LEAST_RARER
    return Asked(quick, times, rows) if enough else None

