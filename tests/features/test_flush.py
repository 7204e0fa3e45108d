"""The flush: posted events reach the event log, each exactly once, whatever happens on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from features.business import Business
from features.log import appending
from features.log.compaction import compact
from features.log.ingest import ingest
from features.log.manifest import POSTED, log_folder, read_manifest
from features.log.reading import open_log
from features.online import flush as flushing
from features.online.flush import Flushed, flush, flush_regularly
from features.online.place import warm
from features.online.store import PostedEvent, Store
from features.past import Past
from features.progress import Silent
from tests.features.test_log import CONFIG, END, NOW, bring, made, past_of, rows, shop, write
from tests.features.test_store import journal_size
from tests.histories_made import DAY, Event

MINUTE = 60_000_000
WITHOUT_ARRIVALS = CONFIG.replace('ingested_at = "came"', "")


def posted(events: Sequence[Event], first_id: int = 0) -> list[PostedEvent]:
    return [PostedEvent(f"id{first_id + n}", e.user, e.time, e.kind, e.value, e.item) for n, e in enumerate(events)]


def features(past: Past, business: Business) -> dict[str, bytes]:
    return rows(past, business, END + 2 * DAY)


def opened(url: str) -> Store:
    return Store(url, "UTC")


def flushed(business: Business, store: Store) -> Flushed:
    return flush(business, store, NOW, Silent())


def online(store: Store, users: Sequence[str]) -> dict[str, tuple[bytes, ...]]:
    known = store.read(users)
    found = {}
    for user, history in known.histories.items():
        kinds = "/".join(known.kinds[code] for code in history.kind).encode()
        found[user] = (history.time.tobytes(), kinds, history.value.tobytes(), history.item.tobytes(), history.arrived.tobytes())
    return found


class Shop:
    """A business with the first 600 events in its source, and the rest to be posted."""

    def __init__(self, folder: Path, url: str, config: str = CONFIG) -> None:
        self.events = made()
        self.business = shop(folder, self.events[:600], config)
        self.store = opened(url)
        self.users = sorted({event.user for event in self.events})

    def post(self, low: int, high: int) -> None:
        some = posted(self.events[low:high], low)
        assert self.store.append(some, END + DAY) == ["accepted"] * len(some)

    def warm(self) -> bool:
        return warm(self.business, self.store, NOW, Silent())[1]

    def all_there(self) -> None:
        """The log and the store have every event once, with what arrived when; the journal is empty."""
        log, manifest = past_of(self.business), read_manifest(log_folder(self.business))
        assert manifest is not None
        assert log.event_count == manifest.events == len(self.events)
        assert sum(len(self.store.read([user]).histories[user].time) for user in self.users) == len(self.events)
        assert self.store.fingerprint == manifest.mark
        again = self.store.append(posted(self.events), NOW)
        assert again == ["duplicate"] * len(again)


@pytest.mark.parametrize("config", [CONFIG, WITHOUT_ARRIVALS], ids=["with arrivals", "without"])
@pytest.mark.parametrize("logged", [True, False])
def test_posted_events_are_in_the_log_as_if_they_had_been_ingested(
    tmp_path: Path, url: str, config: str, logged: bool
) -> None:
    # Seen to fail with ingested_at told to a log without arrivals.
    made_here = Shop(tmp_path, url, config)
    if logged:
        ingest(made_here.business, NOW, Silent())
    assert made_here.warm()
    made_here.post(600, 900)
    before = online(made_here.store, made_here.users)
    done = flushed(made_here.business, made_here.store)
    assert (done.carried, done.known, done.left, done.ingested is None) == (300, 0, 0, logged)
    assert "300 posted events carried" in done.lines()[-1]
    assert journal_size(url) == 0
    assert online(made_here.store, made_here.users) == before
    made_here.all_there()
    assert not made_here.warm(), "the store holds this log already"
    arrivals = config == CONFIG
    late = [e._replace(arrived=max(END + DAY, e.time)) if arrivals else e for e in made_here.events[600:]]
    write(tmp_path / "all.csv", [*made_here.events[:600], *late])
    whole = shop(tmp_path / "whole", [*made_here.events[:600], *late], config)
    for moment in (END, END + 2 * DAY):
        assert rows(past_of(made_here.business), made_here.business, moment) == rows(past_of(whole), whole, moment)
    assert past_of(made_here.business).fingerprint() == past_of(whole).fingerprint()
    opened(url).warm(past_of(whole), [], "another")  # a full refill gives the same histories
    assert online(made_here.store, made_here.users) == before


def test_what_the_log_has_meanwhile_is_not_carried_again(tmp_path: Path, url: str) -> None:
    here = Shop(tmp_path, url)
    here.warm()
    here.post(600, 900)
    ingest(here.business, NOW, Silent())
    bring(here.business, write(tmp_path / "late.csv", here.events[700:900], 700))
    done = flushed(here.business, here.store)
    assert (done.carried, done.known) == (100, 200)
    assert past_of(here.business).event_count == 900
    assert here.store.fingerprint != read_manifest(log_folder(here.business)).mark  # type: ignore[union-attr]
    assert here.warm(), "the store has not seen the file that was ingested"
    here.all_there()
    assert flushed(here.business, here.store).carried == 0
    deliveries = read_manifest(log_folder(here.business)).deliveries  # type: ignore[union-attr]
    assert [(one.source == POSTED, one.events) for one in deliveries] == [(False, 600), (False, 200), (True, 100)]


def test_compaction_and_a_second_store_do_not_confuse_the_mark(tmp_path: Path, url: str) -> None:
    here = Shop(tmp_path, url)
    ingest(here.business, NOW, Silent())
    here.warm()
    for low in (600, 700, 800):
        here.post(low, low + 100)
        assert flushed(here.business, here.store).carried == 100
    compact(here.business, Silent())
    assert not here.warm()
    here.all_there()


class Killed(BaseException):
    pass


def dying(call: Callable[..., Any], after: bool) -> Callable[..., Any]:
    def die(*args: Any, **said: Any) -> None:
        if after:
            call(*args, **said)
        raise Killed

    return die


# Seen to fail with the note written after the log is published.
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("where", "step"),
    [(flushing, "_note"), (appending, "publish"), (flushing, "_settle"), (flushing.Statements, "forget_posted")],
)
@pytest.mark.parametrize("posting", [False, True], ids=["quiet", "posted between"])
def test_a_kill_at_each_step_loses_nothing_and_doubles_nothing(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, where: Any, step: str, after: bool, posting: bool
) -> None:
    here = Shop(tmp_path, url)
    ingest(here.business, NOW, Silent())
    here.warm()
    here.post(600, 800)
    with monkeypatch.context() as planted:
        planted.setattr(where, step, dying(getattr(where, step), after))
        with pytest.raises(Killed):
            flushed(here.business, here.store)
    here.store = opened(url)
    if posting:
        here.post(800, 900)
    else:
        here.events = here.events[:800]
        here.users = sorted({event.user for event in here.events})
    flushed(here.business, here.store)
    here.all_there()
    assert not here.warm()
    assert journal_size(url) == 0


def test_posting_goes_on_while_a_flush_runs(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flushing, "MOST_AT_ONCE", 40)
    here = Shop(tmp_path, url)
    ingest(here.business, NOW, Silent())
    here.warm()
    wrong: list[str] = []

    def write_all() -> None:
        store = opened(url)
        for low in range(600, 900, 5):
            wrong.extend(store.append(posted(here.events[low : low + 5], low), END + DAY))
            store.append(posted(here.events[low - 20 : low], low - 20), END + DAY)

    writer = threading.Thread(target=write_all)
    writer.start()
    carried = 0
    while writer.is_alive():
        carried += flushed(here.business, here.store).carried
    carried += flushed(here.business, here.store).carried
    assert wrong == ["accepted"] * 300
    assert carried == 300
    here.all_there()


def test_the_regular_flush_waits_for_a_log_and_for_nobody(tmp_path: Path, url: str) -> None:
    here = Shop(tmp_path, url)
    here.post(600, 900)
    assert flush_regularly(here.business, here.store, NOW) is None
    assert open_log(here.business) is None
    ingest(here.business, NOW, Silent())
    other = opened(url)
    with other.database.alone():
        assert flush_regularly(here.business, here.store, NOW) is None
    done = flush_regularly(here.business, here.store, NOW)
    assert done is not None
    assert done.carried == 300
