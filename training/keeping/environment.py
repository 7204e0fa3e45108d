"""What computed a model beside its data: the versions of packages and of winback's own code."""

from __future__ import annotations

import platform
import resource
import shutil
import socket
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from features.business import Business

PACKAGES = ("duckdb", "lightgbm", "mlflow", "numba", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "shap")


def environment(business: Business) -> dict[str, Any]:
    """Versions by package, and the git commits of winback's code and of the configuration where they are under git."""
    return {
        "python": platform.python_version(), "machine": platform.machine(), "winback": _installed("winback"),
        "packages": {name: _installed(name) for name in PACKAGES},
        "git_commit": commit(Path(__file__)), "configuration_commit": commit(business.root / "winback.toml"),
    }  # fmt: skip


def commit(file: Path) -> str:
    """The git commit of the work tree that holds a file, "" when git does not know the file."""
    git = shutil.which("git")
    if git is None or _said(git, file, "ls-files", "--error-unmatch", file.name) == "":
        return ""
    return _said(git, file, "rev-parse", "HEAD")


def place(business: Business) -> str:
    """The machine and the folder of a training: who may say that a run there has died."""
    return f"{socket.gethostname()}:{business.state.resolve()}"


def _said(git: str, file: Path, *words: str) -> str:
    try:
        done = subprocess.run([git, *words], cwd=file.parent, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def spent() -> dict[str, float]:
    """What this process has used so far, in the names of MLflow's system metrics; cheaper than to watch it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "system/peak_memory_megabytes": used.ru_maxrss * unit / 1e6,
        "system/cpu_seconds": used.ru_utime + used.ru_stime,
    }
