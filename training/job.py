"""The training job: from the event log to a judged model in the registry."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from features.business import Business
from features.catalog import Catalog
from features.definitions import Definition, TaskName, definitions
from features.past import Past, catalog_of, open_past
from features.problems import InputProblem, did_you_mean
from features.progress import Progress
from training.bundle import Bundle
from training.checking.precheck import unanswerable
from training.judging.promotion import Verdict
from training.keeping.recording import Made, Recorded, Training, record
from training.learn import learn
from training.story import story

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

    now: microseconds UTC, the moment of reading.  in_force, repeats: as of `training.keeping.recording.Training`, when
    a run is repeated.  Raises InputProblem when no task can be trained.
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
    if problem := unanswerable(business, definition, past):
        raise problem
    learned = learn(business, definition, past, features, progress)
    rows = learned.asked.rows
    example = pd.DataFrame(rows.x[:EXAMPLE], columns=list(rows.names))
    found = learned.searched.alarms
    return Made(
        learned.bundle, learned.holdout(), example, began, tuple(one.says for one in found if one.proven),
        {one.kind: one.says for one in found if not one.proven}, learned.bundle.report["drift"],
    )  # fmt: skip
