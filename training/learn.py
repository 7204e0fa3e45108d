"""From histories to a finished model of one question, and all that was seen on the way; no registry is needed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from features.catalog import Catalog
from features.definitions import Definition
from features.past import Past
from features.problems import InputProblem
from features.progress import Progress
from training.bundle import Bundle
from training.evidence import LEAST_RARER, Evidence, grade
from training.finish import finish
from training.rows import Rows, gather
from training.splits import Timeline, timeline
from training.trial import Asked, Trial, hold_trial, rarer

SHORTER = 3  # a third of the horizon, where no window of full length is over before the test
SHORTEST_DAYS = 7


@dataclass(frozen=True)
class Learned:
    """A question's finished model, and the rows, moments and judgement behind it."""

    asked: Asked
    trial: Trial
    bundle: Bundle


def learn(
    definition: Definition, past: Past, features: Catalog, users_share: float, progress: Progress
) -> Learned:
    """Label, compete, decide and fit.  users_share: of all users, by hash of the id.

    Raises InputProblem (not_enough_data) below the floor of evidence.
    """
    task = definition.task
    line = timeline(definition, past)
    of_users = "" if users_share == 1 else f" of {users_share:.3g} of all users, by hash of the id"
    with progress.step(f"{task}: features at {len(line.cutoffs)} cut-offs{of_users}"):
        asked = Asked(definition, line, gather(definition, past, features, line, users_share))
        shorter = _shorter(asked, past, features, users_share)
    evidence = weigh(definition, line, asked.rows)
    with progress.step(f"{task}: candidates compete, customers held apart"):
        trial = hold_trial(features, asked, shorter)
    with progress.step(f"{task}: {trial.rung.name} learns from all labelled windows"):
        bundle = finish(definition, features, past, asked, trial, evidence)
    return Learned(asked, trial, bundle)


def weigh(definition: Definition, line: Timeline, rows: Rows) -> Evidence:
    """How much evidence the last window holds; raises InputProblem below the floor."""
    last = rows.y[rows.as_of == line.test]
    found = grade(line.windows, line.out_of_time, rarer(definition, last), len(last))
    if found.grade == "none":
        raise InputProblem(
            f"{definition.task}: not enough data to train: {'; '.join(found.reasons)}. "
            "`winback check` says what would help. Until then the lifecycle stages, which need no model, still tell "
            "who is new, active, slipping or lapsed.",
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

