"""One load on one server, measured from both sides: latencies by the client, CPU of the server's whole tree."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.bench.features.environments import ROOT
from tests.bench.serving.servers import Server


@dataclass(frozen=True)
class Load:
    """What is asked of whom.  bodies: JSON texts, in turns."""

    name: str
    server: Server
    path: str
    bodies: Sequence[str]
    clients: int = 1


@dataclass(frozen=True)
class Measured:
    """Medians over the rounds.  cpu_ms: of the server a request; spread: of cpu_ms, smallest and largest round."""

    name: str
    clients: int
    requests: int
    cpu_ms: float
    spread: tuple[float, float]
    p50_ms: float
    p99_ms: float
    a_second: float


def measured_in_turns(loads: Sequence[Load], rounds: int, seconds: float) -> dict[str, Measured]:
    """Every load once a round, so that the neighbours treat all alike; a round that warms up is not counted.

    Raises RuntimeError when an answer is not 200.
    """
    for load in loads:
        _once(load, 1.0)
    found: dict[str, list[Measured]] = {load.name: [] for load in loads}
    for _ in range(rounds):
        for load in loads:
            found[load.name].append(_once(load, seconds))
    return {name: _together(runs) for name, runs in found.items()}


def _once(load: Load, seconds: float) -> Measured:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(list(load.bodies), file)
        file.flush()
        command = [sys.executable, "-m", "tests.bench.serving.client", str(load.server.port), load.path, file.name,
                   str(load.clients), str(seconds)]  # fmt: skip
        before = load.server.cpu_s()
        said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, timeout=seconds + 60)
        used = load.server.cpu_s() - before
    told = json.loads(said.stdout)
    latencies = np.array(told["latencies_ms"])
    if told["failed"] or not len(latencies):
        raise RuntimeError(f"{load.name}: {told['failed']} of {len(latencies)} answers were not 200")
    cpu_ms = 1e3 * used / len(latencies)
    p50, p99 = np.quantile(latencies, (0.5, 0.99))
    a_second = len(latencies) / told["seconds"]
    return Measured(load.name, load.clients, len(latencies), cpu_ms, (cpu_ms, cpu_ms), float(p50), float(p99), a_second)


def _together(runs: Sequence[Measured]) -> Measured:
    def middle(name: str) -> float:
        return statistics.median(getattr(run, name) for run in runs)

    each = [run.cpu_ms for run in runs]
    return Measured(
        runs[0].name, runs[0].clients, sum(run.requests for run in runs), middle("cpu_ms"), (min(each), max(each)),
        middle("p50_ms"), middle("p99_ms"), middle("a_second"),
    )  # fmt: skip
