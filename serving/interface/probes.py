"""Alive and ready: what an orchestrator asks, answered before anything else and without a key."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from pydantic import Field
from pydantic_core import to_json

from features.clock import SECOND
from features.online.store import Store, StoreUnavailable
from serving.interface.metrics import MEDIA
from serving.interface.requests import SOON, Fault, Strict
from serving.interface.route import Call, Reply

FRESH_SECONDS = 1.0  # the store is not asked more often, however many ask us
STORE_SECONDS = 3.0  # a store that takes longer cannot answer anybody


class Alive(Strict):
    """The event loop turns."""

    status: Literal["alive"]


class Watch(Strict):
    """What the watch over the registry knows.

    registry: "reachable", or that it is not, in which case the service runs on with what it has.
    refused: why a newer version did not take over, one sentence each.  models: the champions of the registry.
    """

    registry: str
    refused: list[str] = Field(default_factory=list)
    models: dict[str, str] = Field(default_factory=dict)


class Readiness(Strict):
    """What the service stands on.

    models: the model behind each question.  store: whether the histories can be read now.  in_flight: requests that
    this worker is at.  watch: null where nobody watches the registry.
    """

    status: Literal["ready", "not ready"]
    models: dict[str, str]
    store: Literal["answers", "unavailable"]
    in_flight: int
    watch: Watch | None


class NotReady(Strict):
    """An error body that also says what is missing."""

    error: Fault
    readiness: Readiness


class Probes:
    """Asks the store once a second at most, on a thread of its own, so that a busy service still answers."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "winback-probe")
        self._asked, self._answer = -FRESH_SECONDS, None  # type: float, asyncio.Future[int | None] | None

    async def alive(self, _: Call) -> dict[str, Any]:
        """For /livez."""
        return {"status": "alive"}

    async def ready(self, call: Call) -> Reply:
        """For /readyz: champions are loaded and the store answers, else 503 with the same in detail."""
        report = call.state.watch_report
        answers = await self._store_answers(call)
        readiness = {
            "status": "ready" if answers else "not ready",
            "models": call.live.models,
            "store": "answers" if answers else "unavailable",
            "in_flight": call.state.room.requests,
            "watch": None if report is None else report(),
        }
        if answers:
            return Reply(to_json(readiness))
        fault = {
            "code": "not_ready",
            "message": "The store of histories cannot answer now.",
            "hint": "Ask again in a second.",
        }
        body = to_json({"error": fault, "readiness": readiness})
        return Reply(body, status=503, headers=SOON, code="not_ready")

    async def metrics(self, call: Call) -> Reply:
        """For /metrics."""
        await self._store_answers(call)
        text = await asyncio.get_running_loop().run_in_executor(None, call.state.metrics.text)
        return Reply(text, MEDIA)

    async def _store_answers(self, call: Call) -> bool:
        """Whether the store answers; the newest event that it tells of becomes the lag of the metrics."""
        if self._answer is None or (self._answer.done() and time.monotonic() - self._asked >= FRESH_SECONDS):
            self._asked = time.monotonic()
            self._answer = asyncio.get_running_loop().run_in_executor(self._pool, _frontier, call.live.store)
        try:
            frontier = await asyncio.wait_for(asyncio.shield(self._answer), STORE_SECONDS)
        except (TimeoutError, StoreUnavailable):
            return False
        if frontier is not None:
            call.state.metrics.lag(max(0.0, (call.now - frontier) / SECOND))
        return True


def _frontier(store: Store) -> int | None:
    return store.read(()).frontier
