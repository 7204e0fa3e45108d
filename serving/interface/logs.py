"""The service's log: one line of JSON for each answer and each fault, with nobody's ids and no bodies."""

from __future__ import annotations

import datetime as dt
import os
import traceback
from typing import Any

from pydantic_core import to_json

STDOUT = 1


class Log:
    """Writes whole lines, so that the lines of several workers do not mix; a full disk or a closed pipe stops none."""

    def __init__(self, out: int = STDOUT) -> None:
        self._out = out

    def line(self, now: int, **said: Any) -> None:
        """now: microseconds UTC."""
        moment = dt.datetime.fromtimestamp(now / 1e6, dt.UTC).isoformat(timespec="milliseconds")
        try:
            os.write(self._out, to_json({"time": f"{moment[:-6]}Z"} | said) + b"\n")
        except OSError:
            return

    def failed(self, now: int, request: str, error: BaseException) -> None:
        """A fault of ours: its kind and the place, without its values, which may be somebody's data."""
        place = traceback.extract_tb(error.__traceback__)[-8:]
        at = [f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}" for frame in place]
        self.line(now, level="error", request=request, failed=type(error).__name__, at=at)
