"""Versions of models in the registry: how a person names one, and how a new one comes to be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.business import Business
from features.definitions import TASKS, TaskName
from features.problems import InputProblem, did_you_mean
from training.judging.promotion import Verdict
from training.keeping.registry import CHAMPION, champion_version, exists, model_name, tracking_uri

JUDGED_ON, PROMOTED, REASONS = "judged_on", "promoted", "reasons"
_NAME = re.compile(r"(?:winback-)?([^/]+)/(.+)")
_ABOUT = {
    "churn": "Who is about to leave.",
    "conversion": "Who is about to buy.",
    "ltv": "What each customer will bring.",
}


@dataclass(frozen=True)
class Version:
    """One version of a question's model.  tags: of the registry, with the judge's words."""

    task: TaskName
    number: str
    run_id: str
    tags: Mapping[str, str]

    @property
    def name(self) -> str:
        """As people write it, such as churn/3."""
        return f"{self.task}/{self.number}"


def versions(client: Any, task: TaskName) -> tuple[Version, ...]:
    """All versions of a question's model, oldest first."""
    found: list[Any] = []
    token = None
    while True:
        page = client.search_model_versions(f"name = '{model_name(task)}'", page_token=token)
        found.extend(page)
        token = page.token
        if not token:
            break
    made = [Version(task, str(one.version), str(one.run_id), dict(one.tags)) for one in found]
    return tuple(sorted(made, key=lambda one: int(one.number)))


def named(client: Any, business: Business, word: str) -> Version:
    """The version that a person means by "churn/3", "winback-churn/3" or "churn/champion".

    Raises InputProblem: missing_champion (nothing was ever trained), unknown_task, unknown_version.
    """
    match = _NAME.fullmatch(word.strip())
    if match is None:
        raise InputProblem(
            f"'{word}' names no model. Write QUESTION/VERSION, such as churn/3 or churn/champion.", "unknown_version"
        )
    task = task_of(match[1])
    known = versions(client, task)
    number = champion_version(client, task) if match[2] == CHAMPION else match[2]
    if number is None:
        raise InputProblem(f"{task} has no champion in {tracking_uri(business)}.", "missing_champion")
    for one in known:
        if one.number == number:
            return one
    if not known:
        raise InputProblem(f"{task} has no model yet. Run `winback train {task}` first.", "unknown_version")
    raise InputProblem(
        f"{task}/{number} does not exist. {did_you_mean(f'{task}/{number}', [one.name for one in known[-20:]])}",
        "unknown_version",
    )


def task_of(word: str) -> TaskName:
    """Raises InputProblem (unknown_task) that names the nearest question."""
    for task in TASKS:
        if word == task:
            return task
    raise InputProblem(f"'{word}' is not a question. {did_you_mean(word, TASKS)}", "unknown_task")


def must_exist(business: Business) -> None:
    """Raise InputProblem (missing_champion) when nothing was ever registered."""
    if not exists(business):
        raise InputProblem(
            f"There are no models in {tracking_uri(business)}. Run `winback train` first.", "missing_champion"
        )


def register(
    client: Any, task: TaskName, model_uri: str, run_id: str, verdict: Verdict, tags: Mapping[str, str] | None = None
) -> str:
    """Make a logged and judged model the newest version of the task's registered model; returns the version.

    The version appears in one step with its verdict, after its files: there is none without either.
    """
    name, reasons = model_name(task), "; ".join(verdict.reasons)
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name, {"task": task}, _ABOUT[task])
    judged = {**(tags or {}), PROMOTED: str(verdict.promote).lower(), REASONS: reasons}
    return str(client.create_model_version(name, model_uri, run_id, tags=judged, description=reasons).version)


def challengers(found: Sequence[Version], window: str, but: str = "") -> int:
    """How many versions met a champion on this window so far; but: a version that is not to be counted."""
    return sum(one.tags.get(JUDGED_ON) == window and one.number != but for one in found)
