"""Some of many, the same ones every time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """Which of `count` rows to look at when at most `most` will do: the first, the last, and evenly between them."""
    return np.linspace(0, count - 1, min(most, count)).astype(np.int64)
