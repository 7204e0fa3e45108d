"""Problems with the input that are found on a worker, brought to whoever asked: Spark itself brings text alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from features.problems import InputProblem

_CARRIED = re.compile(r"features\.spark\.carrying\.CarriedError: (\[.*\])")


class CarriedError(Exception):
    """The message and the code of an InputProblem, as JSON in one line."""


@contextmanager
def carried() -> Iterator[None]:
    """On a worker: make InputProblem readable in the text that Spark makes of it."""
    try:
        yield
    except InputProblem as problem:
        raise CarriedError(json.dumps([str(problem), problem.code])) from None


def problem_in(error: BaseException) -> InputProblem | None:
    """The problem that an error of Spark's carries, or None."""
    match = _CARRIED.search(str(error))
    return InputProblem(*json.loads(match[1])) if match else None
