"""Fill the store from the event log at bulk speed, beside what it answers from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import sqlalchemy as sa

from features.build import History
from features.histories import I64
from features.online.database import Database, chunks, facts
from features.online.packing import split
from features.online.parts import RECENT, Change
from features.online.statements import Statements
from features.online.tables import EVENT_IDS, HISTORIES, PARTS
from features.past import Past
from features.progress import Progress

USERS_AT_ONCE = 5_000  # in a transaction: posted events wait for no more than that
IDS_AT_ONCE = 500_000  # in order, or the index is written a page an id; some 60 MB
LONGEST_ID = 512  # characters; nobody can ask for a longer one, and an index of PostgreSQL could not hold it


def fill(
    database: Database, statements: Statements, generation: int, past: Past, ids: Iterable[str],
    numbers: Mapping[str, int], parted: Callable[[History], Change], progress: Progress,
) -> None:  # fmt: skip
    """Write histories and event ids of a generation that nobody reads yet; a killed try is cleared by the next.

    numbers: of the kinds of `past`.  parted: makes the parts of a history.
    """
    clear(database, statements)
    with progress.step("writing event ids"):
        _fill_ids(database, generation, ids)
    kind_ids = np.array([numbers[kind] for kind in past.kinds], dtype=np.int64)
    with progress.step(f"writing {past.event_count:,} events as histories of {past.user_count:,} users"):
        for users in chunks(_users(past, kind_ids, parted), USERS_AT_ONCE):
            with database.filling() as connection:
                _fill_users(database, connection, generation, users)


def _fill_ids(database: Database, generation: int, ids: Iterable[str]) -> None:
    for some in chunks((one for one in ids if len(one) <= LONGEST_ID), IDS_AT_ONCE):
        with database.filling() as connection:
            database.engine.add(connection, EVENT_IDS, ((generation, one) for one in sorted(some)))


def _fill_users(
    database: Database, connection: sa.Connection, generation: int, users: Sequence[tuple[str, Change]]
) -> None:
    recent = ((generation, user, parts[RECENT]) for user, parts in users)
    database.engine.add(connection, HISTORIES, recent)
    others = [(generation, user, *one) for user, parts in users for one in parts.items() if one[0] != RECENT]
    if others:
        database.engine.add(connection, PARTS, others)


def _users(past: Past, kind_ids: I64, parted: Callable[[History], Change]) -> Iterator[tuple[str, Change]]:
    for histories in past.buckets():
        for user, history in split(histories, kind_ids):
            if len(user) <= LONGEST_ID:
                yield user, parted(history)


def clear(database: Database, statements: Statements) -> None:
    """Remove all generations but the one that counts, some rows at a time."""
    removed = 1
    while removed:
        with database.filling() as connection:
            removed = statements.clear(connection, int(facts(connection)["generation"]))


def mark_of(past: Past, ids: Sequence[str]) -> str:
    """What tells one past with its event ids from another."""
    digest = hashlib.blake2b("\x00".join(ids).encode(), digest_size=8).hexdigest()
    return f"{past.fingerprint()}/{digest}"
