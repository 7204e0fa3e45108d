"""HTTP: requests in, answers out, and every error in one form."""

from __future__ import annotations

import logging
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio.to_thread
from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.online.store import StoreUnavailable
from serving.live import Live
from serving.openapi import DOCS_PAGE, described
from serving.requests import EventsRequest, Refusal, ScoreRequest, parse

LARGEST_BODY = 16 * 1024 * 1024
log = logging.getLogger("bentoml.winback")  # BentoML decides where its loggers write
Handler = Callable[[Live, bytes, int], dict[str, Any]]


def _score(live: Live, body: bytes, now: int) -> dict[str, Any]:
    return live.score(parse(ScoreRequest, body), now)


def _events(live: Live, body: bytes, now: int) -> dict[str, Any]:
    return live.accept(parse(EventsRequest, body), now)


def _answering(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that reads JSON, calls, and answers; what goes wrong becomes DESIGN.md's error body."""

    async def endpoint(request: Request) -> Response:
        try:
            body = await _body(request)
            now = time.time_ns() // 1000
            answer = await anyio.to_thread.run_sync(handler, request.app.state.live, body, now)
            return Response(to_json(answer, inf_nan_mode="null"), media_type="application/json")
        except Refusal as refusal:
            return problem(refusal.status, refusal.code, refusal.message, refusal.hint)
        except StoreUnavailable as error:
            log.error("%s", error)
            hint = "Send the same request again; an event that was stored already counts once."
            return problem(
                503, "store_unavailable", "The store of histories cannot answer now.", hint, {"Retry-After": "1"}
            )
        except ClientDisconnect:
            return problem(
                400, "incomplete_body", "The connection ended before the body did.", "Send the request again."
            )
        except Exception as error:
            return unexpected(error)

    return endpoint


async def _body(request: Request) -> bytes:
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" or request.headers.get("content-encoding", "identity") != "identity":
        hint = "Send uncompressed JSON with the header 'Content-Type: application/json'."
        raise Refusal(415, "not_json", f"The body is {kind[:60] or 'of no type'}, not plain JSON.", hint)
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > LARGEST_BODY:
            raise Refusal(
                413, "too_large", f"The body is larger than {LARGEST_BODY >> 20} MiB.", "Send it in several requests."
            )
        pieces.append(piece)
    return b"".join(pieces)


def problem(status: int, code: str, message: str, hint: str, headers: Mapping[str, str] | None = None) -> Response:
    """DESIGN.md's error body."""
    body = to_json({"error": {"code": code, "message": message, "hint": hint}})
    return Response(body, status, headers, media_type="application/json")


def unexpected(error: BaseException) -> Response:
    """A 500 that says nothing of the inside; the log gets the place, without values, which may be somebody's data."""
    request_id = uuid.uuid4().hex
    log.error(
        "request %s failed: %s\n%s", request_id, type(error).__name__, "".join(traceback.format_tb(error.__traceback__))
    )
    hint = f"Report request {request_id}; the service's log has the cause."
    return problem(500, "internal_error", "The service failed to answer.", hint)


class ErrorForm:
    """Brings the errors of everything below it (BentoML's probes, unknown paths and methods) into DESIGN.md's form."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started = replaced = False

        async def forward(message: Message) -> None:
            nonlocal started, replaced
            if message["type"] == "http.response.start" and _is_foreign_error(message):
                replaced = True
                await _restated(message, scope["path"])(scope, receive, send)
            elif not replaced:
                await send(message)
            started = True

        try:
            await self.app(scope, receive, forward)
        except Exception as error:
            response = unexpected(error)
            if not started:
                await response(scope, receive, send)


def _is_foreign_error(start: Message) -> bool:
    kind = dict(start["headers"]).get(b"content-type", b"")
    return int(start["status"]) >= 400 and kind != b"application/json"


def _restated(start: Message, path: str) -> Response:
    status, headers = (
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"] if name == b"allow"},
    )
    if status == 404:
        return problem(404, "not_found", f"There is nothing at {path[:100]}.", "GET / lists what there is.")
    if status == 405:
        allowed = headers.get("allow", "another method")
        return problem(405, "wrong_method", f"{path[:100]} does not answer this method.", f"Use {allowed}.", headers)
    if path == "/readyz":
        return problem(503, "not_ready", "The service is not ready.", "Ask again in a second.", {"Retry-After": "1"})
    return problem(
        status,
        "failed" if status >= 500 else "bad_request",
        "The request could not be answered.",
        "GET / lists what there is.",
    )


async def _index(request: Request) -> Response:
    live: Live = request.app.state.live
    listing = {
        "service": "winback",
        "models": live.models,
        "endpoints": {
            "POST /score": "scores of 1 to 10,000 users, with reasons", "POST /events": "take in 1 to 5,000 events",
            "GET /docs": "this interface, to read and to try", "GET /docs.json": "the same as OpenAPI",
            "GET /livez": "alive", "GET /readyz": "ready to answer", "GET /metrics": "for Prometheus",
        },
    }  # fmt: skip
    return Response(to_json(listing, indent=1), media_type="application/json")


async def _docs(_: Request) -> Response:
    return HTMLResponse(DOCS_PAGE)


async def _openapi(request: Request) -> Response:
    return Response(to_json(described(request.app.state.probes)), media_type="application/json")


def application() -> Starlette:
    """The routes; `state.live` answers them, `state.probes` are the OpenAPI paths of what is served beside them."""
    return Starlette(routes=[
        Route("/", _index), Route("/docs", _docs), Route("/docs.json", _openapi),
        Route("/score", _answering(_score), methods=["POST"]), Route("/events", _answering(_events), methods=["POST"]),
    ])  # fmt: skip
