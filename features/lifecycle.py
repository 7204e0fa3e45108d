"""Where a customer stands today, by rules that need no model."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from features.build import FeatureTable
from features.definitions import Definition, cancelled

Stage = Literal["prospect", "new", "active", "returning", "slipping", "lapsed", "left"]
STAGES: tuple[Stage, ...] = get_args(Stage)


def lifecycle(churn: Definition, table: FeatureTable) -> NDArray[np.object_]:
    """(n,) stages; `churn` gives the horizon h after whose silence a customer counts as gone.

    prospect: no activity yet.  left: cancelled.  lapsed: silent for more than h.  new: first active within the last
    h / 2 and on one day only.  returning: came back within the last h / 2 after a gap of more than h.
    slipping: silent for more than twice the own mean gap and for more than h / 4, or for more than h / 2.
    active: the rest.
    """

    def take(suffix: str) -> NDArray[np.float32]:
        return table.values[:, table.catalog.activity(suffix)]

    horizon = churn.horizon_days
    recency, tenure, overdue, gap = take("recency"), take("tenure"), take("overdue"), take("gap_last")
    with np.errstate(invalid="ignore"):
        rules = (
            (np.isnan(recency), "prospect"),
            (cancelled(churn, table), "left"),
            (recency > horizon, "lapsed"),
            ((tenure <= horizon / 2) & (take("repeat_days") == 0), "new"),
            ((recency > horizon / 2) | ((overdue > 2) & (recency > horizon / 4)), "slipping"),
            (gap > horizon, "returning"),
        )
    stages = np.select([rule for rule, _ in rules], [stage for _, stage in rules], "active")
    return stages.astype(object)
