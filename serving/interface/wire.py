"""What cannot be read as HTTP at all is answered by the server below us; this brings that answer into our form too."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json
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
