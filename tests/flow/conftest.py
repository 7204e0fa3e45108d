"""The command line as a person uses it, in a folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import winback


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """What was said on standard error, without the lines of progress."""
        lines = [line for line in self.err.splitlines() if not line.endswith(" ...") and ": done in " not in line]
        return "\n".join(lines)


Run = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `winback ARGUMENTS` in tmp_path."""
    monkeypatch.chdir(tmp_path)

    def once(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["winback", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            winback.main()
        out, err = capfd.readouterr()
        code = left.value.code
        return Said(code if isinstance(code, int) else 1, out, err)

    return once
