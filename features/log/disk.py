"""Whether there is room for what is about to be written."""

from __future__ import annotations

import shutil
from pathlib import Path

from features.problems import InputProblem

_SPARE = 64 << 20
_TIMES = 3  # a source, its runs and the segment made of them, none larger than the source by much


def refuse_full_disk(folder: Path, size: int) -> None:
    """Raise InputProblem (code disk_full) when `size` bytes of source can hardly be brought in under `folder`."""
    needed, free = _TIMES * size + _SPARE, shutil.disk_usage(folder).free
    if free < needed:
        raise InputProblem(
            f"{folder} is on a disk with {free / 1e9:,.1f} GB free, and bringing in {size / 1e9:,.1f} GB takes about "
            f"{needed / 1e9:,.1f} GB. Free some space, or ingest fewer files at a time. Nothing was changed.",
            "disk_full",
        )
