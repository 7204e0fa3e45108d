"""Where a customer stands today, by rules that need no model."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from features.build import FeatureTable
from features.definitions import Definition, cancelled, is_customer, run_out

Stage = Literal["prospect", "new", "active", "returning", "slipping", "lapsed", "left"]
STAGES: tuple[Stage, ...] = get_args(Stage)


def lifecycle(churn: Definition, table: FeatureTable) -> NDArray[np.object_]:
    """(n,) stages; `churn` gives the horizon h after whose silence a customer counts as gone.

    prospect: no activity yet.  left: cancelled.  lapsed: silent for more than h.  new: first active within the last
    h / 2 and on one day only.  returning: came back within the last h / 2 after a gap of more than h.
    slipping: silent for more than twice the own mean gap and for more than h / 4, or for more than h / 2.
    active: the rest.

    Under a contract, somebody silent who pays is no lapsed customer.  prospect: no contract yet.  lapsed: it ran out.
    new: the first contract is at most h / 2 old.  slipping and returning are judged by the activity where winback.toml
    names one beside the contract, for the rhythm of renewals is the contract's and not the customer's.
    """

    def take(suffix: str) -> NDArray[np.float32]:
        return table.values[:, table.catalog.activity(suffix)]

    horizon = churn.horizon_days
    recency, overdue, gap = take("recency"), take("overdue"), take("gap_last")
    with np.errstate(invalid="ignore"):
        slipping = (recency > horizon / 2) | ((overdue > 2) & (recency > horizon / 4))
        rules = (
            (~is_customer(churn, table), "prospect"),
            (cancelled(churn, table), "left"),
            (run_out(churn, table) if churn.contract else recency > horizon, "lapsed"),
            (_new(churn, table), "new"),
            (slipping & _tells(churn, table), "slipping"),
            ((gap > horizon) & _tells(churn, table), "returning"),
        )
    stages = np.select([rule for rule, _ in rules], [stage for _, stage in rules], "active")
    return stages.astype(object)


def _new(churn: Definition, table: FeatureTable) -> NDArray[np.bool_]:
    if churn.contract:
        own = [table.column(table.catalog.feature_of(kind, "tenure")) for kind in churn.contract]
        return np.asarray(np.nan_to_num(np.array(own), nan=-np.inf).max(axis=0) <= churn.horizon_days / 2)
    once = table.values[:, table.catalog.activity("repeat_days")] == 0
    return np.asarray((table.values[:, table.catalog.activity("tenure")] <= churn.horizon_days / 2) & once)


def _tells(churn: Definition, table: FeatureTable) -> bool:
    """Whether the activity says something about a customer that the contract does not."""
    return not churn.contract or bool(set(table.catalog.selectors[0].kinds) - set(churn.contract))
