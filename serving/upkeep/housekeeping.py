"""What the service does beside answering: watch the registry, and carry posted events into the event log.

One process a service does it (`python -m serving.upkeep.housekeeping winback.toml`), so that no answer waits for it and
no worker knows MLflow.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from features.business import Business, read_business
from features.online.flush import flush_regularly
from features.online.place import open_history
from features.online.store import StoreUnavailable
from features.problems import InputProblem
from serving.champions.handover import handover_file
from serving.champions.watch import Watch

SECONDS = "WINBACK_WATCH_SECONDS"


def main() -> None:
    """Go on for as long as the process lives that started this one."""
    business, parent = read_business(Path(sys.argv[1])), os.getppid()
    pause, every = float(os.environ.get(SECONDS, "2")), 60 * business.service.flush_minutes
    watch, flushed = Watch(business), time.monotonic()
    while os.getppid() == parent:
        if handover_file(business).exists():
            _try("watching the champions", watch.look)
        if every and time.monotonic() - flushed >= every:
            _try("carrying posted events into the log", lambda: _flush(business))
            flushed = time.monotonic()
        time.sleep(pause)


def _flush(business: Business) -> None:
    store = open_history(business)
    try:
        flush_regularly(business, store, time.time_ns() // 1000)
    finally:
        store.close()


def _try(what: str, work: Callable[[], None]) -> None:
    """Say what goes wrong; the next time is soon."""
    try:
        work()
    except (InputProblem, StoreUnavailable, OSError) as problem:
        print(f"{what}: {problem}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
