"""A forgotten user: the log is from then on the log of everybody else, and nothing old comes back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features import forgotten as tombstones
from features.business import Business
from features.forgotten import FILE, NOBODY, Forgotten, bury, forgotten
from features.log.compaction import compact
from features.log.forgetting import Traces, hide, traces
from features.log.manifest import REJECTED, SEGMENTS, log_folder
from features.past import Past, open_past
from features.problems import InputProblem
from features.progress import Silent
from tests.features.test_log import CONFIG, END, NOW, bring, made, past_of, rows, shop, write
from tests.histories_made import DAY, Event


def forget(business: Business, user: str, until: int = NOW) -> Traces:
    return hide(business, user, bury(business, user, until), Silent())


def facts(past: Past) -> list[object]:
    span = replace(past.span, complete_until=0)  # how far a delivery was complete stays what it was
    return [past.fingerprint(), past.event_count, past.user_count, past.kinds, span, past.uses(), past.starts(("order",)).tolist()]


def others(events: Sequence[Event], user: str, until: int = NOW) -> list[Event]:
    return [event for event in events if event.user != user or event.time > until]


def on_disk(folder: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for path in folder.rglob("*.parquet"):
        found += pq.read_table(path).to_pylist()
    return found


# Seen to fail: with a tombstone that the fingerprint did not know of; with `first` and `last` left as they were; with a
# mask that ignored the moment.
@pytest.mark.parametrize("until", [NOW, END - 60 * DAY], ids=["all", "up to a moment"])
@pytest.mark.parametrize("which", ["newest", "oldest", "anybody"])
def test_the_log_without_a_user_is_the_log_of_the_others(tmp_path: Path, which: str, until: int) -> None:
    events = made(3, users=20)
    in_time = sorted(events, key=lambda event: event.time)
    user = {"newest": in_time[-1], "oldest": in_time[0], "anybody": in_time[450]}[which].user
    business = shop(tmp_path / "mine", events)
    for number, (low, high) in enumerate([(0, 300), (300, 301), (301, 900)]):
        bring(business, write(tmp_path / f"part{number}.csv", events[low:high], low))
    expected = past_of(shop(tmp_path / "theirs", others(events, user, until)))
    opened = past_of(business)
    found = forget(business, user, until)
    assert found.count == len(events) - len(others(events, user, until))
    past = past_of(business)
    assert facts(past) == facts(expected)
    assert rows(past, business, END) == rows(expected, business, END)
    assert opened.event_count == 900  # who opened it before goes on with what was there
    del opened, past
    assert any(one.get("user") == user and one["time"].timestamp() * 1e6 <= until for one in on_disk(log_folder(business) / SEGMENTS))
    assert compact(business, Silent()).erased == found.count
    kept = on_disk(log_folder(business) / SEGMENTS)
    assert not any(one.get("user") == user and one["time"].timestamp() * 1e6 <= until for one in kept)
    assert sum("says" in one for one in kept) == len(others(events, user, until))  # the digests of the ids went too
    assert facts(past_of(business)) == facts(expected)
    assert rows(past_of(business), business, END) == rows(expected, business, END)
    assert compact(business, Silent()).erased == 0


@pytest.mark.parametrize("compacted", [False, True])
def test_old_events_never_come_back_and_new_ones_count(tmp_path: Path, compacted: bool) -> None:
    # Seen to fail without the filter in `features.events`: after a compaction the old file was new again.
    events = made(5, users=12)
    user, moment = events[0].user, END - 30 * DAY
    business = shop(tmp_path, events)
    bring(business, tmp_path / "all.csv")
    forget(business, user, moment)
    if compacted:
        compact(business, Silent())
    old = [Event(user, moment, "order", 5.0, None), Event(user, moment - DAY, "order", 5.0, None)]
    new = [Event(user, moment + 1, "order", 7.0, None)]
    said = bring(business, write(tmp_path / "again.csv", [*old, *new, *events], 10_000)).lines()
    assert any("asked to be forgotten" in line for line in said)
    known = [part.time[part.owner == list(part.users).index(user)] for part in past_of(business).buckets() if user in part.users]
    later = [event.time for event in events if event.user == user and event.time > moment]
    assert sorted(np.concatenate(known).tolist()) == sorted([*later, *later, moment + 1])


def test_without_a_log_the_source_is_read_without_the_user(tmp_path: Path) -> None:
    events = made(1)
    user = events[7].user
    business = shop(tmp_path / "mine", events)
    forget(business, user)
    past, account = open_past(business, NOW, Silent())
    assert facts(past) == facts(past_of(shop(tmp_path / "theirs", others(events, user))))
    assert any("asked to be forgotten" in note for note in account.notes)


def test_the_last_user_of_a_log_leaves_an_empty_one(tmp_path: Path) -> None:
    business = shop(tmp_path, [Event("only", END, "order", 1.0, None)])
    bring(business, tmp_path / "all.csv")
    assert forget(business, "only").count == 1
    assert not list((log_folder(business) / SEGMENTS).iterdir())
    with pytest.raises(InputProblem, match="No event is left"):
        past_of(business)


def test_rejected_rows_that_name_the_user_go_and_others_stay(tmp_path: Path) -> None:
    business = shop(tmp_path, made(2))
    (tmp_path / "bad.csv").write_text(
        "who,at,what,worth,page,id,came\nanna,,order,1,,x1,\nhanna,,order,1,,x2,\nbert,,order,1,anna,x3,\n"
        "anna,2024-01-01,order,1,,x4,\ncarl,2024-01-01,order,\"1\n", "utf-8")  # fmt: skip
    bring(business, tmp_path / "bad.csv")
    assert traces(business, "anna", NOBODY).rejected == 2
    found = forget(business, "anna")
    assert (found.count, found.rejected, found.event_ids) == (1, 2, ["x4"])
    kept = [row["text"] for row in on_disk(log_folder(business) / REJECTED)]
    assert len(kept) == 2
    assert kept[0].startswith("hanna")


def test_a_tombstone_has_no_id_in_it_and_several_add_up(tmp_path: Path) -> None:
    # Seen to fail with a tombstone file that each burial began anew.
    business = shop(tmp_path, made(0))
    users = sorted({event.user for event in made(0)})[:9]
    for number, user in enumerate(users):
        bury(business, user, number)
    bury(business, users[4], 2)  # an earlier moment does not bring anything back
    stones, text = forgotten(business), (business.state / FILE).read_text()
    assert [stones.until(user) for user in users] == list(range(9))
    assert not any(user in text or json.dumps(user)[1:-1] in text for user in users)
    assert stones.hides(users[5], 5)
    assert not stones.hides(users[5], 6)
    assert not stones.hides("somebody else", 0)
    (business.state / FILE).write_text("{}", "utf-8")
    with pytest.raises(InputProblem, match="must not come back") as caught:
        past_of(business)
    assert caught.value.code == "damaged_tombstones"


def test_only_those_with_the_same_sixteen_bits_are_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    names = pa.array([f"u{number}" for number in range(200_000)], pa.string())
    stones = Forgotten(b"salt").with_user("u77", 5)
    asked: list[str] = []
    mark = Forgotten.mark
    monkeypatch.setattr(Forgotten, "mark", lambda self, user: asked.append(user) or mark(self, user))
    codes = pa.DictionaryArray.from_arrays(pa.array([77, 77, 3], pa.int32()), names)
    table = pa.table({"user": codes, "time": pa.array([5, 6, 5], pa.int64())})
    assert stones.kept(table)["time"].to_pylist() == [6, 5]
    assert "u77" in asked
    assert len(asked) < 30
    assert tombstones.NOBODY.kept(table) is table
    assert "ingested_at" in CONFIG
