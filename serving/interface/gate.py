"""The gate before BentoML: the interface answers every path itself, before BentoML's router.

Only the static files of the page of documentation are let through: nothing that BentoML would answer in another form,
or with what a caller sent in its log, can be reached.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.interface.exchange import Exchange
from serving.interface.http import LISTED, Interface, problem, wrong_method
from serving.interface.limits import Limits
from serving.interface.route import JSON, Reply

FILES = "/static_content/"


class Gate:
    """Puts the interface before BentoML's own routes."""

    def __init__(self, app: ASGIApp, interface: Interface) -> None:
        self._below, self._interface = app, interface

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            return await _no_socket(scope, send)
        if scope["type"] != "http":
            return await self._below(scope, receive, send)
        if not scope["path"].startswith(FILES):
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
        return problem(404, "not_found", f"There is nothing at {path[:100]}.", LISTED)
    if status == 405:
        wrong = wrong_method(path, "GET, HEAD")
        return problem(405, wrong.code, wrong.message, wrong.hint, wrong.headers)
    return problem(status, "failed" if status >= 500 else "bad_request", "The request could not be answered.", LISTED)
