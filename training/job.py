"""The training job: from the event log to a judged model in the registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from features.business import Business
from features.catalog import Catalog
from features.definitions import Definition, TaskName, definitions
from features.past import Past, catalog_of, open_past
from features.problems import InputProblem, did_you_mean
from features.progress import Progress
from training import registry
from training.bundle import Bundle
from training.evaluate import flat_metrics
from training.finish import parameters
from training.learn import learn
from training.plots import report_plots
from training.precheck import unanswerable
from training.promotion import Verdict
from training.standing import verdict_on
from training.story import story

EXAMPLE = 5


@dataclass(frozen=True)
class Trained:
    """A question's new model.  version: its number in the registry.  refusal: why there is none, else empty."""

    task: TaskName
    bundle: Bundle | None
    version: str
    run_id: str
    verdict: Verdict | None
    refusal: str = ""

    def lines(self) -> list[str]:
        """What came out, for a person to read."""
        if self.bundle is None or self.verdict is None:
            return [f"{self.task}: no model. {self.refusal}"]
        return story(self.bundle, self.version, self.verdict)


def train(business: Business, tasks: Sequence[TaskName], now: int, progress: Progress) -> tuple[Trained, ...]:
    """Train, judge and register a model for each of `tasks` (all that the business asks when empty).

    now: microseconds UTC, the moment of reading.  Raises InputProblem when no task can be trained.
    """
    asked = _asked(business, tasks)
    past, account = open_past(business, now, progress)
    features = catalog_of(business, past)
    results = tuple(_train_or_refuse(business, definition, past, features, progress) for definition in asked)
    if all(result.refusal for result in results):
        raise InputProblem(" ".join(result.refusal for result in results), "not_enough_data")
    account.rejected.write(business.state / "rejected.csv")
    return results


def _asked(business: Business, tasks: Sequence[TaskName]) -> list[Definition]:
    known = definitions(business)
    for task in tasks:
        if task not in known:
            raise InputProblem(
                f"winback.toml asks no '{task}' question: add a [{task}] table. {did_you_mean(task, known)}",
                "unknown_task",
            )
    return [known[task] for task in tasks or known]


def _train_or_refuse(
    business: Business, definition: Definition, past: Past, features: Catalog, progress: Progress
) -> Trained:
    try:
        return train_task(business, definition, past, features, progress)
    except InputProblem as problem:
        return Trained(definition.task, None, "", "", None, str(problem))


def train_task(
    business: Business, definition: Definition, past: Past, features: Catalog, progress: Progress
) -> Trained:
    """One question from histories to a judged version in the registry.

    Raises InputProblem below the floor of evidence.
    """
    task = definition.task
    if problem := unanswerable(business, definition, past):
        raise problem
    learned = learn(business, definition, past, features, progress)
    bundle, trial, rows = learned.bundle, learned.trial, learned.asked.rows
    with progress.step(f"{task}: registering and judging"), registry.connected(business) as client:
        import mlflow

        registry.open_experiment(client, business, task)
        with mlflow.start_run(run_name=f"{task} {trial.rung.name}"):
            example = pd.DataFrame(rows.x[:EXAMPLE], columns=list(rows.names))
            model, run = registry.log_bundle(
                bundle,
                parameters(bundle) | {"users_share": business.training.users_share},
                flat_metrics(bundle.report),
                report_plots(bundle.report, bundle.rung),
                example,
            )
            holdout = learned.holdout()
            registry.log_holdout(holdout)
        verdict = verdict_on(client, bundle, holdout, past)
        version = registry.register(client, task, model, run)
        registry.settle(client, task, version, verdict)
    return Trained(task, bundle, version, run, verdict)

