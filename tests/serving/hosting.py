"""The interface with a table and limits of a test's own, behind a real uvicorn."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from serving.interface.gate import Gate
from serving.interface.http import Interface
from serving.interface.limits import Limits
from serving.interface.logs import Log
from serving.interface.route import Route
from tests.serving.conftest import NOW


@dataclass
class NoModels:
    """A `Live` that nobody asks for scores."""

    models: dict[str, str] = field(default_factory=dict)
    store: Any = None


@dataclass(frozen=True)
class Host:
    """A listening interface.  log: the file of its lines."""

    interface: Interface
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **said: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30, **said)

    def settled(self) -> tuple[int, int]:
        """Requests and bytes that are still held, once everything under way has ended."""
        room = self.interface.state.room
        end = time.monotonic() + 10
        while (room.requests or room.held) and time.monotonic() < end:
            time.sleep(0.01)
        return room.requests, room.held


@contextmanager
def hosted(table: Sequence[Route], folder: Path, limits: Limits | None = None, keys: Path | None = None) -> Iterator[Host]:
    """keys: the file of keys that callers need; none need one without it."""

    async def below(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"Not Found"})

    path = folder / "log.jsonl"
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    interface = Interface(table, limits or Limits(), Log(out), lambda: NOW)
    interface.state.lock(keys or folder / "none", "off" if keys is None else "required")
    interface.state.live = NoModels()  # type: ignore[assignment]
    config = uvicorn.Config(Gate(below, interface), port=0, log_config=None, lifespan="off", server_header=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield Host(interface, server.servers[0].sockets[0].getsockname()[1], path)
    finally:
        server.should_exit = True
        thread.join(15)
        os.close(out)
