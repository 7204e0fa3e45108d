"""HTTP: requests in, answers out, and every error in one form."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext

from opentelemetry.trace import get_current_span
from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from features.online.store import StoreUnavailable
from serving.interface.exchange import Exchange, GoneError
from serving.interface.limits import MIB, Limits
from serving.interface.logs import Log
from serving.interface.parsing import parse
from serving.interface.requests import SOON, Headers, Refusal
from serving.interface.route import JSON, Call, Reply, Route
from serving.interface.state import State
from serving.interface.table import routes
from serving.live import Live

QUIET = {"/livez", "/readyz", "/metrics"}  # asked every few seconds: only their errors are worth a line


class Interface:
    """The ASGI application; `state` says what answers."""

    def __init__(self, table: Iterable[Route], limits: Limits, log: Log, clock: Callable[[], int]) -> None:
        self.state = State(limits)
        self._limits, self._log, self._clock = limits, log, clock
        self._table: dict[tuple[str, str], Route] = {(route.method, route.path): route for route in table}
        self._one_large = threading.Lock()
        self._pool = ThreadPoolExecutor(limits.threads, "winback-answer")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send, self._limits)
        try:
            reply = await self._reply(exchange)
            await exchange.answer(reply, self.state.room)
        finally:
            if exchange.entered:
                self.state.room.leave(exchange.held)
                self.state.metrics.running(self.state.room.requests)
        self._tell(exchange, reply)

    async def _reply(self, exchange: Exchange) -> Reply:
        """What to answer, whatever goes wrong."""
        try:
            return await self._routed(exchange)
        except Refusal as refusal:
            return problem(refusal.status, refusal.code, refusal.message, refusal.hint, refusal.headers)
        except GoneError:
            return problem(400, "incomplete_body", "The connection ended before the body did.", "Send it again.")
        except StoreUnavailable as error:
            self._log.line(self._clock(), level="error", request=exchange.id, failed="store", said=str(error))
            return problem(503, "store_unavailable", "The store of histories cannot answer now.", _AGAIN, SOON)
        except Exception as error:
            self._log.failed(self._clock(), exchange.id, error)
            hint = f"Report request {exchange.id}; the service's log has the cause."
            return problem(500, "internal_error", "The service failed to answer.", hint)

    async def _routed(self, exchange: Exchange) -> Reply:
        exchange.check_headers()
        route = exchange.route = self._route(exchange.method, exchange.path)
        if route.scope is not None:
            exchange.key = self.state.key(exchange.token(), route.scope)
        live, now = self.state.live, self._clock()
        if route.request is None:
            call = Call(self.state, live, None, now, exchange.laps, exchange.accept, exchange.note)
            if inspect.iscoroutinefunction(route.answer):
                return _finished(await route.answer(call), call)
            return await self._worked(lambda: _finished(route.answer(call), call))
        self.state.room.enter(exchange.declared)
        exchange.entered = True
        self.state.metrics.running(self.state.room.requests)
        body = await exchange.body(self.state.room)
        return await self._worked(self._work(exchange, route, live, body, now))

    def _work(self, exchange: Exchange, route: Route, live: Live, body: bytes, now: int) -> Callable[[], Reply]:
        def work() -> Reply:
            exchange.laps.lap("wait")
            # a body made to be read badly takes 40 times its size for a moment: large ones are read one at a time
            with self._one_large if len(body) > MIB else nullcontext():
                asked = parse(route.request, body)  # type: ignore[arg-type,type-var]
            exchange.laps.lap("parse")
            call = Call(self.state, live, asked, now, exchange.laps, exchange.accept, exchange.note)
            return _finished(route.answer(call), call)

        return work

    async def _worked(self, work: Callable[[], Reply]) -> Reply:
        """The work done in a thread; Refusal when none was free in time, and then nothing was begun."""
        job: Future[Reply] = self._pool.submit(work)
        timer = asyncio.get_running_loop().call_later(self._limits.wait_seconds, job.cancel)
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not job.cancelled() or (task is not None and task.cancelling()):
                raise
            said = f"No thread was free within {self._limits.wait_seconds:g} s."
            raise Refusal(503, "no_thread_in_time", said, _AGAIN, SOON) from None
        finally:
            timer.cancel()

    def _route(self, method: str, path: str) -> Route:
        route = self._table.get(("GET" if method == "HEAD" else method, path))
        if route is not None:
            return route
        if known := [name for name, other in self._table if other == path]:
            allowed = ", ".join([*known, *(["HEAD"] if "GET" in known else [])])
            raise wrong_method(path, allowed)
        raise Refusal(404, "not_found", f"There is nothing at {path[:100]}.", LISTED)

    def _tell(self, exchange: Exchange, reply: Reply) -> None:
        """What became of it, in figures and a line of the log."""
        route = exchange.route.path if exchange.route else "other"
        spent = time.perf_counter() - exchange.begun
        self.state.metrics.answered(route, reply.status, reply.code, spent, exchange.laps)
        stages = {stage: round(1000 * seconds, 2) for stage, seconds in exchange.laps.seconds.items()}
        span = get_current_span()
        if span.is_recording():  # somebody collects traces
            span.set_attributes({f"winback.{stage}_ms": spent for stage, spent in stages.items()})
        if reply.status < 400 and route in QUIET:
            return
        said = {"request": exchange.id, "method": exchange.method, "route": route, "status": reply.status}
        if reply.code:
            said["code"] = reply.code
        if exchange.key:
            said["key"] = exchange.key.name
        self._log.line(self._clock(), **said, ms=round(1000 * spent, 2), stages=stages, **exchange.note)


_AGAIN = "Send the same request again; an event that was stored already counts once."
LISTED = "GET / lists what there is."


def problem(status: int, code: str, message: str, hint: str, headers: Headers = ()) -> Reply:
    """DESIGN.md's error body."""
    body = to_json({"error": {"code": code, "message": message, "hint": hint}})
    return Reply(body, JSON, status, headers, code)


def wrong_method(path: str, allowed: str) -> Refusal:
    """A path that answers other methods."""
    said = f"{path[:100]} does not answer this method."
    return Refusal(405, "wrong_method", said, f"Use {allowed}.", ((b"allow", allowed.encode()),))


def _finished(said: object, call: Call) -> Reply:
    if isinstance(said, Reply):
        return said
    body = to_json(said, inf_nan_mode="null")
    call.laps.lap("encode")
    return Reply(body)


def application(limits: Limits | None = None, log: Log | None = None) -> Interface:
    """The interface of a worker; it answers once `state.lock` and `state.live` have been set."""
    return Interface(routes(), limits or Limits(), log or Log(), _clock())


def _clock() -> Callable[[], int]:
    """The time in microseconds UTC, which stands still while the machine's clock is set back: what was once in the past
    stays so, and no event is refused for being newer than a clock that jumped."""
    latest = 0

    def now() -> int:
        nonlocal latest
        latest = max(latest, time.time_ns() // 1000)
        return latest

    return now
