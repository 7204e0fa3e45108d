"""A real service for tests that kill it, overload it or change what lies under it: one with its own folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.serving.conftest import Shop

SECONDS = 120
LOCAL = "\n[service]\nlocal_without_key = true\nflush_minutes = 0\n"


@dataclass(frozen=True)
class Started:
    """A running service; process: the one that keeps the workers."""

    url: str
    config: Path
    log: Path
    process: subprocess.Popen[bytes]

    def workers(self) -> list[int]:
        """The process ids of the workers that answer."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
                parent = int((path.parent / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            if parent == self.process.pid and b"_bentoml_impl.worker.service" in words:
                found.append(int(path.parent.name))
        return found

    def kill(self) -> None:
        """All of it at once, as when the machine loses its power."""
        for pid in (*self.workers(), self.process.pid):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def wait(self) -> None:
        """Until it answers."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"the service did not start:\n{self.log.read_text('utf-8')}")


def copy_of(shop: Shop, folder: Path) -> Path:
    """The shop in a folder of its own, whose models can be exchanged; returns its winback.toml."""
    shutil.copytree(shop.config.parent, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("serving", "history*"))
    config = folder / "winback.toml"
    text = config.read_text("utf-8")
    config.write_text(text if "[service]" in text else text + LOCAL, "utf-8")
    return config


@contextmanager
def started(config: Path, workers: int = 1, **environment: str) -> Iterator[Started]:
    """`winback serve` in a process of its own, stopped when the block ends."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    log = config.parent / f"serve-{port}.log"
    words = [sys.executable, "-m", "winback", "serve", "--port", str(port), "--workers", str(workers), "--config", str(config)]
    own = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"} | environment
    with log.open("wb") as out, subprocess.Popen(words, stdout=out, stderr=out, env=own, start_new_session=True) as process:
        service = Started(f"http://127.0.0.1:{port}", config, log, process)
        try:
            service.wait()
            yield service
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                service.kill()
                raise
