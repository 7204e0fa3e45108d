"""Whether the pieces of a source were read in one way, where nobody saw all of them at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_READ_AS = re.compile(r"'(?P<column>.*)' (?P<way>was read as [^(]*|has a decimal comma)")
_PLAINLY = "without any sign of that"


def disagreement(notes: Iterable[Sequence[str]]) -> list[str]:
    """The ways in which one column of text was read, where pieces differ; empty where they agree.

    notes: of each piece that has events, such as "'date' was read as day first".
    """
    found = [_ways(one) for one in notes]
    for column in sorted({column for one in found for column in one}):
        ways = sorted({f"'{column}' {one.get(column, _PLAINLY)}" for one in found})
        if len(ways) > 1:
            return ways
    return []


def _ways(notes: Sequence[str]) -> dict[str, str]:
    matches = (_READ_AS.match(note) for note in notes)
    return {match["column"]: match["way"].rstrip(" .") for match in matches if match}
