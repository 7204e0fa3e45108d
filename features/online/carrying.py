"""The online store as one SQLite file, and back into either engine: what a backup holds of it."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import sqlalchemy as sa

from features.online.database import Database, chunks, insert
from features.online.sqlite import Sqlite
from features.online.tables import EVENT_IDS, HISTORIES, META, PARTS, TABLES

A_PIECE = 5_000


def copied(database: Database, path: Path) -> None:
    """Write everything that the store has at one moment into a new SQLite file, while others go on writing.

    All that was acknowledged before the call is in it.  Raises StoreUnavailable.
    """
    if isinstance(database.engine, Sqlite):
        source, target = (sqlite3.connect(place) for place in (database.engine.place, path))
        with contextlib.closing(source), contextlib.closing(target):
            source.backup(target)  # all pages in one step: a reader of one moment, which keeps no writer waiting
            target.execute("PRAGMA journal_mode=DELETE")
        return
    copy = Database(f"sqlite:///{path}")
    _poured(database, copy)
    copy.close()
    _settled(path)


def poured(path: Path, database: Database) -> None:
    """Let a store have what the file that `copied` wrote has, and nothing else, in one transaction.

    Raises StoreUnavailable; then nothing was changed.
    """
    copy = Database(f"sqlite:///{path}")
    _poured(copy, database)
    copy.close()


def empty(database: Database) -> bool:
    """Whether a store has neither histories nor posted events."""
    with database.reading() as connection:
        counts = [connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() for table in _USERS]
    return not any(counts)


_USERS = [table for table in TABLES.sorted_tables if "user_id" in table.columns]


def _poured(source: Database, target: Database) -> None:
    """Table by table, both sides in one transaction each."""
    with target.alone(), source.reading() as reading, target.writing() as writing:
        if reading.dialect.name == "postgresql":
            reading.exec_driver_sql("SET statement_timeout = 0")
            reading.exec_driver_sql("SET idle_in_transaction_session_timeout = 0")
        for table in TABLES.sorted_tables:
            writing.execute(table.delete())
            rows = reading.execution_options(yield_per=A_PIECE).execute(sa.select(table))
            if table in (HISTORIES, PARTS, EVENT_IDS):  # the large ones
                target.engine.add(writing, table, (tuple(row) for row in rows))
            else:
                for some in chunks(rows.mappings(), A_PIECE):
                    insert(writing, table, [dict(row) for row in some])
        if not writing.execute(sa.select(sa.func.count()).select_from(META)).scalar():
            raise AssertionError("a store always says something of itself")


def _settled(path: Path) -> None:
    """One file, without a write-ahead log beside it."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
