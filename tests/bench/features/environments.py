"""Environments of their own for the peers, so that none of their packages becomes a dependency of the project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
OURS = ROOT / ".venv" / "bin"


def python_of(name: str) -> tuple[Path | None, str]:
    """The interpreter of .venv-NAME, which is made when it is missing or its requirements changed.

    Returns None and the reason when it cannot be made: the peer is then shown as missing.
    """
    wanted = HERE / f"requirements-{name}.txt"
    folder = ROOT / f".venv-{name}"
    python, done = folder / "bin" / "python", folder / "installed.txt"
    if done.exists() and done.read_text() == wanted.read_text() and python.exists():
        return python, ""
    print(f"Creating .venv-{name} from {wanted.name} ...", file=sys.stderr, flush=True)
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", str(wanted)],
    ):
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode:
            said = (ran.stderr or ran.stdout).strip().splitlines()
            return None, f"its environment cannot be made: {said[-1] if said else command[-1]}"
    done.write_text(wanted.read_text())
    return python, ""
