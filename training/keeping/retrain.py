"""Repeat a training from the id of its MLflow run: the same configuration on the data of today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from features.business import Business
from features.definitions import TaskName
from features.problems import InputProblem, did_you_mean
from features.progress import Progress
from training.bundle import Bundle
from training.job import Trained, train
from training.judging.contrast import bundle_of, differences
from training.keeping import registry, runs
from training.keeping.configuration import from_toml
from training.keeping.environment import environment
from training.keeping.identity import bundle_sha256
from training.keeping.versions import must_exist, named, task_of


@dataclass(frozen=True)
class Repeated:
    """One question trained again.  before: the model of the run.  changed: sentences about what computed it."""

    trained: Trained
    before: Bundle
    changed: tuple[str, ...]

    def lines(self) -> list[str]:
        """What came out, for a person to read; first whether it is the same model."""
        told = self.trained.lines()
        if self.trained.bundle is None:
            return told
        old, new = bundle_sha256(self.before), bundle_sha256(self.trained.bundle)
        if old == new:
            return [*told, f"  the same model as the run's, byte for byte: bundle {new}"]
        changed = [*differences(self.trained.bundle, self.before), *self.changed]
        why = [f"    {line}" for line in changed] or ["    nothing that the run has kept; the code may have changed"]
        return [*told, f"  NOT the same model as the run's: bundle {new[:12]}, then {old[:12]}. Now | then:", *why]


@dataclass(frozen=True)
class _Kept:
    """What the run of one question has kept."""

    task: TaskName
    bundle: Bundle
    configuration: str
    environment: Mapping[str, Any]


def retrain(business: Business, word: str, now: int, progress: Progress) -> tuple[Repeated, ...]:
    """Train again as a run did, judge and register as usual; a model that the registry holds is not registered twice.

    word: the id of a run (of one question, or of a whole training), its beginning, or a version such as churn/3.
    now: microseconds UTC.  Raises InputProblem: unknown_run, run_without_model, run_without_configuration, and what
    `train` raises.
    """
    must_exist(business)
    with registry.connected(business) as client:
        run_id = _run_id(client, business, word)
        kept = [_kept(client, one) for one in _questions(client, run_id)]
    config = business.root / "winback.toml"
    then = from_toml(kept[0].configuration, config)
    done = train(then, tuple(one.task for one in kept), now, progress, business, run_id)
    today = environment(business)
    return tuple(
        Repeated(trained, one.bundle, tuple(_changes(one.environment, today)))
        for trained, one in zip(done, kept, strict=True)
    )


def _run_id(client: Any, business: Business, word: str) -> str:
    if "/" in word:
        return named(client, business, word).run_id
    known = runs.recent(client)
    begun = [one for one in known if len(word) >= 6 and one.startswith(word)]
    if len(begun) == 1:
        return begun[0]
    if runs.run_of(client, word) is None:
        raise InputProblem(f"There is no run '{word}'. {did_you_mean(word, known)}", "unknown_run")
    return word


def _questions(client: Any, run_id: str) -> list[str]:
    """The run itself when it is of one question, else the runs inside it, in the order in which they were trained."""
    run = runs.run_of(client, run_id)
    assert run is not None, "its id was looked up"
    if "task" in run.data.tags:
        return [run_id]
    found = sorted(runs.inside(client, run_id, run.info.experiment_id), key=lambda one: int(one.info.start_time))
    if not found:
        raise InputProblem(f"Run {run_id} ({run.info.run_name}) holds no model to repeat.", "run_without_model")
    return [one.info.run_id for one in found]


def _kept(client: Any, run_id: str) -> _Kept:
    run = runs.run_of(client, run_id)
    text = runs.configuration_of(run_id)
    if run is None or text is None:
        raise InputProblem(
            f"Run {run_id} has kept no winback.toml: it was interrupted, or made by an older version of winback. "
            "Use `winback train`.",
            "run_without_configuration",
        )
    return _Kept(task_of(run.data.tags["task"]), bundle_of(client, run_id), text, runs.environment_of(run_id))


def _changes(then: Mapping[str, Any], today: Mapping[str, Any]) -> Iterator[str]:
    """Versions that are not those of the run."""
    flat = [{**one, **one.get("packages", {})} for one in (today, then)]
    for name in sorted(set(flat[0]) - {"packages", "configuration_commit"}):
        now, before = (one.get(name, "") for one in flat)
        if now != before:
            yield f"{name}: {now or 'unknown'} | {before or 'unknown'}"
