"""Which of several definitions to take, and why; the names of the reasons, for the words see the report's texts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from training.define.comparison import Advice, Row
from training.evidence import ENOUGH_WINDOWS, FEW_RARER, LEAST_RARER, LEAST_USERS
from training.proposing.rhythm import COMES_BACK

LEAST_WINDOWS = 2  # one to learn from, one to be judged on
UNSTABLE = 0.15  # a base rate that moves by more than this between cut-offs
MOSTLY_DONE = 0.6  # of all users: then the second time is the question
CONTRACTUAL = 0.3  # of the customers under contract: then its end is what leaving means
SOON = 0.5  # of those who convert within the longest horizon


def churn_advice(rows: Sequence[Row]) -> Advice:
    """The end of a contract where there are contracts, else the shortest silence after which hardly anybody returns.

    The shortest, because its answer is known first and more windows of it fit into a history.
    """
    by_event = [at for at, row in enumerate(rows) if _is_contractual(row, rows) and _enough(row)]
    if by_event:
        well = [at for at in by_event if _rarer(rows[at]) >= FEW_RARER] or by_event[-1:]
        used = [at for at in well if rows[at].alternative.in_use]  # every horizon is true here: take what is agreed on
        return _advice(rows, (used or well)[0], rows[by_event[0]].alternative.rule)
    silence = [at for at, row in enumerate(rows) if row.alternative.rule == "silence" and _enough(row)]
    certain = [at for at in silence if rows[at].returns < COMES_BACK]
    if certain:
        return _advice(rows, certain[0], "silence")
    if told := [at for at in silence if not math.isnan(rows[at].returns)]:
        return _advice(rows, min(told, key=lambda at: rows[at].returns), "silence_best")
    return Advice(None, "too_few")


def conversion_advice(rows: Sequence[Row], done: float) -> Advice:
    """Those who have not done it yet (or not twice, where most have), within the time that half of them need.

    done: share of all users who have ever done it.
    """
    if not rows:
        return Advice(None, "not_asked")
    target = rows[0].definition.kinds[0]
    wanted, because = (f"fewer than 2 {target}", "second") if done >= MOSTLY_DONE else (f"no {target}", "first")
    for rule, reason in ((wanted, because), ("any", "anybody")):
        some = [at for at, row in enumerate(rows) if row.definition.eligible == rule and _enough(row)]
        if some:
            longest = rows[some[-1]].rate
            fit = [at for at in some if rows[at].rate >= SOON * longest and _rarer(rows[at]) >= FEW_RARER]
            return _advice(rows, (fit or some[-1:])[0], reason)
    return Advice(None, "too_few")


def _is_contractual(row: Row, rows: Sequence[Row]) -> bool:
    """Whether leaving is an event here: as winback.toml says, or as the log does of a good part of the customers."""
    if row.alternative.rule == "contract":
        return True
    named = row.alternative.rule == "cancel" and set(row.definition.contract) != _activity(rows)
    silent = [other.last.asked for other in rows if other.alternative.rule == "silence" and other.last]
    customers = max(silent, default=0)
    return named and row.last is not None and row.last.asked >= CONTRACTUAL * customers


def _activity(rows: Sequence[Row]) -> set[str]:
    return {kind for row in rows if row.alternative.rule == "silence" for kind in row.definition.kinds}


def _rarer(row: Row) -> int:
    return row.last.rarer if row.last else 0


def _enough(row: Row) -> bool:
    """Whether a model could learn it at all, and be judged on a later period than it learned from."""
    last = row.last
    known = last is not None and last.asked >= LEAST_USERS and last.rarer >= LEAST_RARER
    return known and row.windows >= LEAST_WINDOWS


def _advice(rows: Sequence[Row], chosen: int, because: str) -> Advice:
    row = rows[chosen]
    cautions = [
        ("few_windows", row.windows < ENOUGH_WINDOWS), ("unstable", row.spread > UNSTABLE),
        ("few_users", _rarer(row) < FEW_RARER),
        ("not_followed", math.isnan(row.false_lost) and row.alternative.rule != "conversion"),
    ]  # fmt: skip
    return Advice(chosen, because, tuple(name for name, holds in cautions if holds))
