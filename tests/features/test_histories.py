"""Events become time-sorted histories, whatever order and dress they came in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from features.build import build_at
from features.catalog import catalog
from features.histories import Histories, histories
from features.named import NO_ITEM, item_digest, item_digests
from tests.histories_made import DAY, Event, at, business, log, past

EVENTS = [
    Event("b", 5 * DAY, "view"),
    Event("a", 3 * DAY, "order", 2.0, "shoe"),
    Event("a", 1 * DAY, "view"),
    Event("b", 2 * DAY, "order", -1.0, "shoe"),
    Event("a", 3 * DAY, "order", None, "hat"),
    Event("ä", 4 * DAY, "下单", 0.0, ""),
]


def same(some: Histories, others: Histories) -> bool:
    return some.fingerprint() == others.fingerprint() and (some.hour == others.hour).all()


def test_users_and_events_are_in_order() -> None:
    known = past(EVENTS)
    assert known.users.tolist() == ["a", "b", "ä"]
    assert known.kinds == ("order", "view", "下单")
    assert known.offsets.tolist() == [0, 3, 5, 6]
    assert (known.time // DAY).tolist() == [1, 3, 3, 2, 5, 4]
    assert known.kind.tolist() == [1, 0, 0, 0, 1, 2]
    np.testing.assert_array_equal(known.value, [np.nan, np.nan, 2.0, -1.0, np.nan, 0.0])
    assert known.owner.tolist() == [0, 0, 0, 1, 1, 2]
    assert (known.span.first, known.span.last, len(known)) == (DAY, 5 * DAY, 3)
    assert len(known.arrived) == 0


def test_at_one_instant_what_an_event_is_decides() -> None:
    """By kind, then value (none first), then item, then arrival."""
    # Seen to fail with content_order breaking no ties.
    rows = [
        Event("u", 0, "a"), Event("u", 0, "a", -1.0), Event("u", 0, "a", 3.0, None, 7),
        Event("u", 0, "a", 3.0, None, 9), Event("u", 0, "b", 2.0),
    ]  # fmt: skip
    for shuffled in (rows[::-1], rows[2:] + rows[:2], rows):
        known = past(shuffled)
        np.testing.assert_array_equal(known.value, [np.nan, -1.0, 3.0, 3.0, 2.0])
        assert known.arrived.tolist() == [0, 0, 7, 9, 0]
        assert known.kind.tolist() == [0, 0, 0, 0, 1]


def test_the_dress_of_the_table_does_not_matter() -> None:
    """Chunks, and kinds in a dictionary with another order and unused words."""
    # Seen to fail with the codes of the dictionary taken as they are.
    events = log(EVENTS)
    words = pa.array(["never", "下单", "view", "order"])
    codes = pa.array([{"下单": 1, "view": 2, "order": 3}[event.kind] for event in EVENTS], pa.int32())
    kinds = pa.DictionaryArray.from_arrays(codes, words)
    whole = events.table.set_column(2, "kind", pa.chunked_array([kinds]))
    chunked = pa.concat_tables([whole.slice(0, 2), whole.slice(2, 0), whole.slice(2)])
    assert same(histories(replace(events, table=whole), "UTC"), past(EVENTS))
    assert same(histories(replace(events, table=chunked), "UTC"), past(EVENTS))


def test_an_event_cannot_arrive_before_it_happens() -> None:
    """A clock that lags says so; an event without an arrival was known at once."""
    # Seen to fail without np.maximum.
    known = past([Event("u", 5 * DAY, arrived=DAY), Event("u", 6 * DAY, arrived=9 * DAY), Event("u", 7 * DAY)])
    assert (known.arrived // DAY).tolist() == [5, 9, 7]


def test_who_is_seen_is_who_has_an_event_that_had_arrived() -> None:
    known = past([Event("a", 5), Event("b", 5, arrived=8), Event("c", 9), Event("d", 7)])
    assert [known.users[known.seen(as_of)].tolist() for as_of in (4, 5, 7, 8, 9)] == [
        [], ["a"], ["a", "d"], ["a", "b", "d"], ["a", "b", "c", "d"],
    ]  # fmt: skip


def test_before_the_first_event_there_is_nobody() -> None:
    known = past(EVENTS)
    made = catalog(business(churn={"activity": ["order"], "horizon_days": 30}), known.uses())
    table = build_at(known, made, DAY - 1)
    assert table.values.shape == (0, len(made.names))
    assert len(build_at(known, made, DAY)) == 1


def test_taking_some_users_is_as_if_the_others_never_were() -> None:
    # Seen to fail with the offsets of the whole kept.
    known = past([*EVENTS, Event("c", DAY, arrived=2 * DAY)])
    taken = known.take(np.array([0, 2]))
    alone = past([event for event in [*EVENTS, Event("c", DAY, arrived=2 * DAY)] if event.user in "ac"])
    assert taken.users.tolist() == ["a", "c"]
    for name in ("offsets", "time", "value", "item", "hour", "arrived"):
        np.testing.assert_array_equal(getattr(taken, name), getattr(alone, name), err_msg=name)
    nobody = known.take(np.array([], dtype=np.int64))
    assert (len(nobody), nobody.offsets.tolist(), len(nobody.time)) == (0, [0], 0)


def test_items_have_the_same_number_everywhere() -> None:
    assert item_digest("shoe") == item_digest("shoe") != item_digest("hat")
    assert NO_ITEM not in (item_digest(""), item_digest("shoe"))
    column = pa.chunked_array([pa.array(["shoe", None]), pa.array(["hat", "shoe"])])
    assert item_digests(column).tolist() == [item_digest("shoe"), NO_ITEM, item_digest("hat"), item_digest("shoe")]
    assert item_digests(pa.chunked_array([pa.nulls(2, pa.string())])).tolist() == [NO_ITEM, NO_ITEM]
    assert item_digest("shoe") == 2333105135857528250  # in every process and release: the online store keeps it


@pytest.mark.parametrize(("zone", "moment", "hour"), [
    ("UTC", "2024-02-26T00:00", 0), ("UTC", "2024-03-03T23:59:59.999999", 167), ("UTC", "1969-12-29T00:00", 0),
    ("Europe/Berlin", "2024-02-25T23:00", 0), ("Europe/Berlin", "2024-03-31T00:59:59", 6 * 24 + 1),
    ("Europe/Berlin", "2024-03-31T01:00", 6 * 24 + 3), ("Asia/Kolkata", "2024-02-25T18:30", 0),
])  # fmt: skip
def test_the_hour_of_the_week_is_the_business_zones(zone: str, moment: str, hour: int) -> None:
    assert past([Event("u", at(moment))], zone).hour.tolist() == [hour]


def test_kinds_are_counted_with_their_items_and_values() -> None:
    uses = {use.kind: (use.events, use.items, use.values) for use in past(EVENTS).uses()}
    assert uses == {"order": (3, True, True), "view": (2, False, False), "下单": (1, True, True)}


@pytest.mark.parametrize("change", [
    {"time": 6 * DAY}, {"user": "c"}, {"kind": "order"}, {"value": 0.0}, {"item": "x"}, {"arrived": 9 * DAY},
])  # fmt: skip
def test_the_fingerprint_sees_every_change(change: dict[str, object]) -> None:
    changed = [EVENTS[0]._replace(**change), *EVENTS[1:]]  # type: ignore[arg-type]
    assert past(changed).fingerprint() != past(EVENTS).fingerprint()
    assert past(EVENTS[::-1]).fingerprint() == past(EVENTS).fingerprint()
