"""What churn, conversion and lifetime value mean to this business, said once.

Training labels by it, scoring asks it who is eligible, the lifecycle stage and the report quote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from features.build import FeatureTable
from features.business import Business, Eligibility, eligibility
from features.catalog import activity_kinds

TaskName = Literal["churn", "conversion", "ltv"]
TASKS: tuple[TaskName, ...] = ("churn", "conversion", "ltv")


@dataclass(frozen=True)
class Definition:
    """One question about the window (as_of + gap, as_of + gap + horizon].

    churn: none of `kinds` happens in it, or one of `cancel` does; with `contract`, some moment of it is without one.
    conversion: one of `kinds` happens.  ltv: the sum of the values of `kinds`.
    activity: the kinds that make somebody a customer.  contract: the kinds that begin or continue a contract, each for
    `term_days` and `grace_days` more, or until a cancel event where `term_days` is 0.
    """

    task: TaskName
    kinds: tuple[str, ...]
    horizon_days: int
    gap_days: int = 0
    cancel: tuple[str, ...] = ()
    activity: tuple[str, ...] = ()
    eligible: str = "any"
    contract: tuple[str, ...] = ()
    term_days: int = 0
    grace_days: int = 0

    @property
    def cover_days(self) -> int:
        """How long one contract event holds, in days; 0 when only a cancel event ends the contract."""
        return self.term_days + self.grace_days if self.term_days else 0

    @property
    def reach_days(self) -> int:
        """How far the question looks ahead of as_of, in days."""
        return self.gap_days + self.horizon_days

    @property
    def rule(self) -> Eligibility:
        return eligibility(self.eligible)

    def sentence(self) -> str:
        """The definition in words."""
        kinds, ahead = " or ".join(self.kinds), f"within {self.horizon_days} days"
        later = f", starting {self.gap_days} days after as_of" if self.gap_days else ""
        if self.contract:
            return f"left = {self._ends()} {ahead}{later}, of those under contract ({self._holds()})"
        if self.task == "churn":
            cancelled = f", or {' or '.join(self.cancel)} in it" if self.cancel else ""
            return f"left = no {kinds} {ahead}{cancelled}{later}"
        if self.task == "conversion":
            asked = self.eligible if self.eligible != "any" else "any history"
            return f"converted = {kinds} {ahead}, of those with {asked}{later}"
        return f"lifetime value = sum of the value of {kinds} {ahead}{later}"

    def _ends(self) -> str:
        """What ends a contract."""
        ways = [" or ".join(self.cancel)] if self.cancel else []
        return " or ".join([*ways, "the contract runs out"] if self.term_days else ways)

    def _holds(self) -> str:
        """What makes somebody be under contract."""
        grace = f" and {self.grace_days} of grace" if self.grace_days else ""
        within = f" in the last {self.term_days} days{grace}" if self.term_days else ""
        since = f" and no {' or '.join(self.cancel)} since" if self.cancel else ""
        return f"{' or '.join(self.contract)}{within}{since}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Definition:
        fields: dict[str, Any] = {key: tuple(part) if isinstance(part, list) else part for key, part in saved.items()}
        return cls(**fields)


def definitions(business: Business) -> dict[TaskName, Definition]:
    """The questions that this business asks, by task."""
    activity = activity_kinds(business)
    asked: dict[TaskName, Definition] = {}
    if churn := business.churn:
        asked["churn"] = Definition(
            "churn",
            churn.cancel or churn.contract if churn.contract else churn.activity,
            churn.horizon_days,
            churn.gap_days,
            churn.cancel,
            churn.contract or activity,
            contract=churn.contract,
            term_days=churn.term_days or 0,
            grace_days=churn.grace_days,
        )
    if conversion := business.conversion:
        asked["conversion"] = Definition(
            "conversion",
            conversion.target,
            conversion.horizon_days,
            conversion.gap_days,
            (),
            activity,
            conversion.eligible,
        )
    if ltv := business.ltv:
        asked["ltv"] = Definition("ltv", ltv.of, ltv.horizon_days, ltv.gap_days, (), activity)
    return asked


def eligible(definition: Definition, table: FeatureTable) -> NDArray[np.bool_]:
    """(n,) of whom the question is asked, judged from their past alone.

    churn: customers (some activity so far) who have not cancelled since; with a contract, who are under it.
    conversion: who fulfils the rule.  ltv: everybody.
    """
    if definition.task == "churn":
        return is_customer(definition, table) & ~cancelled(definition, table) & ~run_out(definition, table)
    if definition.task == "conversion" and definition.rule.kind:
        so_far = table.column(table.catalog.feature_of(definition.rule.kind, "count_ever"))
        below = definition.rule.below if definition.rule.below is not None else np.inf
        return (so_far >= definition.rule.least) & (so_far < below)
    return np.ones(len(table), dtype=np.bool_)


def is_customer(definition: Definition, table: FeatureTable) -> NDArray[np.bool_]:
    """(n,) who has ever been one: some activity so far, or a contract."""
    return np.isfinite(_since(definition, table))


def cancelled(definition: Definition, table: FeatureTable) -> NDArray[np.bool_]:
    """(n,) whose last activity (or contract event) is older than their last cancellation, or at the same moment."""
    left = np.zeros(len(table), dtype=np.bool_)
    since = _since(definition, table)
    for kind in definition.cancel:
        left |= _recency(table, kind) <= since
    return left & is_customer(definition, table)


def run_out(definition: Definition, table: FeatureTable) -> NDArray[np.bool_]:
    """(n,) whose contract was not renewed in time: their last contract event holds no longer."""
    since = _since(definition, table)
    if not definition.cover_days:
        return np.zeros(len(table), dtype=np.bool_)
    return np.isfinite(since) & (since >= definition.cover_days)


def _since(definition: Definition, table: FeatureTable) -> NDArray[np.float32]:
    """(n,) days since the last contract event, or else activity; infinite without one."""
    if not definition.contract:
        return np.nan_to_num(table.values[:, table.catalog.activity("recency")], nan=np.inf)
    return np.asarray(np.min([_recency(table, kind) for kind in definition.contract], axis=0), dtype=np.float32)


def _recency(table: FeatureTable, kind: str) -> NDArray[np.float32]:
    return np.nan_to_num(table.column(table.catalog.feature_of(kind, "recency")), nan=np.inf)
