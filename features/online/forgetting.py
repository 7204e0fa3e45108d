"""One user out of the online store; what was before is refused: an old event that is posted again is not taken."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from features.forgotten import Forgotten
from features.online.database import chunks
from features.online.sqlite import Sqlite
from features.online.stones import A_QUERY, said_of, stones_in, write_stones
from features.online.store import Store
from features.online.tables import EVENT_IDS, HISTORIES, JOURNAL, TABLES


@dataclass(frozen=True)
class Held:
    """What the store has of one user.

    known: whether there is a history.  posted: the ids of events that wait for a flush.  newest: their newest time,
    microseconds UTC, None without any.
    """

    known: bool
    posted: tuple[str, ...]
    newest: int | None


def held(store: Store, user: str) -> Held:
    """Look for a user; nothing is changed.  Raises StoreUnavailable."""
    with store.database.reading() as connection:
        rows = _posted(connection, user)
        known = connection.execute(sa.select(sa.func.count()).where(HISTORIES.c.user_id == user)).scalar_one()
    return Held(known > 0, tuple(row.event_id for row in rows), max((row.time for row in rows), default=None))


def erase(store: Store, user: str, stones: Forgotten, event_ids: Collection[str]) -> Held:
    """Remove a user's history, posted events and event ids for good, and refuse the old ones from now on.

    event_ids: of the user's events in the log; a list of ids can tell as much as the events.  It waits for a filling or
    a flush to end.  Returns what there was.  Raises StoreUnavailable; then nothing was changed.
    """
    with store.database.alone():
        with store.database.writing([user]) as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete=ON")
            rows = _posted(connection, user)
            posted = tuple(row.event_id for row in rows)
            theirs = ((table, table.delete().where(table.c.user_id == user)) for table in _OF_USERS)
            gone = {table: connection.execute(statement).rowcount for table, statement in theirs}
            known = gone[HISTORIES]
            for some in chunks(sorted({*event_ids, *posted}), A_QUERY):
                connection.execute(EVENT_IDS.delete().where(EVENT_IDS.c.event_id.in_(some)))
            write_stones(connection, stones)
        _off_the_disk(store)
    return Held(known > 0, posted, max((row.time for row in rows), default=None))


_OF_USERS = [table for table in TABLES.sorted_tables if "user_id" in table.columns]


def _posted(connection: sa.Connection, user: str) -> Sequence[Any]:
    return connection.execute(sa.select(JOURNAL.c.event_id, JOURNAL.c.time).where(JOURNAL.c.user_id == user)).all()


def tell(store: Store, stones: Forgotten) -> None:
    """Let the store know whom to refuse, where it does not yet: a new store has never heard of them."""
    if not stones.people:
        return
    with store.database.reading() as connection:
        if stones_in(connection) == said_of(stones):
            return
    with store.database.writing([]) as connection:
        write_stones(connection, stones)


def _off_the_disk(store: Store) -> None:
    """Carry the erasure from SQLite's write-ahead log into the file, as far as no reader holds it up."""
    if isinstance(store.database.engine, Sqlite):
        with contextlib.closing(sqlite3.connect(store.database.engine.place)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
