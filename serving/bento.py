"""Pack the service with its champions into a bento, which starts from any folder without registry or network."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import requires
from pathlib import Path

import bentoml

from features.business import read_business
from features.progress import Progress
from serving.champions.handover import Handover, copied, write_handover
from serving.champions.rehearsal import rehearse
from serving.interface.keys import key_file
from serving.service import BAKED, BROUGHT
from training.keeping.registry import champions

PACKAGES = ("features", "training", "serving")
RECIPE = "bentofile.yaml"  # JSON is YAML
NAME = "winback-service"  # `bentoml serve winback:TAG` first imports an installed module called winback, and us with it


def build(config: Path, progress: Progress) -> str:
    """Build the bento of a business and return its tag, such as winback-service:abc.

    It brings the champions along, and the API keys (as hashes) for as long as its state has none of its own.
    The folder it is built from stays beside winback.toml, so that `bentoml build` can be run in it by hand.
    Raises InputProblem without a champion, or with one that cannot score.
    """
    business = read_business(config)
    folder = business.state / "bento"
    with progress.step("rehearsing the champions"):
        held = champions(business)
        rehearse(held, business.events.time_zone)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / BROUGHT).mkdir(parents=True)
    write_handover(Handover(copied(held, folder / BROUGHT / "handover.json")), folder / BROUGHT / "handover.json")
    if key_file(business).exists():
        shutil.copy(key_file(business), folder / BROUGHT)
    shutil.copy(config, folder / "winback.toml")
    if business.features.custom:
        shutil.copy(business.root / business.features.custom, folder / business.features.custom)
    for package in PACKAGES:
        shutil.copytree(BAKED / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    written = (folder / RECIPE).resolve()
    written.write_text(json.dumps(recipe(), indent=1), "utf-8")
    with progress.step("building the bento"):
        return str(bentoml.bentos.build_bentofile(str(written), build_ctx=str(written.parent)).tag)


def recipe() -> dict[str, object]:
    """What BentoML is told.  Nothing is locked: locking would ask the network, and write an index's address down."""
    needs = [one for one in requires("winback") or () if "extra ==" not in one or "postgres" in one]
    return {
        "service": "serving.service:service",
        "name": NAME,
        "description": "Churn, conversion and lifetime value with reasons, from events as they happen.",
        "include": [*(f"{package}/**" for package in PACKAGES), f"{BROUGHT}/**", "winback.toml", "*.py"],
        "python": {"packages": [one.partition(";")[0].strip() for one in needs], "lock_packages": False},
    }
