"""The online store: every user's history of now, so that a score reflects an event that was posted a moment ago.

A projection of the event log plus a journal of what was posted since.  In a SQLite file beside winback.toml, or in
PostgreSQL; `place` knows where that of a business is, `filling` brings it up to the log, `flush` empties the journal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import sqlalchemy as sa

from features.arrays import Plan
from features.build import History
from features.clock import zone_table
from features.histories import I64
from features.named import NO_ITEM, item_digest
from features.online.database import Database, Row, StoreUnavailable, chunks, facts, insert, state
from features.online.filling import clear, fill, mark_of
from features.online.fold import USUAL, Folding
from features.online.kinds import Kinds, ranks
from features.online.packing import MOST_EVENT_BYTES, unpack_carry
from features.online.parts import ARCHIVE, CARRY, Change, Stored, grown, nothing, packed_parts, whole_history
from features.online.statements import Statements
from features.online.stones import SALT, refused_until
from features.online.tables import FRONTIER
from features.online.together import Together
from features.past import Past
from features.progress import Progress, Silent

__all__ = ["PostedEvent", "Snapshot", "Store", "StoreUnavailable", "Verdict", "open_store"]

Verdict = Literal["accepted", "duplicate", "too many kinds", "forgotten"]
A_REPLAY = A_COMMIT = 5_000  # events


@dataclass(frozen=True)
class PostedEvent:
    """One event as it was posted.  time: microseconds UTC.  value: finite or None.  No text holds a NUL."""

    event_id: str
    user_id: str
    time: int
    kind: str
    value: float | None = None
    item: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """What the store knew at one moment.

    histories: by user, only of those asked for who are known; their kind codes index `kinds`.
    frontier: time of the newest event of anybody, microseconds UTC; None while the store is empty.
    """

    histories: Mapping[str, History]
    kinds: tuple[str, ...]
    frontier: int | None


@dataclass(frozen=True)
class _Call:
    events: Sequence[PostedEvent]
    received_at: int


class Store:
    """Packed histories by user, and the ids of all events in them; safe for several threads, processes and machines."""

    def __init__(self, url: str, zone: str, max_kinds: int = 200, folding: Folding = USUAL) -> None:
        """url: sqlite:///PATH or postgresql://...  zone: the business time zone, for the hour of the week.

        folding: when old events are folded.
        """
        self.database = Database(url)
        self._says = Statements(self.database.engine)
        self._zone = zone_table(zone)
        self._kinds = Kinds(self.database, max_kinds)
        self._folding = folding
        self._together = Together(self._append, A_COMMIT)

    def close(self) -> None:
        self.database.close()

    @property
    def fingerprint(self) -> str | None:
        """Of the event log that the store was last filled from; None when it never was."""
        with self.database.reading() as connection:
            return facts(connection).get("log")

    def read(self, users: Sequence[str], folded: bool = False) -> Snapshot:
        """The histories of these users, all of one moment; unknown users are absent.

        folded: with the old events of long histories as a carry, where they are folded, instead of one by one.
        """
        rows = self.database.read([user for user in users if "\0" not in user], CARRY if folded else ARCHIVE)
        frontier, kinds, *_ = rows[0]
        names, found = self._kinds.names(int(kinds)), {}
        for _, _, user, packed, tail, old in rows:
            if user is not None:
                found[user] = whole_history(packed, tail, None if folded else old, names, self._zone)
                if folded and old is not None:
                    found[user] = replace(found[user], carry=unpack_carry(old, self._zone))
                    if found[user].carry is None:  # the business has moved to another time zone
                        return self.read(users)
        return Snapshot(found, names, frontier)

    def unfolded(self, known: Snapshot, plan: Plan, as_of: int, as_known_then: bool) -> Snapshot:
        """The same, but with the whole history of those whose carry cannot answer for this moment.

        as_known_then: whether only what had arrived by `as_of` counts.
        """
        short = [user for user, one in known.histories.items() if not one.serves(plan, as_of, as_known_then)]
        if not short:
            return known
        whole = self.read(short)
        return replace(whole, histories={**known.histories, **whole.histories})

    def append(self, events: Sequence[PostedEvent], received_at: int) -> list[Verdict]:
        """Add events durably, each id once; they are on disk when this returns.

        events: a few thousand at most.  received_at: microseconds UTC.  Returns one verdict an event, in order.
        Raises StoreUnavailable when they could not be written; then none was.
        """
        if not events:
            return []
        call = _Call(events, received_at)
        return self._together(call, len(events)) if self.database.engine.one_writer else self._append([call])[0]

    def _append(self, calls: Sequence[_Call]) -> list[list[Verdict]]:
        """Several calls in one transaction, in their order: most of what an event costs is the commit."""
        everything = [(event, call.received_at) for call in calls for event in call.events]
        users = {event.user_id for event, _ in everything}
        with self.database.writing(users) as connection:
            said = facts(connection)
            generation = int(said["generation"])
            until = refused_until(connection, said.get(SALT), users)
            welcome = [(event, at) for event, at in everything if not _forgotten(event, until)]
            new = self._says.add_ids(connection, generation, {event.event_id for event, _ in welcome})
            fresh: dict[str, tuple[PostedEvent, int]] = {}
            for event, at in welcome:
                if event.event_id in new:
                    fresh.setdefault(event.event_id, (event, at))
            kinds = (event.kind for event, _ in fresh.values())
            numbers = self._kinds.number(connection, kinds, int(said["kinds"]), limited=True)
            rows = [vars(event) | {"received_at": at} for event, at in fresh.values() if event.kind in numbers]
            refused = [event.event_id for event, _ in fresh.values() if event.kind not in numbers]
            self._says.forget_ids(connection, generation, refused)
            self._says.add_posted(connection, rows)
            self._fold(connection, generation, rows, numbers, said.get("arrivals") == "1")
        first = {event_id: event for event_id, (event, _) in fresh.items()}
        return [
            [
                "forgotten" if _forgotten(event, until) else _verdict(event, first.get(event.event_id), numbers)
                for event in call.events
            ]
            for call in calls
        ]

    def warm(
        self, past: Past, event_ids: Iterable[str] = (), mark: str | None = None, progress: Progress | None = None
    ) -> bool:
        """Fill the store from the event log; False when it already holds exactly this log.

        event_ids: those of the log, so that an event posted again, or posted first and in the log since, counts once.
        mark: what names this log (`features.past.mark_of`); None makes one of all ids.
        Until all is there, readers and writers go on with what was there before; then they change over in one step.
        Events posted over HTTP that the log does not have are kept.  The caller is alone with the store
        (`Database.alone`) since before it opened `past`, or what is flushed in between would be missing.
        Raises StoreUnavailable, with nothing changed.
        """
        if mark is None:
            event_ids = sorted(set(event_ids))
            mark = mark_of(past, event_ids)
        if self.fingerprint == mark:
            return False
        with self.database.writing([]) as connection:
            said = facts(connection)
            generation = int(said["generation"]) + 1
            numbers = self._kinds.number(connection, past.kinds, int(said["kinds"]), limited=False)
        edge = self._folding.edge(past.span.last)
        parted = partial(packed_parts, edge=edge, folding=self._folding, zone=self._zone)
        fill(self.database, self._says, generation, past, event_ids, numbers, parted, progress or Silent())
        self._change_over(generation, mark, past)
        clear(self.database, self._says)
        return True

    def _change_over(self, generation: int, mark: str, past: Past) -> None:
        """Let a filled generation count, with the posted events that the log does not have folded into it."""
        with self.database.writing() as connection:
            kinds = int(facts(connection)["kinds"])
            state(connection, generation=str(generation), log=mark, arrivals=str(int(past.arrivals)))
            connection.execute(FRONTIER.delete())
            insert(connection, FRONTIER, [{"stripe": 0, "time": past.span.last}])
            rows = self._says.not_in_log(connection, generation)
            self._says.add_ids(connection, generation, [row["event_id"] for row in rows])
            numbers = self._kinds.number(connection, {row["kind"] for row in rows}, kinds, limited=False)
            for some in chunks(rows, A_REPLAY):
                self._fold(connection, generation, some, numbers, past.arrivals)

    def _fold(
        self, connection: sa.Connection, generation: int, rows: Sequence[Row], numbers: Mapping[str, int],
        arrivals: bool,
    ) -> None:  # fmt: skip
        """Merge journal rows into the packed histories of their users and move the frontier."""
        by_user: defaultdict[str, list[Row]] = defaultdict(list)
        for row in rows:
            by_user[row["user_id"]].append(row)
        if not by_user:
            return
        self._says.move_frontier(connection, rows)
        rank, most = ranks(numbers), MOST_EVENT_BYTES * self._folding.whole
        stored, changes = self._says.stored(connection, generation, by_user, most), {}
        for user, added in by_user.items():
            posted = self._posted(added, numbers, arrivals)
            there = stored.get(user) or nothing(posted)
            changes[user] = self._grown(connection, generation, user, there, posted, rank)
        self._says.put(connection, generation, changes)

    def _grown(
        self, connection: sa.Connection, generation: int, user: str, stored: Stored, posted: History, rank: I64
    ) -> Change:
        """What to write when events are posted to a user."""

        def edge() -> int:
            return self._folding.edge(self._says.frontier(connection))

        def part(name: str) -> bytes:
            return self._says.part(connection, generation, user, name)

        return grown(stored, posted, rank, self._folding, self._zone, edge, part)

    def _posted(self, rows: Sequence[Row], numbers: Mapping[str, int], arrivals: bool) -> History:
        """Posted events as arrays, in no order; there is no -0.0, which equals 0.0 but has other bits."""
        time = np.array([row["time"] for row in rows], dtype=np.int64)
        arrived = np.array([max(row["received_at"], row["time"]) for row in rows if arrivals], dtype=np.int64)
        return History(
            time, np.array([numbers[row["kind"]] for row in rows], dtype=np.int16),
            np.array([np.nan if row["value"] is None else row["value"] + 0.0 for row in rows]),
            np.array([item_digest(row["item"]) if row["item"] else NO_ITEM for row in rows], dtype=np.int64),
            self._zone.hour_of_week(time), arrived,
        )  # fmt: skip


def open_store(path: Path, zone: str, max_kinds: int = 200, folding: Folding = USUAL) -> Store:
    """The SQLite store in a file, which is made when it is missing.

    Raises InputProblem when the file is something else or of another version of winback.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    return Store(f"sqlite:///{path}", zone, max_kinds, folding)


def _forgotten(event: PostedEvent, until: Mapping[str, int]) -> bool:
    """until: by user, the time up to which events of somebody who was forgotten are refused."""
    return event.time <= until.get(event.user_id, event.time - 1)


def _verdict(event: PostedEvent, first: PostedEvent | None, numbers: Mapping[str, int]) -> Verdict:
    """first: the event that carries this id for the first time, None when it was known before."""
    if first is not None and first.kind not in numbers:
        return "too many kinds"
    return "accepted" if event is first else "duplicate"
