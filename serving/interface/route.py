"""One route of the interface as data: answered by it, checked by it, and described by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from serving.interface.keys import Scope
from serving.interface.laps import Laps
from serving.interface.requests import Headers, Strict

if TYPE_CHECKING:
    from serving.interface.state import State
    from serving.live import Live

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler gets.

    live: the models and the store that answer this call from beginning to end.  request: the checked body, None for a
    route without one.  now: microseconds UTC.  accept: the media types that the caller would like, as sent.
    note: figures for the log line; never an id or anything else that a caller sent.
    """

    state: State
    live: Live
    request: Any
    now: int
    laps: Laps
    accept: str = "*/*"
    note: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer on its way.  code: of an error, else None."""

    body: bytes
    media: str = JSON
    status: int = 200
    headers: Headers = ()
    code: str | None = None


@dataclass(frozen=True)
class Route:
    """One line of the table.

    scope: which key may use it; "any" key, or None for everybody without a key.
    answer: a function of a `Call`, run in a thread, or a coroutine function, run in the event loop and never waiting
    for a thread; it returns a `Reply` or what becomes JSON, and raises Refusal.
    request, response: their models; a response of another media type has None.
    refusals: statuses beyond those that follow from scope and request, and what their body is.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    answer: Callable[[Call], Any]
    scope: Scope | Literal["any"] | None
    request: type[Strict] | None
    response: type[BaseModel] | None
    summary: str
    media: tuple[str, ...] = (JSON,)
    refusals: Mapping[int, type[BaseModel]] = field(default_factory=dict)
