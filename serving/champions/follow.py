"""Inside a worker: take new models over as soon as they are handed over, between two answers and never within one."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from features.problems import InputProblem
from serving.champions.handover import Handover, loaded, read_handover, task_in
from serving.champions.rehearsal import rehearse
from serving.live import Live

log = logging.getLogger("bentoml.winback")
PAUSE_SECONDS = 0.25
LOCK = "upkeep.lock"
AGAIN_SECONDS = 10.0  # an upkeep that dies at once is not started without a pause


class Follower:
    """Follows the handover file, and sees to it that one process of the service does the upkeep.

    config: the winback.toml.  live: what answers now.  take: makes another one answer, from the next request on.
    count: told the question of every champion that is refused.
    """

    def __init__(
        self, config: Path, file: Path, live: Live, take: Callable[[Live], None], count: Callable[[str], None]
    ) -> None:
        self._config, self._file, self._live = config, file, live
        self._take, self._count = take, count
        self._stamp = _stamp(file)
        self._known = read_handover(file)
        self._refused: dict[str, str] = {}
        self._lock: IO[str] | None = None
        self._upkeep: subprocess.Popen[bytes] | None = None
        self._begun, self._parent = -AGAIN_SECONDS, os.getppid()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follow", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End with the service; safe to call twice."""
        self._ended.set()
        self._thread.join(timeout=5)
        if self._upkeep is not None:
            self._upkeep.terminate()
        if self._lock is not None:
            self._lock.close()

    def report(self) -> dict[str, Any]:
        """Which models answer, which are refused and why, and whether the registry can be reached."""
        known = self._known or Handover(())
        return replace(known, refused={**known.refused, **self._refused}).report()

    def _follow(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            if os.getppid() != self._parent:  # the service was killed; its port has to be free for the next one
                os.kill(os.getpid(), signal.SIGTERM)
                return
            try:
                self._look()
            except (OSError, InputProblem) as problem:
                log.error("following the models: %s", problem)

    def _look(self) -> None:
        self._see_to_the_upkeep()
        stamp = _stamp(self._file)
        if stamp == self._stamp:
            return
        handed = read_handover(self._file)
        self._stamp = stamp
        if handed is not None:
            known, self._known = self._known or Handover(()), handed
            if self._lock is not None:  # one worker counts for all
                for name in handed.refused.keys() - known.refused.keys():
                    self._count(task_in(name))
            if handed.held != known.held:
                self._swap(handed)

    def _swap(self, handed: Handover) -> None:
        names = ", ".join(f"{one.name}/{one.version}" for one in handed.held)
        try:
            champions = loaded(handed, self._file, self._live.business)
            rehearse(champions, self._live.business.events.time_zone)
        except InputProblem as problem:
            self._refused = {f"{one.name}/{one.version}": str(problem) for one in handed.held}
            for one in handed.held:
                self._count(one.task)
            log.error("%s refused: %s", names, problem)
            return
        self._refused = {}
        self._live = replace(self._live, champions=champions, plans={})
        self._live.warm_up()
        self._take(self._live)
        log.info("%s answer from now on", names)

    def _see_to_the_upkeep(self) -> None:
        """The worker that holds the lock keeps the upkeep alive; another takes over when it dies."""
        if self._lock is None:
            self._lock = _taken(self._live.business.state / LOCK)
        dead = self._upkeep is None or self._upkeep.poll() is not None
        if self._lock is not None and dead and time.monotonic() - self._begun >= AGAIN_SECONDS:
            self._begun = time.monotonic()
            words = [sys.executable, "-m", "serving.upkeep.housekeeping", str(self._config)]
            root = Path(__file__).resolve().parents[2]
            self._upkeep = subprocess.Popen(words, stdin=subprocess.DEVNULL, cwd=root)


def _taken(path: Path) -> IO[str] | None:
    """A lock that the operating system gives back when the process dies; None when another has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _stamp(path: Path) -> tuple[int, int] | None:
    """Whatever changes when the file is replaced."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns
