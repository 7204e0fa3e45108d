"""What a pre-check found: of the log, of each question, and what to mend."""

from __future__ import annotations

from dataclasses import dataclass

from features.clock import DAY
from features.definitions import TaskName
from features.events import Counted
from features.problems import InputProblem
from features.rejects import Rejected
from training.checking.lateness import Lateness
from training.evidence import Evidence

NO_EVIDENCE = Evidence("none", ())


@dataclass(frozen=True)
class Cutoff:
    """One moment to learn from or to be judged on.  outcome: users who left, converted, or had any value."""

    as_of: int
    eligible: int
    outcome: int


@dataclass(frozen=True)
class TaskCheck:
    """What one question can learn.

    problem: a mistake in winback.toml that stops this task, and the work with exit 2.  refused: why the data have no
    answer although nothing is wrong with the file.  Both empty: it can be tried, as well as `evidence` says.
    """

    task: TaskName
    definition: str
    cutoffs: tuple[Cutoff, ...] = ()
    windows: int = 0
    out_of_time: bool = False
    evidence: Evidence = NO_EVIDENCE
    problem: InputProblem | None = None
    refused: str = ""


@dataclass(frozen=True)
class LogCheck:
    """What the log holds.

    first, last, complete_until: microseconds UTC.  kinds: with their counts, most frequent first.
    """

    source: str
    users: int
    events: int
    first: int
    last: int
    complete_until: int
    dates_only: bool
    zone: str
    kinds: tuple[tuple[str, int], ...]
    rejected: Rejected
    counted: Counted
    notes: tuple[str, ...]
    lateness: Lateness | None

    @property
    def span_days(self) -> float:
        return (self.complete_until - self.first) / DAY


@dataclass(frozen=True)
class Check:
    """The answer of `winback check`.  own_features: what the business's own features give for a few users.
    fixes: what to mend, each a sentence, the weightiest first."""

    log: LogCheck
    tasks: tuple[TaskCheck, ...]
    own_features: tuple[str, ...]
    fixes: tuple[str, ...]

    @property
    def problem(self) -> InputProblem | None:
        """The mistakes in winback.toml as one, or None."""
        found = [task.problem for task in self.tasks if task.problem]
        if not found:
            return None
        return InputProblem(" ".join(dict.fromkeys(str(problem) for problem in found)), found[0].code)
