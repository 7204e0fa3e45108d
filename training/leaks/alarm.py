"""What a search for leaks says: each alarm, and honestly what was looked at and what was not."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Detector = Literal[
    "future", "rebuilt", "verdicts", "labels", "population", "folds", "times", "permutation", "column", "flag",
    "encoding", "identity", "twins", "kinds", "stamped", "score", "promise", "unfinished", "own code", "today",
]  # fmt: skip
SHOWN = 5
# What these find is wrong whatever the business is like; the others find what is hardly ever right.
PROOFS = ("future", "rebuilt", "verdicts", "labels", "population", "folds", "times", "permutation", "own code", "today")


@dataclass(frozen=True)
class Alarm:
    """One leak found.

    kind: the detector.  says: what, how many, where, and what to do.  figure: what was measured; limit: what an honest
    training stays below (or, for shares that should be high, above).  columns: the inputs concerned, if it is about
    some.
    """

    kind: Detector
    says: str
    figure: float
    limit: float
    columns: tuple[str, ...] = ()

    @property
    def proven(self) -> bool:
        """Whether it is certain; else a person should look."""
        return self.kind in PROOFS


@dataclass(frozen=True)
class Ran:
    """One detector's turn.  rows: how many rows (or users, or events) it looked at; why_not: why it could not look."""

    kind: Detector
    rows: int
    why_not: str = ""


@dataclass(frozen=True)
class Searched:
    """Every detector's turn and what came of it; a detector without an alarm and with `why_not` proves nothing."""

    ran: tuple[Ran, ...]
    alarms: tuple[Alarm, ...]

    def lines(self) -> list[str]:
        """For a person to read: the alarms, or that nothing was found, and what could not be looked for."""
        looked = [turn for turn in self.ran if not turn.why_not]
        found = [f"leak? {alarm.says}" for alarm in self.alarms]
        quiet = [f"{len(looked)} leak detectors ran, and {'the others found nothing' if found else 'found nothing'}"]
        return found + quiet + [f"not looked for: {turn.kind}, {turn.why_not}" for turn in self.ran if turn.why_not]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def named(columns: tuple[str, ...]) -> str:
    """A few of the columns, and how many more."""
    more = f" and {len(columns) - SHOWN} more" if len(columns) > SHOWN else ""
    return ", ".join(columns[:SHOWN]) + more
