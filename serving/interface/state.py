"""What the running interface answers from, replaceable while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from serving.interface.keys import Key, Keys
from serving.interface.limits import Limits, Room
from serving.interface.metrics import Metrics
from serving.interface.requests import SOON, Refusal
from serving.live import Live


class State:
    """The service's moving parts.

    live: models and store; another one takes over in one assignment, and requests under way end with the one they
    began with.  watch_report: says what the watch over the registry knows, as fields of `Watch`; None without a watch.
    """

    def __init__(self, limits: Limits) -> None:
        self.metrics = Metrics()
        self.room = Room(limits)
        self.watch_report: Callable[[], Mapping[str, Any]] | None = None
        self._live: Live | None = None
        self._keys: Keys | None = None
        self._locked = True

    @property
    def live(self) -> Live:
        """Raises Refusal (not_ready) before there is one."""
        if self._live is None:
            raise Refusal(503, "not_ready", "The service is still starting.", "Ask again in a second.", SOON)
        return self._live

    @live.setter
    def live(self, live: Live) -> None:
        self._live = live
        self.metrics.serving(live.models)

    def lock(self, keys: Path, demanded: str | None) -> None:
        """Ask every caller for a key of this file; demanded: "off" to ask nobody, anything else to ask."""
        self._keys, self._locked = Keys(keys), demanded != "off"

    def key(self, token: str | None, scope: str) -> Key | None:
        """The caller's key, None where none is asked for; scope: one of a key, or "any".

        Raises Refusal: 401 missing_key or unknown_key, 403 wrong_scope.
        """
        if not self._locked:
            return None
        if token is None:
            raise Refusal(401, "missing_key", "This needs an API key.", _SEND, _BEARER)
        key = self._keys.find(token) if self._keys else None
        if key is None:
            raise Refusal(401, "unknown_key", "The service does not know this API key.", _SEND, _BEARER)
        if scope != "any" and scope not in key.scopes:
            said = f"The key '{key.name}' is for {', '.join(key.scopes)}, and this needs {scope}."
            raise Refusal(403, "wrong_scope", said, f"Use a key made with `winback keys add NAME --scope {scope}`.")
        return key


_BEARER = ((b"www-authenticate", b"Bearer"),)
_SEND = "Send the header 'Authorization: Bearer wb_...' with a key made by `winback keys add NAME --scope score`."
