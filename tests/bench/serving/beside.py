"""The service itself with two API methods more, which do nothing: what BentoML costs under the same settings.

`serving.service` is taken as it is: its class, its settings, its mounted routes and its middleware.
"""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import bentoml

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


service = bentoml.service(**{"name": "winback", **copy.deepcopy(ours.service.config)})(Winback)
for app, path, name in ours.service.mount_apps:
    service.mount_asgi_app(app, path=path, name=name)
for middleware, options in ours.service.middlewares:
    service.add_asgi_middleware(middleware, **options)


def run(config: str, port: int) -> None:
    """What `winback serve` does, with this service in the place of ours."""
    ours.service = service
    ours.run(Path(config), port=port)


if __name__ == "__main__":
    sys.exit("python -c 'from tests.bench.serving.beside import run; run(config, port)'")
