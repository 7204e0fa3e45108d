"""How many users are in which stage and band, for a person to read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from features.clock import format_instant


@dataclass(frozen=True)
class Tally:
    """How many users are in which stage and band of risk; risk is empty where nobody asked about churn."""

    as_of: int
    users: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    risk: Counter[str] = field(default_factory=Counter)
    horizon_days: int = 0

    def __add__(self, more: Tally) -> Tally:
        days = max(self.horizon_days, more.horizon_days)
        return Tally(self.as_of, self.users + more.users, self.stages + more.stages, self.risk + more.risk, days)

    def lines(self) -> list[str]:
        """For a person to read."""
        said = [f"{self.users:,} users as of {format_instant(self.as_of)}: {_counts(self.stages)}"]
        if self.horizon_days:
            said.append(f"risk of leaving within {self.horizon_days} days: {_counts(self.risk)}")
        return said


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counted.most_common())
