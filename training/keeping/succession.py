"""Who is champion after whom: by the judge, and by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.business import Business
from features.clock import format_instant
from features.definitions import TaskName, definitions
from features.log.locks import writing
from features.problems import InputProblem
from features.progress import Progress
from training.keeping.registry import (
    CHAMPION,
    Champion,
    champion_of,
    champion_version,
    connected,
    model_name,
    model_of,
    ready,
    same_question,
)
from training.keeping.versions import PROMOTED, REASONS, Version, must_exist, named, task_of, versions

REIGNS = "champions"  # the tag of a registered model that names all its champions, oldest first
KEPT = 100


@dataclass(frozen=True)
class Order:
    """A promotion by hand.  who: gave it.  why: in their words, may be empty.  at: microseconds UTC."""

    who: str
    why: str
    at: int


def crown(client: Any, task: TaskName, version: str) -> None:
    """Make a version the champion.  The alias, all that the service looks at, moves last."""
    before = reigns(client, task)
    client.set_registered_model_tag(model_name(task), REIGNS, ",".join([*before, version][-KEPT:]))
    client.set_registered_model_alias(model_name(task), CHAMPION, version)


def reigns(client: Any, task: TaskName) -> list[str]:
    """The champions so far, oldest first; the last one is today's.

    What the tag says beyond today's champion was begun and never done (a kill), or undone by somebody else.
    """
    now = champion_version(client, task)
    if now is None:
        return []
    kept = client.get_registered_model(model_name(task)).tags.get(REIGNS, "")
    past = kept.split(",") if kept else []
    while past and past[-1] != now and now in past:
        past.pop()
    return past if past and past[-1] == now else [*past, now]


def promote(business: Business, words: Sequence[str], order: Order, progress: Progress) -> list[str]:
    """Make these versions champions whatever the judge had said, all of them or none; returns lines for a person.

    words: such as "churn/3".  Raises InputProblem when one does not exist, cannot be read, answers another question
    than the configuration asks, or has other features than the champions beside it.
    """
    must_exist(business)
    with writing(business.state / "registry", "promote", progress), connected(business) as client:
        chosen = {one.task: one for one in (named(client, business, word) for word in words)}
        if len(chosen) < len(set(words)):
            raise InputProblem(f"{', '.join(words)}: name one version of each question.", "twice_named")
        fitting(client, business, {task: model_of(task, one.number) for task, one in chosen.items()})
        return [line for one in chosen.values() for line in _promoted(client, one, order)]


def _promoted(client: Any, one: Version, order: Order) -> list[str]:
    before = champion_version(client, one.task)
    if before == one.number:
        return [f"winback-{one.name} is the champion already."]
    name = model_name(one.task)
    said = f"promoted by hand by {order.who} at {format_instant(order.at)}: {order.why or 'no reason given'}"
    tags = {"promoted_by": order.who, "promoted_why": order.why, "promoted_at": format_instant(order.at)}
    for key, value in tags.items():
        client.set_model_version_tag(name, one.number, key, value)
    client.update_model_version(name, one.number, description=f"{one.tags.get(REASONS, '')}; {said}".lstrip("; "))
    crown(client, one.task, one.number)
    judged = "The judge had promoted it" if one.tags.get(PROMOTED) == "true" else "The judge had NOT promoted it"
    after = f" in place of winback-{one.task}/{before}" if before else ""
    reasons = one.tags.get(REASONS, "no reasons were kept")
    return [f"winback-{one.name} is now the champion{after}.", f"  {judged}: {reasons}"]


def rollback(business: Business, tasks: Sequence[str], order: Order, progress: Progress) -> list[str]:
    """Give the place back to the champion before today's, for all these questions or none; lines for a person.

    Done twice it goes back twice; `winback promote` goes forward again.  Raises InputProblem as `promote` does, and
    when there was no champion before (no_earlier_champion).
    """
    asked = [task_of(word) for word in dict.fromkeys(tasks)]
    must_exist(business)
    with writing(business.state / "registry", "rollback", progress), connected(business) as client:
        past = {task: _earlier(client, task) for task in asked}
        fitting(client, business, {task: model_of(task, before[-1]) for task, before in past.items()})
        lines = []
        for task, before in past.items():
            now = champion_version(client, task)
            client.set_model_version_tag(
                model_name(task), str(now), "rolled_back",
                f"by {order.who} at {format_instant(order.at)}: {order.why or 'no reason given'}",
            )  # fmt: skip
            client.set_registered_model_alias(model_name(task), CHAMPION, before[-1])
            client.set_registered_model_tag(model_name(task), REIGNS, ",".join(before))
            lines.append(f"winback-{task}/{before[-1]} is the champion again, in place of winback-{task}/{now}.")
        return lines


def _earlier(client: Any, task: TaskName) -> list[str]:
    """The champions before today's that still exist, oldest first; at least one."""
    held = reigns(client, task)
    there = {one.number for one in versions(client, task)}
    before = [version for version in held[:-1] if version in there]
    while before and before[-1] == held[-1]:
        before.pop()
    if not before:
        now = f"winback-{task}/{held[-1]} is its first champion" if held else "it has no champion"
        raise InputProblem(
            f"{task} has no earlier champion to go back to: {now}. `winback promote {task}/N` takes any version.",
            "no_earlier_champion",
        )
    return before


def fitting(client: Any, business: Business, chosen: Mapping[TaskName, Champion]) -> None:
    """Raise InputProblem when these could not score beside the other champions under today's configuration.

    Codes: unknown_task, definition_changed, custom_changed, mixed_catalogues.
    """
    asked = definitions(business)
    for task, one in chosen.items():
        if task not in asked:
            raise InputProblem(f"The configuration asks no '{task}' question: add a [{task}] table.", "unknown_task")
        same_question(asked[task], one)
        ready(one, business)
    if others := misfits(client, business, chosen):
        names = ", ".join(f"{one.task}/{one.version}" for one in chosen.values())
        beside = ", ".join(f"{one.task}/{one.version}" for one in others)
        raise InputProblem(
            f"{names} and the champions beside it ({beside}) were trained on different sets of features, and could not "
            "score together. Name a version of one training for every question in one command, or run `winback train`.",
            "mixed_catalogues",
        )


def misfits(client: Any, business: Business, chosen: Mapping[TaskName, Champion]) -> list[Champion]:
    """Those that have other features than the first of `chosen`: of `chosen`, and of the champions that would stay."""
    first, *rest = chosen.values()
    own = first.bundle.catalog
    stay = [
        held
        for task, definition in definitions(business).items()
        if task not in chosen
        and (held := champion_of(client, task)) is not None
        and held.bundle.definition == definition
        and held.bundle.catalog.custom == own.custom  # else it could not score in any company
    ]
    return [one for one in [*rest, *stay] if one.bundle.catalog.fingerprint() != own.fingerprint()]
