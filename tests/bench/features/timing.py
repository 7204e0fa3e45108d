"""Processes timed in turns: CPU of the whole process and its peak memory, medians of several rounds."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.features.environments import ROOT

ONE_RUN = Path(__file__).with_name("one_run.py")
TWO_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "MKL_NUM_THREADS"), "2")
BYTECODE = ROOT / "bench-results" / "work" / "bytecode"


class CommandFailed(Exception):  # noqa: N818 what happened, not what it is
    """A timed command ended with an error; the message is its last words."""


@dataclass(frozen=True)
class Contestant:
    """A command that is timed as a whole process.

    out: the features it writes, if its values are compared.  before: what is done, untimed, before each run.
    """

    name: str
    command: Sequence[str]
    out: Path | None = None
    before: Callable[[], None] | None = None


@dataclass(frozen=True)
class Run:
    """cpu_s: user and system time.  peak_mib: of the largest process.  stdout: what it printed."""

    wall_s: float
    cpu_s: float
    system_s: float
    peak_mib: float
    stdout: str = ""


@dataclass
class Timing:
    """All runs of one contestant."""

    runs: list[Run] = field(default_factory=list)

    @property
    def cpu_s(self) -> float:
        return statistics.median(run.cpu_s for run in self.runs)

    @property
    def wall_s(self) -> float:
        return statistics.median(run.wall_s for run in self.runs)

    @property
    def system_s(self) -> float:
        return statistics.median(run.system_s for run in self.runs)

    @property
    def peak_mib(self) -> float:
        return max(run.peak_mib for run in self.runs)

    def summary(self) -> dict[str, float | int | list[float]]:
        return {
            "cpu_s": self.cpu_s, "system_s": self.system_s, "wall_s": self.wall_s, "peak_mib": self.peak_mib,
            "runs": len(self.runs), "cpu_s_of_each_run": [run.cpu_s for run in self.runs],
        }  # fmt: skip


def timed(command: Sequence[str], extra: dict[str, str] | None = None) -> Run:
    """Run a command once; raises CommandFailed.

    Two threads for whoever asks the environment, and Python's bytecode in a cache of the bench's own: compiled once for
    everybody, also where an environment was installed without it or PYTHONDONTWRITEBYTECODE is set.
    """
    environment = {**os.environ, **TWO_THREADS, "OPENBLAS_NUM_THREADS": "1", "PYTHONPYCACHEPREFIX": str(BYTECODE)}
    environment = {**environment, "PYTHONDONTWRITEBYTECODE": "", **(extra or {})}
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        launcher = [sys.executable, "-I", "-S", str(ONE_RUN), str(result), *map(str, command)]
        ran = subprocess.run(launcher, env=environment, capture_output=True, text=True, cwd=ROOT)
        if not result.exists():
            raise CommandFailed(ran.stderr[-1000:])
        used = json.loads(result.read_text())
    if code := used.pop("code"):
        last = " / ".join(ran.stderr.strip().splitlines()[-3:])
        raise CommandFailed(f"exit {code}: {last[-1000:]}")
    return Run(**used, stdout=ran.stdout)


def in_turns(contestants: Sequence[Contestant], rounds: int) -> dict[str, Timing]:
    """Every contestant once a round, so that the page cache and the neighbours treat all alike."""
    timings = {contestant.name: Timing() for contestant in contestants}
    for round_ in range(rounds):
        for contestant in contestants:
            if contestant.before:
                contestant.before()
            if contestant.out:
                contestant.out.unlink(missing_ok=True)
            run = timed(contestant.command)
            timings[contestant.name].runs.append(run)
            print(
                f"  round {round_ + 1}/{rounds}  {contestant.name:<40} {run.cpu_s:8.2f} CPU-s  {run.wall_s:7.2f} s  "
                f"{run.peak_mib:7,.0f} MiB", file=sys.stderr, flush=True,
            )  # fmt: skip
    return timings
