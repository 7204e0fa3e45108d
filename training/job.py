"""The training job: from the event log to a judged model in the registry."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from features.business import Business
from features.catalog import Catalog
from features.definitions import Definition, TaskName, definitions
from features.past import Past, catalog_of, open_past
from features.problems import InputProblem, did_you_mean
from features.progress import Progress
from training.bundle import Bundle
from training.evidence import Evidence, grade
from training.finish import finish
from training.precheck import unanswerable
from training.promotion import Verdict, capped
from training.recording import Made, Recorded, Training, record
from training.rows import Rows, gather
from training.splits import Timeline, timeline
from training.story import story
from training.trial import hold_trial, rarer

EXAMPLE = 5


@dataclass(frozen=True)
class Trained:
    """A question's new model.  version: its number in the registry.  refusal: why there is none, else empty.
    known: the registry held it before, byte for byte."""

    task: TaskName
    bundle: Bundle | None
    version: str
    run_id: str
    verdict: Verdict | None
    refusal: str = ""
    known: bool = False

    def lines(self) -> list[str]:
        """What came out, for a person to read."""
        if self.bundle is None or self.verdict is None:
            return [f"{self.task}: no model. {self.refusal}"]
        told = story(self.bundle, self.version, self.verdict)
        return [*told[:-1], self._known()] if self.known else told

    def _known(self) -> str:
        assert self.verdict is not None
        now = "is now the champion" if self.verdict.promote else "nothing new is registered"
        return f"  identical to winback-{self.task}/{self.version}; {now}: {'; '.join(self.verdict.reasons)}"


def train(
    business: Business,
    tasks: Sequence[TaskName],
    now: int,
    progress: Progress,
    in_force: Business | None = None,
    repeats: str = "",
) -> tuple[Trained, ...]:
    """Train, judge and register a model for each of `tasks` (all that the business asks when empty).

    now: microseconds UTC, the moment of reading.  in_force, repeats: as of `training.recording.Training`, when a run is
    repeated.  Raises InputProblem when no task can be trained.
    """
    asked, started = _asked(business, tasks), time.perf_counter()
    past, account = open_past(business, now, progress)
    features = catalog_of(business, past)
    made = [
        _make_or_refuse(business, definition, past, features, progress, lambda: _after(now, started))
        for definition in asked
    ]
    if all(isinstance(one, str) for one in made):
        raise InputProblem(" ".join(one for one in made if isinstance(one, str)), "not_enough_data")
    finished = [one for one in made if isinstance(one, Made)]
    training = Training(business, in_force or business, now, repeats)
    recorded = dict(zip((one.task for one in finished), record(training, finished, past, progress), strict=True))
    account.rejected.write(business.state / "rejected.csv")
    return tuple(
        _trained(definition.task, one, recorded.get(definition.task))
        for definition, one in zip(asked, made, strict=True)
    )


def _after(now: int, started: float) -> int:
    """Milliseconds UTC, as far after the moment of reading as the work has taken since."""
    return now // 1000 + int(1000 * (time.perf_counter() - started))


def _trained(task: TaskName, made: Made | str, recorded: Recorded | None) -> Trained:
    if isinstance(made, str) or recorded is None:
        return Trained(task, None, "", "", None, str(made))
    return Trained(
        task, made.bundle, recorded.version, recorded.run_id, recorded.verdict, known=recorded.known
    )


def _asked(business: Business, tasks: Sequence[TaskName]) -> list[Definition]:
    known = definitions(business)
    for task in tasks:
        if task not in known:
            raise InputProblem(
                f"winback.toml asks no '{task}' question: add a [{task}] table. {did_you_mean(task, known)}",
                "unknown_task",
            )
    return [known[task] for task in tasks or known]


def _make_or_refuse(
    business: Business,
    definition: Definition,
    past: Past,
    features: Catalog,
    progress: Progress,
    clock: Callable[[], int],
) -> Made | str:
    """A finished model, or why there can be none."""
    began = clock()
    try:
        return make(business, definition, past, features, progress, began)
    except InputProblem as problem:
        return str(problem)


def make(
    business: Business, definition: Definition, past: Past, features: Catalog, progress: Progress, began: int
) -> Made:
    """One question from histories to a finished model; nothing of it is kept yet.

    Raises InputProblem below the floor of evidence.
    """
    task = definition.task
    if problem := unanswerable(business, definition, past):
        raise problem
    line = timeline(definition, past)
    share = business.training.users_share
    of_users = "" if share == 1 else f" of {share:.3g} of all users, by hash of the id"
    with progress.step(f"{task}: features at {len(line.cutoffs)} cut-offs{of_users}"):
        rows = gather(definition, past, features, line, share)
    evidence = weigh(definition, line, rows)
    with progress.step(f"{task}: candidates compete, customers held apart"):
        trial = hold_trial(definition, features, line, rows)
    holdout = trial.holdout(rows.people)
    evidence = _by_windows(evidence, holdout["as_of"].nunique())
    with progress.step(f"{task}: {trial.rung.name} learns from all labelled windows"):
        bundle = finish(definition, features, past, line, rows, trial, evidence)
    example = pd.DataFrame(rows.x[:EXAMPLE], columns=list(rows.names))
    return Made(bundle, holdout, example, began)


def _by_windows(evidence: Evidence, windows: int) -> Evidence:
    """The grade that so many back-test windows can carry."""
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
            "`winback check` says what would help.",
            "not_enough_data",
        )
    return found
