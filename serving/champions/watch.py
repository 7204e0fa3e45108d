"""Watch the registry, and hand a new champion over once it has proved that it can answer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from features.business import Business
from features.definitions import TaskName
from features.problems import InputProblem
from serving.champions.handover import Handover, copied, handover_file, loaded, read_handover, write_handover
from serving.champions.rehearsal import rehearse
from training.keeping.registry import RegistryAway, champion_versions, champions

_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}


def hand_over(business: Business) -> Handover:
    """Make the registry's champions the models to serve with; if they cannot be, those of before go on and it is said.

    Raises InputProblem when there is nothing to serve with.
    """
    os.environ.update({name: os.environ.get(name, value) for name, value in _PATIENCE.items()})
    path = handover_file(business)
    before = read_handover(path)
    try:
        named = champion_versions(business)
        now = _taken_over(business, path)
    except RegistryAway as error:
        now = replace(_usable(before, path, business, _none(error)), away=str(error))
    except InputProblem as problem:
        now = _refusing(_usable(before, path, business, problem), named, problem)
    write_handover(now, path)
    return now


def _usable(before: Handover | None, path: Path, business: Business, why: InputProblem) -> Handover:
    """What was handed over before; raises `why` where that is nothing, or answers another question by now."""
    if before is None:
        raise why
    try:
        loaded(before, path, business)
    except InputProblem:
        raise why from None
    return before


def _none(error: RegistryAway) -> InputProblem:
    return InputProblem(
        f"No model can be had: {error}, and this folder has served none before. Start the registry, or set "
        "MLFLOW_TRACKING_URI to where it is.",
        "missing_champion",
    )


def _taken_over(business: Business, path: Path) -> Handover:
    """The registry's champions, copied, read back from the copies and rehearsed."""
    handover = Handover(copied(champions(business), path))
    rehearse(loaded(handover, path, business), business.events.time_zone)
    return handover


def _refusing(before: Handover, named: Mapping[TaskName, str], why: InputProblem) -> Handover:
    """The models of before go on; those that the registry names instead are refused."""
    newer = {task: version for task, version in named.items() if before.versions.get(task) != version} or named
    return replace(before, refused={f"winback-{task}/{version}": str(why) for task, version in newer.items()}, away="")


class Watch:
    """Looks again and again; remembers what it has judged, so that each set of champions is tried once."""

    def __init__(self, business: Business) -> None:
        self._business, self._path = business, handover_file(business)
        before = read_handover(self._path)
        self._judged = before.versions if before and not before.refused else None
        self._doubted: dict[TaskName, str] | None = None

    def look(self) -> None:
        """Hand over what is new and passes; say what does not, and whether the registry answers."""
        before = read_handover(self._path)
        assert before is not None, "the service hands over before it watches"
        now = self._looked(before)
        if now != before:
            write_handover(now, self._path)

    def _looked(self, before: Handover) -> Handover:
        try:
            named = champion_versions(self._business)
            if not named:
                return replace(before, away="it names no champion")
            if named == self._judged:
                return replace(before, away="")
            now = _taken_over(self._business, self._path)
        except RegistryAway as error:
            return replace(before, away=str(error))
        except InputProblem as problem:
            if self._doubted != named:  # the aliases of several questions move one after the other: look again
                self._doubted = named
                return before
            now = _refusing(before, named, problem)
        self._judged = named
        return now
