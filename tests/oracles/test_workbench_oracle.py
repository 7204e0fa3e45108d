"""Every figure of the comparison against a loop over plain events, user by user; and in parts as in one piece."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from features.business import Business
from features.histories import Histories, Span
from features.past import Past
from features.progress import Silent
from tests.histories_made import DAY, Event, business, past
from tests.made import START, asking, shop
from training.define.comparison import Comparison, Row
from training.define.workbench import _middle, compare

SHOP = asking(churn={"activity": ["order"], "horizon_days": 45, "cancel": ["goodbye"]})
BY_CANCEL = business(
    churn={"activity": ["login"], "horizon_days": 30, "contract": ["subscribe", "renew"], "cancel": ["cancel"]}
)
BY_TERM = business(churn={"horizon_days": 30, "contract": ["renew"], "term_days": 30, "grace_days": 5})


@cache
def shopping() -> tuple[Event, ...]:
    """A shop in which some say goodbye, and one of them returns."""
    events = shop(90, 300, 5)
    dice = np.random.default_rng(8)
    parting = [Event(e.user, e.time + int(dice.uniform(0, 3) * DAY), "goodbye") for e in events[:: 15]]
    return (*events, *parting)


@cache
def subscribing(users: int = 120, monthly: float = 0.1, term: bool = False) -> tuple[Event, ...]:
    """Renewed every 30 days; one in ten leaves each month, and half of those come again a month later."""
    dice, events = np.random.default_rng(6), []
    for number in range(users):
        day, kind = dice.uniform(0, 400), "subscribe"
        while day < 420:
            events.append(Event(f"u{number}", START + int(day * DAY), "renew" if term else kind))
            events += [Event(f"u{number}", START + int((day + some) * DAY), "login") for some in dice.uniform(0, 30, 3)]
            day, kind = day + 30, "renew"
            if dice.random() < monthly:
                events.append(Event(f"u{number}", START + int(day * DAY), "cancel"))
                if dice.random() < 0.5:
                    break
                day, kind = day + 40, "subscribe"
    return tuple(event for event in events if event.time <= START + 420 * DAY)


@dataclass(frozen=True)
class Naive:
    """One user's events, asked at one moment by one definition; times in microseconds."""

    events: list[tuple[int, str]]
    row: Row
    as_of: int
    follow: int

    def times(self, kinds: tuple[str, ...], after: float = -math.inf, upto: float = math.inf) -> list[int]:
        return [time for time, kind in self.events if kind in kinds and after < time <= upto]

    def held(self, moment: int) -> bool:
        """Whether under contract at a moment."""
        asked = self.row.definition
        since, quit_at = self.times(asked.contract, upto=moment), self.times(asked.cancel, upto=moment)
        if not since or (quit_at and max(quit_at) >= max(since)):
            return False
        return not asked.term_days or moment < max(since) + (asked.term_days + asked.grace_days) * DAY

    def ends(self) -> list[int]:
        """The moments at which a contract can end."""
        asked = self.row.definition
        ran_out = [time + (asked.term_days + asked.grace_days) * DAY for time in self.times(asked.contract)]
        return sorted([*self.times(asked.cancel), *(ran_out if asked.term_days else [])])

    @property
    def window(self) -> tuple[int, int]:
        start = self.as_of + self.row.definition.gap_days * DAY
        return start, start + self.row.definition.horizon_days * DAY

    def is_asked(self) -> bool:
        asked, rule = self.row.definition, self.row.alternative.rule
        if rule in ("cancel", "contract"):
            return self.held(self.as_of)
        so_far = self.times(asked.kinds, upto=self.as_of)
        if rule == "conversion":
            least, below = {"any": (0, math.inf), "no order": (0, 1)}.get(asked.eligible, (0, int(asked.eligible.split()[2]) if "than" in asked.eligible else 0))
            return bool(self.times(("order", "visit", "goodbye"), upto=self.as_of)) and least <= len(so_far) < below
        if rule == "no_second":
            return len(so_far) == 1
        gone = self.times(asked.cancel, upto=self.as_of)
        here = bool(so_far) and not (gone and max(gone) >= max(so_far))
        if rule == "decline":
            return here and self.before() >= 2 and self.as_of - min(so_far) >= asked.horizon_days * DAY
        return here

    def before(self) -> int:
        asked = self.row.definition
        return len(self.times(asked.kinds, self.as_of - asked.horizon_days * DAY, self.as_of))

    def outcome(self) -> bool:
        asked, rule, (start, end) = self.row.definition, self.row.alternative.rule, self.window
        ahead = len(self.times(asked.kinds, start, end))
        if rule in ("cancel", "contract"):
            return any(start < at <= end and not self.held(at) for at in self.ends()) or not self.held(start)
        if rule == "decline":
            return ahead < self.before() / 2
        return ahead > 0 if rule == "conversion" else not ahead or bool(self.times(asked.cancel, start, end))

    def certain(self) -> float:
        rule, (start, end) = self.row.alternative.rule, self.window
        if rule in ("cancel", "contract"):
            return (min(at for at in self.ends() if at > self.as_of and not self.held(at)) - self.as_of) / DAY
        if rule == "conversion":
            return (min(self.times(self.row.definition.kinds, start)) - self.as_of) / DAY
        return (end - self.as_of) / DAY

    def came_back(self) -> bool:
        asked, rule, (_, end) = self.row.definition, self.row.alternative.rule, self.window
        if rule in ("cancel", "contract"):
            out = min(at for at in self.ends() if at > self.as_of and not self.held(at))
            return any(self.held(at) for at in self.times(asked.contract, out, end + self.follow))
        later = len(self.times(asked.kinds, end, end + self.follow))
        if rule == "decline":
            return later >= self.before() / 2
        return later > 0


def naive_row(row: Row, events: tuple[Event, ...], activity: tuple[str, ...], until: int, follow: int) -> None:
    """Assert every count of one row, and the medians."""
    people = sorted({event.user for event in events})
    own = {user: sorted((e.time, e.kind) for e in events if e.user == user) for user in people}
    certain, silent = [], []
    for moment in row.moments:
        asked = [naive for user in people if (naive := Naive(own[user], row, moment.as_of, follow)).is_asked()]
        gone = [naive for naive in asked if naive.outcome()]
        assert (moment.asked, moment.outcome) == (len(asked), len(gone)), (row.definition, moment)
        whole = row.alternative.rule != "conversion" and gone and gone[0].window[1] + follow <= until
        followed = gone if whole else []
        assert (moment.followed, moment.back) == (len(followed), sum(one.came_back() for one in followed))
        certain += [math.floor(one.certain() + 1e-9) for one in gone]
        last = [one.times(activity, upto=moment.as_of) for one in gone]
        silent += [math.floor((moment.as_of - max(times)) / DAY + 1e-4) for times in last if times]
    for found, mine in ((row.certain_days, certain), (row.silent_days, silent)):
        assert (found == statistics.median_low(mine)) if mine else math.isnan(found)


def compared(asked: Business, events: tuple[Event, ...]) -> Comparison:
    return compare(asked, past(events), Silent())


# Seen to fail, each planted in workbench.py or answers.py: the follow-up ending 40 days too early, and counted from as_of; the baseline
# counted from the first event on; no_second asked with `>= 1`; labels asked beyond the last cut-off; only contracts
# that begin after the window taken for coming back.
@pytest.mark.parametrize("name", ["shop", "cancel", "term"])
def test_every_figure_is_what_a_loop_over_events_says(name: str) -> None:
    asked, events = {
        "shop": (SHOP, shopping()), "cancel": (BY_CANCEL, subscribing()), "term": (BY_TERM, subscribing(term=True))
    }[name]  # fmt: skip
    found = compared(asked, events)
    rules = {row.alternative.rule for row in (*found.churn.rows, *found.conversion.rows)}
    assert rules == {
        "shop": {"cancel", "silence", "decline", "no_second", "conversion"},
        "cancel": {"contract", "silence", "decline", "no_purchase"}, "term": {"contract"},
    }[name]  # fmt: skip
    until = max(event.time for event in events)
    for row in (*found.churn.rows, *found.conversion.rows):
        assert len(row.moments) >= 3
        assert all(one.as_of + row.definition.reach_days * DAY <= until for one in row.moments)
        naive_row(row, events, found.kinds, until, found.follow_days * DAY)
    used = [row for row in found.churn.rows if row.alternative.in_use]
    assert [row.definition.horizon_days for row in used] == [asked.churn.horizon_days if asked.churn else 0]


@dataclass(frozen=True)
class InParts:
    """The same past, a few users at a time."""

    whole: Histories
    size: int

    @property
    def span(self) -> Span:
        return self.whole.span

    @property
    def kinds(self) -> tuple[str, ...]:
        return self.whole.kinds

    def buckets(self) -> Iterator[Histories]:
        for first in range(0, len(self.whole), self.size):
            yield self.whole.take(np.arange(first, min(first + self.size, len(self.whole))))

    def __getattr__(self, name: str) -> object:
        return getattr(self.whole, name)


@pytest.mark.parametrize("asked", [SHOP, BY_CANCEL], ids=["shop", "cancel"])
def test_in_parts_as_in_one_piece(asked: Business) -> None:
    # Seen to fail with the silences of the last bucket alone.
    events = shopping() if asked is SHOP else subscribing()
    parts: Past = InParts(past(events), 17)  # type: ignore[assignment]
    assert compare(asked, parts, Silent()).to_json() == compared(asked, events).to_json()


def test_what_came_after_the_data_were_complete_is_not_asked_for() -> None:
    """The same log, but complete until a month earlier: no window reaches beyond, and no contract is seen to end."""
    events = subscribing()
    early = max(event.time for event in events) - 30 * DAY
    known = past([event for event in events if event.time <= early], complete_until=early)
    found = compare(BY_CANCEL, known, Silent())
    for row in found.churn.rows:
        assert row.moments[-1].as_of + row.definition.reach_days * DAY <= early


def test_the_hazard_that_a_subscription_was_given_is_found_again() -> None:
    """A tenth leave each month, exactly at its end; so it is a tenth of every month, and .9^k are left after k."""
    # Seen to fail with contracts that still run counted as ended.
    found = compared(BY_CANCEL, subscribing(4000))
    assert found.contract is not None
    for start, reached, share in found.contract.hazard(30)[:10]:
        assert share == pytest.approx(0.1, abs=4 * math.sqrt(0.09 / reached)), start
    assert found.contract.at(90)[1] < 0.9**3 < found.contract.at(90)[2]


@pytest.mark.parametrize(("days", "middle"), [([1, 0, 1], 0), ([1, 1, 1], 1), ([0, 2, 3], 2), ([0, 0, 0], None)])
def test_the_middle_of_counted_days_is_the_lower_one(days: list[int], middle: int | None) -> None:
    # Seen to fail with `total // 2 + 1`.
    found = _middle(np.array(days))
    assert math.isnan(found) if middle is None else found == middle


def test_the_advice_takes_the_contract_and_says_what_it_lacks() -> None:
    found = compared(BY_CANCEL, subscribing(1500))
    chosen = found.churn.chosen
    assert chosen is not None
    assert (chosen.alternative.rule, found.churn.advice.because) == ("contract", "contract")
    few = compared(SHOP, tuple(event for event in shopping() if event.user < "u00020"))
    assert (few.churn.advice.chosen, few.churn.advice.because) == (None, "too_few")


def test_a_shop_in_which_some_say_goodbye_has_no_contracts_to_time() -> None:
    # Seen to fail with the orders taken for contracts.
    assert compared(SHOP, shopping()).contract is None
