"""Which models the service answers with: one small file that names them, and a copy of each beside it.

The watch writes it (`serving.champions.watch`), the workers read it; so a worker knows no registry, and the service
goes on, and starts again, where none can be reached.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from features.business import Business
from features.definitions import TASKS, TaskName, definitions
from features.problems import InputProblem
from features.whole_file import whole_file
from training.bundle import load_bundle
from training.keeping.identity import folder_sha256
from training.keeping.registry import Champion, model_name, ready, same_catalogue, same_question

FOLDER, FILE = "serving", "handover.json"
KEPT = 12  # copies: a worker may still be reading those of a moment ago


@dataclass(frozen=True)
class Held:
    """A model that serves.  folder: of its copy, beside the file.  sha256: of that folder."""

    task: TaskName
    name: str
    version: str
    folder: str
    sha256: str


@dataclass(frozen=True)
class Handover:
    """held: the models that serve, by question.  refused: why a newer champion does not, by its name.

    away: why the registry cannot be asked, "" when it can.
    """

    held: tuple[Held, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    away: str = ""

    @property
    def versions(self) -> dict[TaskName, str]:
        """The version that serves each question."""
        return {one.task: one.version for one in self.held}

    def report(self) -> dict[str, Any]:
        """What a probe says of it."""
        models = {one.task: f"{one.name}/{one.version}" for one in self.held}
        registry = f"not reachable: {self.away}" if self.away else "reachable"
        refused = [f"{name}: {why}" for name, why in self.refused.items()]
        return {"models": models, "registry": registry, "refused": refused}


def task_in(name: str) -> str:
    """The question that a version such as winback-churn/3 answers."""
    return name.removeprefix(model_name("")).partition("/")[0]


def handover_file(business: Business) -> Path:
    """Where the file of a business is."""
    return business.state / FOLDER / FILE


def read_handover(path: Path) -> Handover | None:
    """None when nothing was handed over yet; InputProblem (bad_handover) when the file is not one."""
    try:
        saved = json.loads(path.read_text("utf-8"))
        held = tuple(Held(**one) for one in saved["held"])
        if unknown := [one.task for one in held if one.task not in TASKS]:
            raise ValueError(f"unknown question {unknown[0]}")
        return Handover(held, saved["refused"], saved["away"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputProblem(
            f"{path} cannot be read ({error}). Remove it: the service writes it anew from the registry.", "bad_handover"
        ) from None


def write_handover(handover: Handover, path: Path) -> None:
    """Replace the file in one step."""
    body = {"held": [vars(one) for one in handover.held], "refused": dict(handover.refused), "away": handover.away}
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as draft:
        draft.write_text(json.dumps(body, indent=1), "utf-8")


def copied(champions: Mapping[TaskName, Champion], beside: Path) -> tuple[Held, ...]:
    """Copy the champions' bundles into the folder of the file `beside`, each once and whole."""
    held = []
    for task, one in champions.items():
        digest = folder_sha256(one.folder)
        name = f"{one.name}-{one.version}-{digest[:8]}"
        target = beside.parent / name
        if not target.exists():
            draft = beside.parent / f"{name}.draft"
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(one.folder, draft)
            draft.rename(target)
        held.append(Held(task, one.name, one.version, name, digest))
    _sweep(beside.parent, [one.folder for one in held])
    return tuple(held)


def _sweep(folder: Path, named: Sequence[str]) -> None:
    """Remove the oldest copies; never those that are named."""
    copies = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in copies[:-KEPT]:
        if path.name not in named:
            shutil.rmtree(path, ignore_errors=True)


def loaded(handover: Handover, path: Path, business: Business) -> dict[TaskName, Champion]:
    """The models that a file at `path` hands over, checked byte for byte and against the configuration.

    Raises InputProblem: bad_bundle (other bytes than were handed over, or unreadable), definition_changed,
    custom_changed, mixed_catalogues.
    """
    found: dict[TaskName, Champion] = {}
    asked = definitions(business)
    for one in handover.held:
        folder = path.parent / one.folder
        if not folder.is_dir() or folder_sha256(folder) != one.sha256:
            raise InputProblem(f"{folder} is not the copy of {one.name}/{one.version} that was made.", "bad_bundle")
        champion = Champion(one.task, one.name, one.version, folder, load_bundle(folder))
        if one.task in asked:
            same_question(asked[one.task], champion)
            found[one.task] = ready(champion, business)
    if not found:
        raise InputProblem(f"{path} hands over no model for {', '.join(asked)}.", "missing_champion")
    same_catalogue(found)
    return found
