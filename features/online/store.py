"""The online store: every user's history of now, so that a score reflects an event that was posted a moment ago.

A projection of the event log plus a journal of what was posted since. SQLite beside winback.toml; the statements are
plain SQLAlchemy, so that another database needs no second implementation.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa

from features.build import History
from features.clock import zone_table
from features.named import NO_ITEM, item_digest
from features.online.database import (
    A_QUERY,
    A_WRITE,
    HISTORIES,
    JOURNAL,
    KINDS,
    LOG_IDS,
    Database,
    StoreUnavailable,
    chunks,
    facts,
    insert,
    known_ids,
    packed,
    state,
)
from features.online.packing import merge, pack, split, unpack
from features.past import Past

__all__ = ["PostedEvent", "Snapshot", "Store", "StoreUnavailable", "Verdict", "open_store"]

Verdict = Literal["accepted", "duplicate", "too many kinds"]


@dataclass(frozen=True)
class PostedEvent:
    """One event as it was posted.  time: microseconds UTC.  value: finite or None."""

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


class Store:
    """Packed histories by user, and the ids of all events in them; safe for several threads and processes at once."""

    def __init__(self, url: str, zone: str, max_kinds: int = 200) -> None:
        """url: as SQLAlchemy writes it.  zone: the business time zone, for the hour of the week."""
        self._database = Database(url)
        self._zone = zone_table(zone)
        self._max_kinds = max_kinds
        self._names: tuple[str, ...] = ()

    def close(self) -> None:
        self._database.close()

    @property
    def fingerprint(self) -> str | None:
        """Of the event log that the store was last filled from; None when it never was."""
        with self._database.reading() as connection:
            return facts(connection).get("log")

    def warm(self, past: Past, event_ids: Iterable[str] = ()) -> bool:
        """Fill the store from the event log in one transaction; False when it already holds exactly this log.

        event_ids: those of the log, so that an event posted again, or posted first and in the log since, counts once.
        Events posted over HTTP that the log does not have are kept.
        """
        ids = sorted(set(event_ids))  # in order, or the index is written a page an id
        mark = _mark(past, ids)
        with self._database.writing() as connection:
            if facts(connection).get("log") == mark:
                return False
            for table in (HISTORIES, LOG_IDS):
                connection.execute(table.delete())
            insert(connection, LOG_IDS, ({"event_id": event_id} for event_id in ids))
            numbers = self._number(connection, past.kinds)
            kind_ids = np.array([numbers[kind] for kind in past.kinds], dtype=np.int64)
            for histories in past.buckets():
                everybody = split(histories, kind_ids)
                insert(connection, HISTORIES, ({"user_id": user, "packed": blob} for user, blob in everybody))
            state(connection, log=mark, arrivals=str(int(past.arrivals)), frontier=str(past.span.last))
            self._replay(connection)
        return True

    def append(self, events: Sequence[PostedEvent], received_at: int) -> list[Verdict]:
        """Add events durably, each id once; they are on disk when this returns.

        events: a few thousand at most.  received_at: microseconds UTC.  Returns one verdict an event, in order.
        Raises StoreUnavailable when they could not be written; then none was.
        """
        with self._database.writing() as connection:
            known = known_ids(connection, [event.event_id for event in events])
            fresh: dict[str, PostedEvent] = {}
            for event in events:
                if event.event_id not in known:
                    fresh.setdefault(event.event_id, event)
            numbers = self._number(connection, (event.kind for event in fresh.values()), self._max_kinds)
            taken = [event for event in fresh.values() if event.kind in numbers]
            rows = [{**vars(event), "received_at": received_at} for event in taken]
            insert(connection, JOURNAL, rows)
            self._fold(connection, rows, numbers)
        return [_verdict(event, fresh.get(event.event_id), numbers) for event in events]

    def read(self, users: Sequence[str]) -> Snapshot:
        """The histories of these users, all of one moment; unknown users are absent."""
        found: dict[str, History] = {}
        with self._database.reading() as connection:
            meta, names = facts(connection), self._names
            if int(meta.get("kinds", 0)) > len(names):  # kinds are only ever added, at the end
                names = tuple(connection.execute(sa.select(KINDS.c.name).order_by(KINDS.c.id)).scalars())
                self._names = names
            for user, blob in packed(connection, users):
                found[user] = unpack(blob, self._zone)
        return Snapshot(found, names, int(meta["frontier"]) if "frontier" in meta else None)

    def _replay(self, connection: sa.Connection) -> None:
        """Fold every posted event that the log does not have into the histories anew."""
        in_log = sa.exists().where(LOG_IDS.c.event_id == JOURNAL.c.event_id)
        rows = [dict(row) for row in connection.execute(sa.select(JOURNAL).where(~in_log)).mappings()]
        numbers = self._number(connection, {row["kind"] for row in rows})
        for some in chunks(rows, A_WRITE):
            self._fold(connection, some, numbers)

    def _fold(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]], numbers: Mapping[str, int]) -> None:
        """Merge journal rows into the packed histories of their users and move the frontier."""
        if not rows:
            return
        meta = facts(connection)
        by_user: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for row in rows:
            by_user[row["user_id"]].append(row)
        rank = np.argsort(np.argsort(np.array(sorted(numbers, key=lambda name: numbers[name]), dtype=object)))
        before = dict(packed(connection, list(by_user)))
        after = []
        for user, added in by_user.items():
            history = self._history(added, numbers, meta.get("arrivals") == "1")
            known = unpack(before[user], self._zone) if user in before else _none(history)
            after.append({"user_id": user, "packed": pack(merge(known, history, rank))})
        for some in chunks(list(before), A_QUERY):
            connection.execute(HISTORIES.delete().where(HISTORIES.c.user_id.in_(some)))
        insert(connection, HISTORIES, after)
        newest = max(row["time"] for row in rows)
        state(connection, frontier=str(max(newest, int(meta.get("frontier", newest)))))

    def _history(self, rows: Sequence[Mapping[str, Any]], numbers: Mapping[str, int], arrivals: bool) -> History:
        """Posted events as arrays, in no order; there is no -0.0, which equals 0.0 but has other bits."""
        time = np.array([row["time"] for row in rows], dtype=np.int64)
        arrived = np.array([max(row["received_at"], row["time"]) for row in rows if arrivals], dtype=np.int64)
        return History(
            time, np.array([numbers[row["kind"]] for row in rows], dtype=np.int16),
            np.array([np.nan if row["value"] is None else row["value"] + 0.0 for row in rows]),
            np.array([item_digest(row["item"]) if row["item"] else NO_ITEM for row in rows], dtype=np.int64),
            self._zone.hour_of_week(time), arrived,
        )  # fmt: skip

    def _number(self, connection: sa.Connection, kinds: Iterable[str], limit: int | None = None) -> dict[str, int]:
        """The numbers of all kinds, new ones added behind the old ones; beyond the limit a new kind gets none."""
        numbers = {name: number for number, name in connection.execute(sa.select(KINDS.c.id, KINDS.c.name))}
        new = [kind for kind in dict.fromkeys(kinds) if kind not in numbers]
        if limit is not None:
            new = new[: max(0, limit - len(numbers))]
        if new:
            rows = [{"id": number, "name": name} for number, name in enumerate(new, len(numbers))]
            insert(connection, KINDS, rows)
            numbers |= {row["name"]: row["id"] for row in rows}
            state(connection, kinds=str(len(numbers)))
        return numbers


def open_store(path: Path, zone: str, max_kinds: int = 200) -> Store:
    """The SQLite store in a file, which is made when it is missing.

    Raises InputProblem when the file is something else or of another version of winback.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    return Store(f"sqlite:///{path}", zone, max_kinds)


def _verdict(event: PostedEvent, first: PostedEvent | None, numbers: Mapping[str, int]) -> Verdict:
    """first: the event that carries this id for the first time, None when it was known before."""
    if first is not None and first.kind not in numbers:
        return "too many kinds"
    return "accepted" if event is first else "duplicate"


def _mark(past: Past, ids: Sequence[str]) -> str:
    digest = hashlib.blake2b("\x00".join(ids).encode(), digest_size=8).hexdigest()
    return f"{past.fingerprint()}/{digest}"


def _none(like: History) -> History:
    return History(like.time[:0], like.kind[:0], like.value[:0], like.item[:0], like.hour[:0], like.arrived[:0])
