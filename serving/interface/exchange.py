"""One request and its answer on the wire: headers, a body of bounded size and time, pieces of an answer."""

from __future__ import annotations

import asyncio
import os
import re
import time
from contextlib import suppress

from starlette.types import Message, Receive, Scope, Send

from serving.interface.keys import Key
from serving.interface.laps import Laps
from serving.interface.limits import Limits, Room
from serving.interface.requests import Refusal
from serving.interface.route import JSON, Reply, Route

PIECE = 256 * 1024
LITTLE = 64 * 1024  # an unread body up to here is read away by the server
LINGER_SECONDS, LINGER_BYTES = 10.0, 64 * 1024 * 1024
_DIGITS = 18  # more of them are too large however they go on
_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
)
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


class GoneError(Exception):
    """The caller hung up."""


class Exchange:
    """What is known of a request while it is answered; every attribute belongs to this request alone."""

    __slots__ = (
        "_complete", "_headers", "_limits", "_receive", "_scope", "_send", "begun", "declared", "entered", "held",
        "id", "key", "laps", "method", "note", "path", "route",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: Limits) -> None:
        self._scope, self._receive, self._send, self._limits = scope, receive, send, limits
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self.begun = time.perf_counter()
        self.laps = Laps()
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.route: Route | None = None
        self.key: Key | None = None
        self.note: dict[str, int] = {}
        self.entered, self.held = False, 0
        declared = self._headers.get(b"content-length", b"")
        self.declared = int(declared[:_DIGITS]) if declared.isdigit() else 0
        self._complete = not self.declared and b"transfer-encoding" not in self._headers
        sent = self._headers.get(b"x-request-id", b"")
        self.id = sent.decode() if _SANE_ID.fullmatch(sent) else os.urandom(12).hex()

    @property
    def accept(self) -> str:
        """The media types that the caller would like."""
        return self._headers.get(b"accept", b"*/*").decode("latin-1")

    def token(self) -> str | None:
        """The caller's API key, as sent."""
        kind, _, token = self._headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() == b"bearer" and token:
            return token.strip().decode("latin-1")
        sent = self._headers.get(b"x-api-key")
        return sent.decode("latin-1") if sent else None

    def check_headers(self) -> None:
        """Raises Refusal when they are too large together; the server itself bounds only what comes in pieces."""
        if sum(len(name) + len(value) for name, value in self._scope["headers"]) > self._limits.header_bytes:
            said = f"The headers are larger than {self._limits.header_bytes // 1024} KiB together."
            raise Refusal(431, "large_headers", said, "Send fewer or shorter headers; the data belongs into the body.")

    async def body(self, room: Room) -> bytes:
        """The whole body; raises Refusal: of another type, too large, too slow; GoneError without an end."""
        kind = self._headers.get(b"content-type", b"application/json").partition(b";")[0].strip().lower()
        if kind != JSON.encode() or self._headers.get(b"content-encoding", b"identity") != b"identity":
            said = f"The body is {kind[:60].decode('latin-1') or 'of no type'}, not plain JSON."
            hint = "Send uncompressed JSON with the header 'Content-Type: application/json'."
            raise Refusal(415, "not_json", said, hint)
        pieces: list[bytes] = []
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while not self._complete:
                    pieces.append(await self._piece(room))
        except TimeoutError:
            said = f"The body did not arrive within {self._limits.body_seconds:g} s."
            raise Refusal(408, "slow_body", said, "Send it in several requests, or over a faster line.") from None
        return b"".join(pieces)

    async def _piece(self, room: Room) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._complete = True
            raise GoneError
        piece: bytes = message.get("body", b"")
        self._complete = not message.get("more_body", False)
        room.hold(len(piece), self.held)
        self.held += len(piece)
        return piece

    def own_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of every answer."""
        return [(b"x-request-id", self.id.encode()), *_ALWAYS]

    async def answer(self, reply: Reply, room: Room | None = None) -> None:
        """Send the answer; what nobody takes in time is not kept.

        An answer that comes before the end of a large body says that the connection will close, and what is left of
        the body is read away first: a connection closed over unread bytes would take the answer with it.
        """
        lingering = not self._complete and (self.declared > LITTLE or not self.declared)
        headers = [
            (b"content-type", reply.media.encode()),
            (b"content-length", str(len(reply.body)).encode()),
            *self.own_headers(), *reply.headers,
        ]  # fmt: skip
        if not any(name == _POLICY[0] for name, _ in reply.headers):
            headers.append(_POLICY)
        if lingering:
            headers.append((b"connection", b"close"))
        await self._send({"type": "http.response.start", "status": reply.status, "headers": headers})
        if len(reply.body) <= PIECE and not lingering:
            await self._send({"type": "http.response.body", "body": reply.body})
            return
        if room is not None and self.entered:
            room.held += len(reply.body)
            self.held += len(reply.body)
        try:
            async with asyncio.timeout(self._limits.send_seconds):
                for at in range(0, len(reply.body), PIECE):
                    piece = reply.body[at : at + PIECE]
                    await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError:
            self.note["untaken"] = 1
            return  # the server closes the connection over an answer without an end
        if lingering:
            await self._read_away()
        await self._send({"type": "http.response.body", "body": b""})

    async def _read_away(self) -> None:
        read = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while read < LINGER_BYTES:
                    message: Message = await self._receive()
                    read += len(message.get("body", b""))
                    if message["type"] == "http.disconnect" or not message.get("more_body", False):
                        return
