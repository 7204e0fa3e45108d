"""A file that appears whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from features.problems import InputProblem


@contextmanager
def whole_file(out: Path, mode: int = 0o644) -> Iterator[Path]:
    """A path to write to, which becomes `out` in one step when the block ends well; missing folders are made.

    mode: who may read it; until then its owner alone may.

    Raises InputProblem (code unwritable_file) when the folder may not be made or written, or the disk is full.
    """
    if out.is_dir():
        raise InputProblem(f"{out} is a folder. Name a file, such as {out / 'features.parquet'}.", "unwritable_file")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name[:100]}.", suffix=".tmp")
        os.close(handle)
    except OSError as error:
        raise _unwritable(out, error) from None
    try:
        yield Path(name)
        os.chmod(name, mode)
        os.replace(name, out)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise _unwritable(out, error) from None
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _unwritable(out: Path, error: OSError) -> InputProblem:
    return InputProblem(
        f"{out} cannot be written: {error.strerror or error}. Name another place, or make room there.",
        "unwritable_file",
    )
