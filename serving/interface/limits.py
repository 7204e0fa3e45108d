"""How much a worker takes on at once, and the clear answer when it is more: nothing waits in growing memory."""

from __future__ import annotations

from dataclasses import dataclass

from serving.interface.requests import SOON, Refusal

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Of one worker process.

    header_bytes: the largest headers, together.  body_bytes: the largest body.  requests: being answered at once.
    held_bytes: of bodies and answers in memory at once.  threads: that work at the same time; requests beyond them
    wait.  body_seconds: for a body to arrive.  wait_seconds: for a thread.  send_seconds: for a caller to take the
    answer.
    """

    header_bytes: int = 32 * 1024
    body_bytes: int = 8 * MIB
    requests: int = 128
    held_bytes: int = 64 * MIB
    threads: int = 4
    body_seconds: float = 30.0
    wait_seconds: float = 20.0
    send_seconds: float = 120.0


class Room:
    """What a worker is at, counted; used from the event loop's thread alone."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.requests = 0
        self.held = 0

    def enter(self, declared: int) -> None:
        """Begin with a request whose body is said to have so many bytes; raises Refusal when there is no room."""
        if declared > self._limits.body_bytes:
            raise self.too_large()
        if self.requests >= self._limits.requests or self.held + declared > self._limits.held_bytes:
            raise _busy()
        self.requests += 1

    def hold(self, size: int, so_far: int) -> None:
        """Keep `size` more bytes of a body that has `so_far` already; raises Refusal when it grows too large."""
        if so_far + size > self._limits.body_bytes:
            raise self.too_large()
        if self.held + size > self._limits.held_bytes:
            raise _busy()
        self.held += size

    def leave(self, held: int) -> None:
        """Done with a request that held so many bytes."""
        self.requests -= 1
        self.held -= held

    def too_large(self) -> Refusal:
        said = f"The body is larger than {self._limits.body_bytes / MIB:.3g} MiB."
        return Refusal(413, "too_large", said, "Send it in several requests.")


def _busy() -> Refusal:
    hint = "Send the same request again after the seconds of Retry-After; nothing of it was done."
    return Refusal(429, "too_busy", "The service is answering as many requests as it can.", hint, SOON)
