"""Labels are the same reductions as features, looking ahead; nothing outside training may see them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.clock import DAY, format_instant
from features.definitions import Definition
from features.histories import Histories
from features.past import Past
from features.problems import InputProblem
from training.contracts import spells


def last_cutoff(definition: Definition, past: Past) -> int:
    """The latest as_of, microseconds UTC, whose label window ends within what the data completely cover."""
    end = past.span.complete_until - definition.reach_days * DAY
    if not past.span.dates_only:
        return end
    phase = past.span.last % DAY
    return (end - phase) // DAY * DAY + phase


def labels(definition: Definition, histories: Histories, users: NDArray[np.int64], as_of: int) -> NDArray[np.float64]:
    """What happened to each user in (as_of + gap, as_of + gap + horizon].

    users: (n,) indices.  Returns (n,): churn 1 = left, conversion 1 = converted, ltv the sum of values.
    A contract that ends in the window is one that was left, also when a new one begins later in it: the customer had
    to be won again.
    Raises InputProblem when the window reaches beyond the data.
    """
    if as_of > last_cutoff(definition, histories):
        raise InputProblem(_beyond(definition, histories, as_of), "window_beyond_data")
    start = as_of + definition.gap_days * DAY
    end = start + definition.horizon_days * DAY
    if definition.contract:
        return 1.0 - spells(definition, histories).hold(start, end, len(histories))[users]
    ahead = (histories.time > start) & (histories.time <= end)
    happened = ahead & histories.is_of(definition.kinds)
    if definition.task == "ltv":
        valued = happened & ~np.isnan(histories.value)
        return _per_user(histories, valued, histories.value[valued])[users]
    some = _per_user(histories, happened)[users] > 0
    if definition.task == "conversion":
        return some.astype(np.float64)
    quits = _per_user(histories, ahead & histories.is_of(definition.cancel))[users] > 0
    return (~some | quits).astype(np.float64)


def _per_user(
    histories: Histories, rows: NDArray[np.bool_], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    return np.bincount(histories.owner[rows], weights, minlength=len(histories)).astype(np.float64)


def _beyond(definition: Definition, histories: Histories, as_of: int) -> str:
    def day(micros: int) -> str:
        moment = format_instant(micros, histories.span.zone)
        midnight = "T00:00:00" in moment and "T00:00:00." not in moment
        return (
            moment[:10]
            if midnight or (histories.span.dates_only and micros == histories.span.complete_until)
            else moment
        )

    reach = definition.reach_days * DAY
    left = (histories.span.complete_until - as_of) // DAY - definition.gap_days
    shorter = f", or a horizon of {left} days" if left > 0 else ""
    return (
        f"{definition.task}: as_of {day(as_of)} needs events until {day(as_of + reach)}, but they end "
        f"{day(histories.span.complete_until)}. Use as_of <= {day(last_cutoff(definition, histories))}{shorter}."
    )
