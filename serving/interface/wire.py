"""What the servers around us do with a request before we see it, mended: uvicorn's answer to what is no HTTP, and
BentoML's timers."""

from __future__ import annotations

from typing import Any

from bentoml._internal.server.http.traffic import TimeoutMiddleware
from pydantic_core import to_json
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_BODY = to_json(
    {
        "error": {
            "code": "bad_http",
            "message": "The request is not HTTP/1.1 that can be read.",
            "hint": "Check its first line, Content-Length, and that its headers are below 32 KiB together.",
        }
    }
)
_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nx-content-type-options: nosniff\r\n"
    b"cache-control: no-store\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


def speak_our_form() -> None:
    """Replace uvicorn's plain text for a request that it cannot read; once in each worker."""

    def answer(self: Any, msg: str) -> None:
        self.transport.write(_ANSWER)
        self.transport.close()

    H11Protocol.send_400_response = answer  # type: ignore[method-assign]


def keep_no_timers() -> None:
    """Take BentoML's time limit out of the way; once in each worker.

    It starts a timer a request and never cancels it, so that all that a request had in its context (4.8 KiB with
    bentoml 1.4.39) stays in memory until the limit is over, however quickly it was answered. `limits` has our own.
    """

    async def through(self: Any, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    TimeoutMiddleware.__call__ = through  # type: ignore[method-assign]
