"""Run as a program: register models again and again, killed (SIGKILL) just before or after one step into the registry.

Prints one line a try: the step, how the process ended, then the champion, the number of versions, how many of these have
their files and a verdict, and the runs that are RUNNING; how the next training ended, and the same four again.
It forks before any library starts threads.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import pandas as pd

from features.business import read_business
from features.progress import Silent
from tests.training.test_recording import NOW, finished
from training.bundle import load_bundle
from training.keeping import recording, registry, runs
from training.keeping.identity import SHA256
from training.keeping.recording import Made, Training, record
from training.keeping.versions import PROMOTED, versions

STEPS = (
    ("log_bundle", "after"), ("create_model_version", "before"), ("create_model_version", "after"),
    ("set_registered_model_alias", "before"), ("set_registered_model_alias", "after"),
)  # fmt: skip


def prepare(folder: Path) -> None:
    """A finished model on disk, so that nobody else has to train."""
    made = finished()
    made.bundle.save(folder)
    made.holdout.to_parquet(folder / "holdout.parquet")
    made.example.to_parquet(folder / "example.parquet")


def newer(folder: Path, number: int) -> Made:
    """The model as if of ever newer data, so that the judge promotes it."""
    bundle = load_bundle(folder)
    until = bundle.origin.until
    origin = replace(bundle.origin, until=until + number, cutoffs=(until,))
    frames = [pd.read_parquet(folder / f"{name}.parquet") for name in ("holdout", "example")]
    return Made(replace(bundle, origin=origin), *frames, NOW // 1000)


def killed(step: str, when: str) -> None:
    """Kill this process when it comes to the step, or has done it."""
    owner: Any = runs if hasattr(runs, step) else mlflow.MlflowClient
    work: Callable[..., Any] = getattr(owner, step)

    def instead(*args: Any, **named: Any) -> Any:
        if when == "after":
            work(*args, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, step, instead)


def in_a_child(task: Callable[..., None], *args: Any) -> int:
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            task(*args)
            sys.stdout.flush()
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def train(config: Path, number: int, *kill: str) -> None:
    """kill: the step and when, or nothing."""
    if kill:
        killed(*kill)
    business = read_business(config)
    nobody_predicts_anew: Any = None
    record(Training(business, business, NOW), [newer(config.parent, number)], nobody_predicts_anew, Silent())


def tell_and_train(config: Path, number: int) -> None:
    tell(config)
    train(config, number)
    tell(config)


def tell(config: Path) -> None:
    """The state of the registry in four words."""
    business = read_business(config)
    held = registry.champions(business)["churn"]
    with registry.connected(business) as client:
        found = versions(client, "churn")
        whole = [one for one in found if PROMOTED in one.tags and recording._whole(one, one.tags[SHA256])]
        experiment = client.get_experiment_by_name(runs.EXPERIMENT).experiment_id
        running = len(client.search_runs([experiment], "attributes.status = 'RUNNING'"))
    print(held.version, len(found), len(whole), running, end=" ")


def main(config: Path) -> None:
    recording.report_plots = lambda report, rung: {}
    assert in_a_child(prepare, config.parent) == 0
    assert in_a_child(train, config, 1) == 0
    for number, (step, when) in enumerate(STEPS):
        print(step, when, in_a_child(train, config, 2 * number + 2, step, when), end=" ")
        print(in_a_child(tell_and_train, config, 2 * number + 3), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
