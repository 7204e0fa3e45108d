"""Two fits at a time: each keeps to one thread, so that two cores are used and none waits for the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")
Done = TypeVar("Done")
AT_ONCE = 2  # more would multiply the memory of the largest training by their number


def in_pairs(work: Callable[[Part], Done], parts: Iterable[Part]) -> list[Done]:
    """What `work` makes of each part, in their order; it must change nothing that another part sees.

    LightGBM and NumPy let go of the interpreter while they compute.  Raises what `work` raises.
    """
    with ThreadPoolExecutor(AT_ONCE) as workers:
        return list(workers.map(work, parts))
