"""Who stands where, and who is asked what: stages and eligibility by hand."""

from __future__ import annotations

import numpy as np
import pytest

from features.build import FeatureTable, build
from features.business import Business, eligibility
from features.catalog import catalog
from features.definitions import Definition, cancelled, definitions, eligible
from features.lifecycle import STAGES, lifecycle
from tests.histories_made import DAY, Event, at, business, past

AS_OF = at("2024-06-01T00:00")
HORIZON = 40  # new and returning within 20 days, slipping after 20, or after 10 when overdue
ASKED = business(
    churn={"activity": ["order"], "horizon_days": HORIZON, "cancel": ["cancel"]},
    conversion={"target": ["signup"], "eligible": "fewer than 2 order", "horizon_days": 30},
    ltv={"of": ["order"], "horizon_days": 90},
)


def table_of(ages: dict[str, list[float]], asked: Business = ASKED) -> FeatureTable:
    """One user whose events of each kind are so many days old; somebody else has done everything just now."""
    events = [Event("u", AS_OF - round(age * DAY), kind) for kind, some in ages.items() for age in some]
    known = past(
        [
            Event("u", AS_OF - DAY, "view"),
            *events,
            *(Event("z", AS_OF, kind) for kind in ("order", "cancel", "signup", "view")),
        ]
    )
    return build(known, catalog(asked, known.uses()), np.array([0]), np.array([AS_OF]))


@pytest.mark.parametrize(("orders", "cancels", "stage"), [
    ([], [], "prospect"),
    ([], [3], "prospect"),
    ([5], [], "new"),
    ([20], [], "new"),
    ([20.1], [], "slipping"),
    ([5, 5.5], [], "new"),  # twice within one span of 24 hours
    ([5, 6.5], [], "active"),
    ([40], [], "slipping"),
    ([40.1], [], "lapsed"),
    ([40.1, 90], [], "lapsed"),
    ([2, 12, 22, 32], [], "active"),
    ([10, 14, 18], [], "active"),  # overdue, but not for a quarter of the horizon
    ([10.5, 14.5, 18.5], [], "slipping"),  # 10.5 days, usually 4
    ([10.5, 16.5, 22.5], [], "active"),  # 10.5 days, usually 6
    ([20, 30, 60], [], "active"),
    ([20.5, 50.5, 80.5], [], "slipping"),
    ([3, 44], [], "returning"),  # 41 days away
    ([3, 43], [], "active"),  # 40 days away is not more than 40
    ([3, 23, 64], [], "active"),  # the gap of 41 is not the last one
    ([21, 62], [], "slipping"),  # came back, but is silent again
    ([5, 15], [5], "left"),  # at the same instant
    ([5, 15], [4], "left"),
    ([5, 15], [6], "active"),  # ordered again after cancelling
    ([60], [50], "left"),
])  # fmt: skip
def test_every_stage_and_both_sides_of_its_edges(orders: list[float], cancels: list[float], stage: str) -> None:
    # Seen to fail with >= in place of > at the horizon, its half and the gap, with < for new, with left
    # after lapsed, and with new before lapsed.
    assert lifecycle(definitions(ASKED)["churn"], table_of({"order": orders, "cancel": cancels})).tolist() == [stage]
    assert stage in STAGES


@pytest.mark.parametrize(
    ("orders", "cancels", "asked"),
    [([], [], False), ([1], [], True), ([900], [], True), ([5], [4], False), ([5], [6], True)],
)
def test_churn_is_asked_of_customers_who_have_not_cancelled(
    orders: list[float], cancels: list[float], asked: bool
) -> None:
    # Seen to fail with cancelled left out of eligible.
    table = table_of({"order": orders, "cancel": cancels})
    churn = definitions(ASKED)["churn"]
    assert eligible(churn, table).tolist() == [asked]
    assert cancelled(churn, table).tolist() == [bool(orders) and not asked]


@pytest.mark.parametrize(("rule", "asked"), [
    ("any", [True, True, True, True]), ("no order", [True, False, False, False]),
    ("fewer than 2 order", [True, True, False, False]), ("at least 2 order", [False, False, True, True]),
    ("no page view", [True] * 4),
])  # fmt: skip
def test_conversion_is_asked_of_whom_the_rule_names(rule: str, asked: list[bool]) -> None:
    # Seen to fail with <= for `below`, and with > for `least`.
    conversion = {"target": ["signup"], "eligible": rule, "horizon_days": 30}
    changed = business(churn={"activity": ["order"], "horizon_days": HORIZON}, conversion=conversion)
    found = [eligible(definitions(changed)["conversion"], table_of({"order": [9.0] * n}, changed))[0] for n in range(4)]
    assert found == asked


def test_lifetime_value_is_asked_of_everybody() -> None:
    assert eligible(definitions(ASKED)["ltv"], table_of({})).tolist() == [True]


@pytest.mark.parametrize(("rule", "kind", "least", "below"), [
    ("any", "", 0, None), ("", "", 0, None), (" no order ", "order", 0, 1), ("no page view", "page view", 0, 1),
    ("fewer than 12 order", "order", 0, 12), ("at least 1 sign up", "sign up", 1, None),
])  # fmt: skip
def test_rules_in_words(rule: str, kind: str, least: int, below: int | None) -> None:
    read = eligibility(rule)
    assert (read.kind, read.least, read.below) == (kind, least, below)


@pytest.mark.parametrize("rule", ["some order", "fewer than two order", "fewer than 2", "at least -1 order", "no "])
def test_a_rule_that_cannot_be_read_says_which_can(rule: str) -> None:
    with pytest.raises(ValueError, match="is not understood; write"):
        eligibility(rule)


def test_a_definition_survives_json_and_reads_aloud() -> None:
    churn = Definition("churn", ("order", "login"), 30, 7, ("cancel",), ("order", "login"))
    assert Definition.from_json({**churn.to_json(), "kinds": ["order", "login"], "cancel": ["cancel"]}) == churn
    assert churn.reach_days == 37
    assert churn.sentence() == "left = no order or login within 30 days, or cancel in it, starting 7 days after as_of"
