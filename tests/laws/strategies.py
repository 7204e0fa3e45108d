"""The businesses and the random histories on which every law is tried.

A law is written against a `Case` and compares whole rows, so it holds a new feature to account without being asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from features.build import F32, build
from features.business import Business
from features.catalog import Catalog, KindUse, catalog
from features.histories import Histories
from tests.histories_made import DAY, Event, at, business, past

LAW = settings(
    max_examples=30, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)  # fmt: skip
MET, NEVER_MET = "user", "never met in training"
ZONE = "Europe/Berlin"
# A leap day, both changes of Berlin's clock, a year's end, a day far in the past, and a plain microsecond.
ANCHORS = (
    at("2024-02-29T12:00"), at("2024-03-31T01:00"), at("2024-10-27T00:59:59.999999"), at("2024-01-01T00:00"),
    at("1971-05-05T05:05"), at("2023-06-15T17:23:42.123457"),
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A business with its catalogue, and what its logs may hold."""

    name: str
    business: Business
    kinds: tuple[str, ...]
    zone: str
    money: bool
    dates_only: bool

    def __str__(self) -> str:
        return self.name

    @cached_property
    def catalog(self) -> Catalog:
        uses = [KindUse(kind, 1000 - n, self.money, self.money) for n, kind in enumerate(self.kinds)]
        return catalog(self.business, uses, clock=not self.dates_only)

    @property
    def names(self) -> tuple[str, ...]:
        return self.catalog.names

    def past(self, events: list[Event]) -> Histories:
        return past(events, self.zone, self.dates_only)

    def row(self, events: list[Event], as_of: int, user: str = MET) -> F32:
        """One user's features; all events of a log are taken into its histories, the user may have none."""
        known = self.past([*events, Event("someone else", 0, self.kinds[0])])
        if user not in known.users:
            known = self.past([*events, Event(user, as_of + DAY, self.kinds[0])])
        index = int(np.searchsorted(known.users, user))
        return build(known, self.catalog, np.array([index]), np.array([as_of])).values[0]

    def moments(self, anchor: int) -> st.SearchStrategy[int]:
        """Times around an anchor: on it, on the edges of its windows and a step beside them, and anywhere."""
        step = DAY if self.dates_only else 1
        ages = [days * DAY for days in (0, 1, *self.business.features.windows_days)]
        beside = st.builds(lambda age, by: anchor - age + by * step, st.sampled_from(ages), st.integers(-1, 1))
        if self.dates_only:
            return st.one_of(beside, st.integers(0, 450).map(lambda days: anchor - days * DAY))
        return st.one_of(beside, st.integers(0, 450 * DAY).map(lambda age: anchor - age))

    def events(self, anchor: int, users: tuple[str, ...] = (MET,), most: int = 25) -> st.SearchStrategy[list[Event]]:
        """Events before and a little after an anchor, often at the same instant."""
        values = st.one_of(
            st.none(), st.sampled_from([0.0, -0.0, 0.1, 0.2, -0.3, 1e6, -19.99]), st.integers(-50, 500).map(float)
        )
        columns = (
            st.sampled_from(users), self.moments(anchor), st.sampled_from(self.kinds),
            values if self.money else st.none(), st.sampled_from([None, "a", "b", "c"]) if self.money else st.none(),
        )  # fmt: skip
        return st.lists(st.tuples(*columns).map(lambda row: Event(*row)), max_size=most)

    @property
    def anchors(self) -> st.SearchStrategy[int]:
        if self.dates_only:
            return st.sampled_from([anchor // DAY * DAY for anchor in ANCHORS])
        return st.sampled_from(ANCHORS)


_RICH = (
    "order", "login", "Order!", "cancellation", "refund", "page view", "add_to_cart", "search", "activity", "any event",
    "下单", "order spend", "support", "coin", "rating", "share",
)  # fmt: skip
RICH = Case(
    "rich",
    business(
        churn={"activity": ["order", "login"], "horizon_days": 30, "cancel": ["cancellation"]},
        conversion={"target": ["Order!"], "eligible": "no Order!", "horizon_days": 14},
        ltv={"of": ["order", "refund"], "horizon_days": 90},
    ),
    _RICH, ZONE, money=True, dates_only=False,
)  # fmt: skip
PLAIN = Case(
    "dates only",
    business(churn={"activity": ["order"], "horizon_days": 181}, features={"windows_days": [1, 7, 30]}),
    ("order",), "UTC", money=False, dates_only=True,
)  # fmt: skip
OWN = Case(
    "own features",
    business(
        churn={"activity": ["order"], "horizon_days": 30},
        features={"windows_days": [7, 45], "custom": str(Path(__file__).with_name("own_features.py"))},
    ),
    ("order", "login", "refund"), ZONE, money=True, dates_only=False,
)  # fmt: skip
IN_UTC = replace(RICH, name="rich, UTC", zone="UTC")
CASES = (RICH, PLAIN, OWN)
