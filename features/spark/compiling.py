"""One process a machine compiles at a time."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numba

_seen: set[str] = set()


@contextmanager
def compiling_alone(what: str) -> Iterator[None]:
    """Let one process of this machine at a time do its first piece of `what`, with one thread a process.

    The first piece compiles or loads the kernels.  numba writes its index of compiled code before the code itself, so
    that two processes which compile the same function for different arguments at once could mistake one for the
    other; and of ten processes that start together one should compile, not all.  The lock is the operating system's:
    a killed process leaves none behind.
    """
    _one_thread()
    if what in _seen:
        yield
        return
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or tempfile.gettempdir())
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"winback-compiling-{os.getuid()}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    _seen.add(what)


@cache
def _one_thread() -> None:
    """Spark gives a core to each worker."""
    numba.set_num_threads(1)
