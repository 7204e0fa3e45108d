"""What every test stands on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Our algebra is small: on a busy machine, BLAS threads that wait for one another cost ten times the work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def cdnow() -> Path:
    """CDNOW's full transaction log, from the installed `lifetimes` wheel."""
    from experiments.demo import cdnow as found

    return found()
