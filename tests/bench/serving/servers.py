"""Servers as processes of their own, and what they use: CPU of the whole tree from /proc."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.features.environments import ROOT

SECONDS_TO_START = 120
TICK = os.sysconf("SC_CLK_TCK")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Server:
    """port: on loopback.  process: the head of the tree."""

    port: int
    process: subprocess.Popen[bytes]

    def cpu_s(self) -> float:
        """User and system seconds of all its processes that live."""
        return sum(_cpu_ticks(pid) for pid in _tree(self.process.pid)) / TICK


@contextmanager
def winback(config: Path, work: Path) -> Iterator[Server]:
    """`winback serve` with one worker, and the methods that do nothing beside it."""
    port = free_port()
    code = f"from tests.bench.serving.beside import run; run({str(config)!r}, {port})"
    with running([sys.executable, "-c", code], port, "/readyz", work / "winback.log", {}) as server:
        yield server


@contextmanager
def mlflow_serve(model: Path, work: Path) -> Iterator[Server]:
    """`mlflow models serve` with its own defaults in this environment, one thread for whoever asks."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model), "-h", "127.0.0.1", "-p", str(port),
               "--env-manager", "local"]  # fmt: skip
    with running(command, port, "/ping", work / "mlflow.log", {}) as server:
        yield server


@contextmanager
def running(command: Sequence[str], port: int, ready: str, log: Path, more: dict[str, str]) -> Iterator[Server]:
    """A server in a session of its own, until the block ends; ready: the path that answers once it is."""
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT), **more}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment.pop("MLFLOW_TRACKING_URI", None)
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out, env=environment, cwd=ROOT, start_new_session=True) as process,
    ):
        try:
            _wait(f"http://127.0.0.1:{port}{ready}", process, log)
            yield Server(port, process)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """The whole group, which is a session of its own."""
    for how in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            return
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            continue


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"{url} did not answer:\n{log.read_text('utf-8', 'replace')[-3000:]}")


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def _tree(root: int) -> set[int]:
    """The process and all below it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(_fields(int(entry.name))[1])
            except OSError:
                continue  # it ended while we looked
    found, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found


def _cpu_ticks(pid: int) -> int:
    try:
        fields = _fields(pid)
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name, which may hold anything: state, parent, ..., utime, stime."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
