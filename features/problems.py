"""The one error that a person who gave us the input can mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputProblem(Exception):  # noqa: N818 a problem with what we were given, not an error of ours
    """What is wrong with the input, how much of it, where, and what to do.

    The command line prints it as one paragraph and exits with 2; the service answers it as a 4xx.
    code: a stable machine-readable name, such as `missing_file`.
    """

    def __init__(self, message: str, code: str = "bad_input") -> None:
        super().__init__(message)
        self.code = code


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A short hint that names the nearest known word, or all of them when none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1)
    if near:
        return f"Did you mean '{near[0]}'?"
    shown = ", ".join(names[:20])
    return f"Known: {shown}{', ...' if len(names) > 20 else ''}."
