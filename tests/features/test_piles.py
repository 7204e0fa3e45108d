"""A large table dealt to piles is the same past as the table sorted at once."""

from __future__ import annotations

import numpy as np
import pytest

from features import piles as dealing
from features.build import build_at
from features.histories import arranged, span_of
from features.piles import piles
from tests.features.test_log import END, made
from tests.histories_made import DAY, Event, business, log

SHOP = business(churn={"activity": ["order", "login"], "horizon_days": 30})


@pytest.mark.parametrize("late", [False, True], ids=["known at once", "late"])
@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_piles_are_the_histories_cut_between_users(monkeypatch: pytest.MonkeyPatch, size: int, late: bool) -> None:
    # Seen to fail with the kind taken from the wrong bits in _scatter_pile, and with events of one instant left as they came.
    monkeypatch.setattr(dealing, "A_PILE", size)
    events = [event if late else event._replace(arrived=None) for event in made(3)]
    table, span = log(events), span_of(log(events), "Europe/Berlin")
    whole, _ = arranged(table.table, span)
    past = piles(table.table, span)
    parts = list(past.buckets())
    assert (len(parts) > 20) is (size <= 7)
    for name in ("users", "time", "kind", "value", "item", "hour", "arrived"):
        together = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(together, getattr(whole, name), err_msg=name)
    assert past.uses() == whole.uses()
    assert past.fingerprint() == whole.fingerprint()
    assert (past.user_count, past.event_count, past.arrivals) == (len(whole), 900, late)
    np.testing.assert_array_equal(past.starts(("order",)), whole.starts(("order",)))
    today = [part for part in past.as_known_today().buckets() if part.arrivals]
    assert today == []


def test_one_user_is_in_one_pile_however_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dealing, "A_PILE", 10)
    events = [Event("busy", END - n * DAY) for n in range(200)] + [Event(f"u{n}", END) for n in range(30)]
    past = piles(log(events).table, span_of(log(events), "UTC"))
    sizes = {user: part.event_count for part in past.buckets() for user in part.users}
    assert sizes["busy"] >= 200
    assert len(sizes) == 31


def test_features_do_not_know_the_piles(monkeypatch: pytest.MonkeyPatch) -> None:
    from features.past import catalog_of

    events = made(5)
    whole, _ = arranged(log(events).table, span_of(log(events), "UTC"))
    features = catalog_of(SHOP, whole)
    monkeypatch.setattr(dealing, "A_PILE", 50)
    past = piles(log(events).table, span_of(log(events), "UTC"))
    rows = np.concatenate([build_at(part, features, END).values for part in past.buckets()])
    np.testing.assert_array_equal(rows.view(np.int32), build_at(whole, features, END).values.view(np.int32))
