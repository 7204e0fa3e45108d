"""The service itself with two API methods more, which do nothing: what BentoML costs under the same settings.

`serving.service` is taken as it is: its class, its settings and its middleware.
"""

from __future__ import annotations

import copy
from pathlib import Path

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from serving import service as ours


class Winback(ours.Winback):
    """The service, and two methods that answer {}."""

    @bentoml.api
    async def noop(self) -> dict[str, str]:
        """Nothing, in the event loop."""
        return {}

    @bentoml.api
    def noop_in_a_thread(self) -> dict[str, str]:
        """Nothing, in a thread, as methods run that call a model."""
        return {}


class Beside:
    """Our middleware for everything but the two methods, which take BentoML's own road."""

    def __init__(self, app: ASGIApp, ours: ASGIApp) -> None:
        self.app, self.ours = app, ours

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        nothing = scope["type"] == "http" and scope["path"].startswith("/noop")
        await (self.app if nothing else self.ours)(scope, receive, send)


def _beside(app: ASGIApp) -> ASGIApp:
    wrapped = app
    for middleware, options in ours.service.middlewares:
        wrapped = middleware(wrapped, **options)
    return Beside(app, wrapped)


service = bentoml.service(**{"name": "winback", **copy.deepcopy(ours.service.config)})(Winback)
service.add_asgi_middleware(_beside)


def run(config: str, port: int) -> None:
    """What `winback serve` does, with this service in the place of ours."""
    ours.service = service
    ours.run(Path(config), port=port, without_keys=True)
