"""Who may touch the log when: one writer at a time, and no segment removed under a reader's eyes.

The locks are the operating system's (flock), so a killed process leaves none behind.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from features.progress import Progress


@contextmanager
def writing(folder: Path, what: str, progress: Progress) -> Iterator[None]:
    """Be the only writer of the log in `folder`, waiting for another to finish; what: such as "ingest"."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "writer.lock").open("a+") as file:
        if not _taken(file, fcntl.LOCK_EX):
            file.seek(0)
            with progress.step(f"waiting for another winback process ({file.read().strip() or 'a writer'}) to finish"):
                fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(f"{what}, process {os.getpid()}")
        file.flush()
        yield


def reading(folder: Path) -> IO[str]:
    """Keep every segment of the log in place until the returned file is closed."""
    file = (folder / "readers.lock").open("a+")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Whether nobody reads the log now, nor can begin to before the block ends."""
    with (folder / "readers.lock").open("a+") as file:
        yield _taken(file, fcntl.LOCK_EX)


def _taken(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
