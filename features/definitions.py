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

    churn: none of `kinds` happens in it, or one of `cancel` does.  conversion: one of `kinds` happens.
    ltv: the sum of the values of `kinds`.  activity: the kinds that make somebody a customer.
    """

    task: TaskName
    kinds: tuple[str, ...]
    horizon_days: int
    gap_days: int = 0
    cancel: tuple[str, ...] = ()
    activity: tuple[str, ...] = ()
    eligible: str = "any"

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
        if self.task == "churn":
            cancelled = f", or {' or '.join(self.cancel)} in it" if self.cancel else ""
            return f"left = no {kinds} {ahead}{cancelled}{later}"
        if self.task == "conversion":
            asked = self.eligible if self.eligible != "any" else "any history"
            return f"converted = {kinds} {ahead}, of those with {asked}{later}"
        return f"lifetime value = sum of the value of {kinds} {ahead}{later}"

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
        asked["churn"] = Definition("churn", churn.activity, churn.horizon_days, churn.gap_days, churn.cancel, activity)
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

    churn: customers (some activity so far) who have not cancelled since.  conversion: who fulfils the rule.
    ltv: everybody.
    """
    if definition.task == "churn":
        return _is_customer(definition, table) & ~cancelled(definition, table)
    if definition.task == "conversion" and definition.rule.kind:
        so_far = table.column(table.catalog.feature_of(definition.rule.kind, "count_ever"))
        below = definition.rule.below if definition.rule.below is not None else np.inf
        return (so_far >= definition.rule.least) & (so_far < below)
    return np.ones(len(table), dtype=np.bool_)


def cancelled(definition: Definition, table: FeatureTable) -> NDArray[np.bool_]:
    """(n,) whose last activity is older than their last cancellation."""
    left = np.zeros(len(table), dtype=np.bool_)
    since = np.nan_to_num(table.values[:, table.catalog.activity("recency")], nan=np.inf)
    for kind in definition.cancel:
        left |= np.nan_to_num(table.column(table.catalog.feature_of(kind, "recency")), nan=np.inf) <= since
    return left & _is_customer(definition, table)


def _is_customer(definition: Definition, table: FeatureTable) -> NDArray[np.bool_]:
    return table.values[:, table.catalog.activity("count_ever")] > 0
