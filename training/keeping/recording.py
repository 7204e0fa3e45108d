"""Finished models come into the registry: logged with all that a repetition needs, judged, registered, and crowned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from features.business import Business
from features.clock import format_instant
from features.definitions import TaskName, definitions
from features.log.locks import writing
from features.past import Past
from features.progress import Progress
from training.bundle import Bundle
from training.card.page import card_html
from training.evaluate import flat_metrics
from training.finish import parameters
from training.judging.promotion import Verdict
from training.judging.standing import Circumstances, Contender, Judgement, verdict_on
from training.keeping import registry, runs
from training.keeping.configuration import to_toml
from training.keeping.environment import commit, spent
from training.keeping.identity import SHA256, bundle_sha256, folder_sha256
from training.keeping.registry import Champion
from training.keeping.runs import Began
from training.keeping.succession import crown, misfits
from training.keeping.versions import JUDGED_ON, Version, challengers, register, versions
from training.plots import report_plots


@dataclass(frozen=True)
class Made:
    """A finished model that nobody has judged yet.

    holdout: as of `training.judging.standing.Contender`.  example: a few rows of its inputs.  began: milliseconds UTC.
    alarms, suspicions, drift: what the searches for leaks and drift said (`training.judging.standing.Circumstances`).
    """

    bundle: Bundle
    holdout: pd.DataFrame
    example: pd.DataFrame
    began: int
    alarms: tuple[str, ...] = ()
    suspicions: Mapping[str, str] = field(default_factory=dict)
    drift: str = ""

    @property
    def task(self) -> TaskName:
        return self.bundle.definition.task


@dataclass(frozen=True)
class Training:
    """One call of `winback train`.

    business: what was trained with.  in_force: what scores, another one only when an old run is repeated.
    now: the moment of reading, microseconds UTC.  repeats: the id of the run that is repeated, or "".
    """

    business: Business
    in_force: Business
    now: int
    repeats: str = ""

    def tags(self) -> dict[str, str]:
        """What every run of it is found by."""
        told = {"read_at": format_instant(self.now), "git_commit": commit(Path(__file__)), "repeats": self.repeats}
        return {key: value for key, value in told.items() if value}


@dataclass(frozen=True)
class Recorded:
    """Where a model is now.  known: it was in the registry before, byte for byte, and was not registered again."""

    version: str
    run_id: str
    verdict: Verdict
    known: bool


@dataclass(frozen=True)
class _Logged:
    """A model with its files in MLflow.  known: the version that it is byte for byte."""

    made: Made
    sha256: str
    known: Version | None
    uri: str = ""
    run_id: str = ""


def record(training: Training, made: Sequence[Made], past: Past, progress: Progress) -> tuple[Recorded, ...]:
    """Log, judge and register finished models, and make those champions that the judge agrees to; in their order.

    One process at a time does this, so that each is judged against the champion that it would follow.  Aliases move
    last: a kill leaves versions that are whole and judged, and the champions that there were.
    """
    business = training.business
    with writing(business.state / "registry", "train", progress), registry.connected(business) as client:
        experiment = runs.open_experiment(client, business)
        runs.end_dangling(client, business, experiment)
        logged = _log(client, experiment, training, made, progress)
        with progress.step("judging"):
            judged = [_judge(client, training, one, past) for one in logged]
            verdicts = _together(client, training.in_force, logged, [one.verdict for one in judged])
        recorded = tuple(
            _register(client, one, replace(judgement, verdict=verdict))
            for one, judgement, verdict in zip(logged, judged, verdicts, strict=True)
        )
        for one, done in zip(made, recorded, strict=True):
            if done.verdict.promote:
                crown(client, one.task, done.version)
    return recorded


def _log(
    client: Any, experiment: str, training: Training, made: Sequence[Made], progress: Progress
) -> list[_Logged]:
    """One run for the training, with one inside for each model that the registry does not hold yet."""
    logged = [_known(client, one) for one in made]
    if all(one.known for one in logged):
        return logged
    name = f"train {', '.join(one.task for one in made)}"
    tags = {**training.tags(), "data": made[0].bundle.origin.data}
    with runs.running(client, training.business, experiment, Began(name, training.now // 1000, tags)) as whole:
        done = [one if one.known else _log_one(client, experiment, training, one, progress) for one in logged]
        for key, value in spent().items():
            client.log_metric(whole, key, value)
    return done


def _known(client: Any, made: Made) -> _Logged:
    sha256 = bundle_sha256(made.bundle)
    same = [one for one in versions(client, made.task) if one.tags.get(SHA256) == sha256 and _whole(one, sha256)]
    return _Logged(made, sha256, same[-1] if same else None)


def _whole(version: Version, sha256: str) -> bool:
    """Whether a version's files are still what they were."""
    folder = registry.files_behind(f"models:/{registry.model_name(version.task)}/{version.number}")
    return folder is not None and folder_sha256(folder) == sha256


def _log_one(client: Any, experiment: str, training: Training, one: _Logged, progress: Progress) -> _Logged:
    made, bundle, business = one.made, one.made.bundle, training.business
    began = Began(f"{made.task} {bundle.rung}", made.began, training.tags() | _tags(one))
    with (
        progress.step(f"{made.task}: keeping the model and how it came to be"),
        runs.running(client, business, experiment, began) as run_id,
    ):
        uri, _ = runs.log_bundle(
            bundle, parameters(bundle) | {
                "users_share": business.training.users_share, "seed": 0, "as_of": format_instant(bundle.origin.until),
                "read_at": format_instant(training.now), SHA256: one.sha256,
            },
            flat_metrics(bundle.report), report_plots(bundle.report, bundle.rung), made.example,
        )  # fmt: skip
        client.log_text(run_id, card_html(bundle, registry.model_name(made.task), "", "en"), "model_card.html")
        runs.log_reading(business, to_toml(business))
        runs.log_data(client, run_id, business, bundle, made.holdout)
        runs.log_holdout(client, run_id, bundle, made.holdout)
    return replace(one, uri=uri, run_id=run_id)


def _tags(one: _Logged) -> dict[str, str]:
    """What both the run and the version are found by."""
    bundle = one.made.bundle
    return {
        "task": one.made.task, "grade": bundle.grade, "rung": bundle.rung, SHA256: one.sha256,
        "data": bundle.origin.data, "data_until": format_instant(bundle.origin.until),
        "definition": bundle.definition.sentence(),
    }  # fmt: skip


def _judge(client: Any, training: Training, one: _Logged, past: Past) -> Judgement:
    made, task = one.made, one.made.task
    held = registry.champion_of(client, task)
    if held is not None and one.known is not None and held.version == one.known.number:
        return Judgement(Verdict(False, ("it is the champion already",)))
    found, own = versions(client, task), one.known.number if one.known else ""
    around = Circumstances(
        definitions(training.in_force).get(task), training.now, lambda window: challengers(found, window, own),
        made.alarms, made.suspicions, made.drift,
    )  # fmt: skip
    rival = None
    if held is not None:
        run = next((version.run_id for version in found if version.number == held.version), "")
        rival = Contender(held.bundle, runs.holdout_of(run) if run else None)
    return verdict_on(Contender(made.bundle, made.holdout), rival, past, around)


def _together(
    client: Any, business: Business, logged: Sequence[_Logged], verdicts: Sequence[Verdict]
) -> list[Verdict]:
    """The verdicts, but nobody is promoted beside champions with other features: together they could not score."""
    new: Mapping[TaskName, Champion] = {
        one.made.task: Champion(one.made.task, "", "", Path(), one.made.bundle)
        for one, verdict in zip(logged, verdicts, strict=True)
        if verdict.promote
    }
    stay = misfits(client, business, new) if new else []
    if not stay:
        return list(verdicts)
    names = ", ".join(f"{one.task}/{one.version}" for one in stay)
    why = (
        f"held back: {names} would stay champion, was trained on another set of features, and could not score beside "
        "it; train all questions together, or promote them by hand in one command"
    )
    return [Verdict(False, (why, *one.reasons)) if one.promote else one for one in verdicts]


def _register(client: Any, one: _Logged, judgement: Judgement) -> Recorded:
    verdict = judgement.verdict
    if one.known is not None:
        return Recorded(one.known.number, one.known.run_id, verdict, known=True)
    tags = _tags(one) | ({JUDGED_ON: judgement.judged_on} if judgement.judged_on else {})
    version = register(client, one.made.task, one.uri, one.run_id, verdict, tags)
    client.set_tag(one.run_id, "promoted", str(verdict.promote).lower())
    client.set_tag(one.run_id, "version", version)
    return Recorded(version, one.run_id, verdict, known=False)
