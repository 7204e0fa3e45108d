"""What must hold, and what does: the limits of the issue, judged on what this run measured."""

from __future__ import annotations

from dataclasses import dataclass

FULL_SIZE = 10_000_000  # events from which start-up no longer hides the ratios
FULL_GROWTH = 100_000_000


@dataclass(frozen=True)
class Limit:
    """One limit: measured <= bound, or >= bound when `at_least`.

    measured: None when it could not be measured.  aim: what we would like, not judged.  judged: whether the size of
    this run allows a verdict.
    """

    says: str
    measured: float | None
    bound: float
    unit: str = "x"
    at_least: bool = False
    aim: float | None = None
    judged: bool = True

    @property
    def holds(self) -> bool | None:
        """None when there is no verdict: nothing was measured, or the run is too small for the ratio to mean much."""
        if self.measured is None or not self.judged:
            return None
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "NOT MEASURED"
        if not self.judged:
            return "not judged at this size"
        return "holds" if self.holds else "MISSED"

    @property
    def wanted(self) -> str:
        aim = f" (aim {self.aim:g})" if self.aim is not None else ""
        return f"{'>=' if self.at_least else '<='} {self.bound:g} {self.unit}{aim}"

    @property
    def found(self) -> str:
        return "" if self.measured is None else f"{self.measured:.3g} {self.unit}"


def ratio(one: float | None, other: float | None) -> float | None:
    """one / other, None when either was not measured."""
    return None if one is None or not other else one / other
