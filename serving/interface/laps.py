"""Where the time of one request goes, by stage."""

from __future__ import annotations

import time
from typing import Literal

Stage = Literal["wait", "parse", "read", "features", "predict", "reasons", "write", "encode"]


class Laps:
    """A stopwatch.  seconds: by stage, of wall-clock time."""

    __slots__ = ("_since", "seconds")

    def __init__(self) -> None:
        self.seconds: dict[Stage, float] = {}
        self._since = time.perf_counter()

    def lap(self, stage: Stage) -> None:
        """Whatever passed since the lap before was this stage."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now
