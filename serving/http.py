"""HTTP: requests in, answers out, and every error in one form.

An ASGI middleware answers every path of the interface itself, before BentoML's router, and lets through only the
static files of the page of documentation: nothing that BentoML would answer in another form can be reached.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from opentelemetry.trace import get_current_span
from pydantic_core import to_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.online.store import StoreUnavailable
from serving.exchange import Exchange, GoneError
from serving.interface import routes
from serving.limits import Limits
from serving.live import Live
from serving.logs import Log
from serving.parsing import parse
from serving.requests import SOON, Headers, Refusal
from serving.route import JSON, Call, Reply, Route
from serving.state import State

FILES = "/static_content/"
QUIET = {"/livez", "/readyz", "/metrics"}  # asked every few seconds: only their errors are worth a line


class Interface:
    """The ASGI application; `state` says what answers."""

    def __init__(self, table: Iterable[Route], limits: Limits, log: Log, clock: Callable[[], int]) -> None:
        self.state = State(limits)
        self._limits, self._log, self._clock = limits, log, clock
        self._table: dict[tuple[str, str], Route] = {(route.method, route.path): route for route in table}
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

    def owns(self, path: str) -> bool:
        """Whether this answers, rather than what lies below."""
        return not path.startswith(FILES)

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
            raise _wrong_method(path, allowed)
        raise Refusal(404, "not_found", f"There is nothing at {path[:100]}.", _LISTED)

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


class Gate:
    """Puts the interface before BentoML's own routes."""

    def __init__(self, app: ASGIApp, interface: Interface) -> None:
        self._below, self._interface = app, interface

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            return await _no_socket(scope, send)
        if scope["type"] != "http":
            return await self._below(scope, receive, send)
        if self._interface.owns(scope["path"]):
            return await self._interface(scope, receive, send)
        return await self._through(scope, receive, send)

    async def _through(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A static file, with our headers; an error of those below, in our form."""
        exchange = Exchange(scope, receive, send, Limits())
        replaced = False

        async def forward(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start":
                if message["status"] >= 400:
                    replaced = True
                    await exchange.answer(_restated(message["status"], scope["path"]))
                message["headers"] = [*message["headers"], *exchange.own_headers()]
            if not replaced:
                await send(message)

        await self._below(scope, receive, forward)


_AGAIN = "Send the same request again; an event that was stored already counts once."
_LISTED = "GET / lists what there is."


def problem(status: int, code: str, message: str, hint: str, headers: Headers = ()) -> Reply:
    """DESIGN.md's error body."""
    body = to_json({"error": {"code": code, "message": message, "hint": hint}})
    return Reply(body, JSON, status, headers, code)


def _wrong_method(path: str, allowed: str) -> Refusal:
    said = f"{path[:100]} does not answer this method."
    return Refusal(405, "wrong_method", said, f"Use {allowed}.", ((b"allow", allowed.encode()),))


def _finished(said: object, call: Call) -> Reply:
    if isinstance(said, Reply):
        return said
    body = to_json(said, inf_nan_mode="null")
    call.laps.lap("encode")
    return Reply(body)


async def _no_socket(scope: Scope, send: Send) -> None:
    """There are no web sockets here."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        return await send({"type": "websocket.close"})
    reply = _restated(404, scope["path"])
    headers = [(b"content-type", JSON.encode()), (b"content-length", str(len(reply.body)).encode())]
    await send({"type": "websocket.http.response.start", "status": 404, "headers": headers})
    return await send({"type": "websocket.http.response.body", "body": reply.body})


def _restated(status: int, path: str) -> Reply:
    if status == 404:
        return problem(404, "not_found", f"There is nothing at {path[:100]}.", _LISTED)
    if status == 405:
        wrong = _wrong_method(path, "GET, HEAD")
        return problem(405, wrong.code, wrong.message, wrong.hint, wrong.headers)
    return problem(status, "failed" if status >= 500 else "bad_request", "The request could not be answered.", _LISTED)


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
