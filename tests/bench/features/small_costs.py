"""What a person waits for before any work: `winback --help`, and the first call after installation."""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench.features.contestants import Place, features_raw
from tests.bench.features.environments import OURS
from tests.bench.features.timing import Run, timed

HELPS = 9


@dataclass(frozen=True)
class FirstCall:
    """The same command twice, with a compilation cache that was empty before.  compiled_again: files that the second
    call added to the cache or wrote anew."""

    first: Run
    second: Run
    compiled_again: int


def help_seconds() -> float:
    """Wall-clock seconds of `winback --help`, p50 of several."""
    return statistics.median(timed([str(OURS / "winback"), "--help"]).wall_s for _ in range(HELPS))


def first_call(place: Place) -> FirstCall:
    """Compile into an empty cache, then run again."""
    command = features_raw(place).command
    with tempfile.TemporaryDirectory() as folder:
        cache = {"NUMBA_CACHE_DIR": folder}
        first, before = timed(command, cache), _files(Path(folder))
        second, after = timed(command, cache), _files(Path(folder))
    return FirstCall(first, second, len(set(after.items()) - set(before.items())))


def _files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
