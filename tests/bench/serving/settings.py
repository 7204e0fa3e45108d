"""python -m tests.bench.serving.settings: what BentoML's own settings cost an empty API method, side by side."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import bentoml

from tests.bench.serving.loads import Load, measured_in_turns
from tests.bench.serving.servers import free_port, running


class Nothing:
    """An API method that answers {}."""

    @bentoml.api
    async def noop(self) -> dict[str, str]:
        return {}


def _with(access: bool, metrics: bool) -> object:
    settings = {"logging": {"access": {"enabled": access}}, "metrics": {"enabled": metrics}}
    return bentoml.service(name="nothing", **settings)(Nothing)


as_delivered, without_access_log, without_metrics, as_ours = (
    _with(True, True), _with(False, True), _with(True, False), _with(False, False),
)  # fmt: skip
NAMES = ("as_delivered", "without_access_log", "without_metrics", "as_ours")


def main() -> None:
    """Print CPU ms a request of each."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        loads = []
        for name in NAMES:
            port = free_port()
            code = f"from tests.bench.serving.settings import {name} as it; it.serve_http(host='127.0.0.1', port={port})"
            command = [sys.executable, "-c", code]
            server = stack.enter_context(running(command, port, "/readyz", folder / f"{name}.log", {"BENTOML_QUIET": "1"}))
            loads.append(Load(name, server, "/noop", ["{}"]))
        for name, found in measured_in_turns(loads, rounds=3, seconds=3).items():
            print(f"{name:20} {found.cpu_ms:.2f} ms CPU a request ({found.spread[0]:.2f} to {found.spread[1]:.2f})")


if __name__ == "__main__":
    main()
