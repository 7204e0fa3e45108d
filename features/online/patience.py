"""A server that accepts and never answers (frozen, or behind a silent network) is given up after some seconds."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any


class Patience:
    """Ends the connections whose answer is overdue, so that who waits gets an error: libpq itself waits for ever."""

    def __init__(self, lost: type[Exception]) -> None:
        """lost: what the driver raises on a connection that is closed already."""
        self._lost = lost
        self._due: dict[int, tuple[Any, float]] = {}
        self._starting, self._watching = threading.Lock(), False

    def begins(self, driver: Any, seconds: float) -> None:
        """An answer is awaited from now on.  driver: a connection of psycopg."""
        self._due[id(driver)] = (driver, time.monotonic() + seconds)
        if not self._watching:
            with self._starting:
                if not self._watching:
                    self._watching = True
                    threading.Thread(target=self._watch, name="winback-patience", daemon=True).start()

    def ends(self, driver: Any) -> None:
        """It came."""
        self._due.pop(id(driver), None)

    @contextlib.contextmanager
    def of(self, driver: Any, seconds: float) -> Iterator[None]:
        """An answer is awaited until the block ends."""
        self.begins(driver, seconds)
        try:
            yield
        finally:
            self.ends(driver)

    def _watch(self) -> None:
        while True:
            time.sleep(0.5)
            for driver, due in list(self._due.values()):
                if time.monotonic() > due:
                    self.ends(driver)
                    self._end(driver)

    def _end(self, driver: Any) -> None:
        """Close the connection beneath libpq, which notices at once; it is still libpq that owns the descriptor."""
        with (
            contextlib.suppress(OSError, ValueError, self._lost),
            socket.socket(fileno=os.dup(driver.pgconn.socket)) as below,
        ):
            below.shutdown(socket.SHUT_RDWR)
