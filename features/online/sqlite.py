"""The online store in a file of its own: SQLite with a write-ahead log, durable at every commit."""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from features.online.engine import READ

WAIT_SECONDS = 30
_POOL = {"pool_size": 8, "max_overflow": 32, "pool_timeout": WAIT_SECONDS}
_CACHE, _ROOM = "cache_size=-2000", "cache_size=-32768"  # KiB; each connection of each worker keeps what it once had
_ONE, _SOME = (READ.format(of=of, part="?") for of in ("= ?", "IN (SELECT value FROM json_each(?))"))


class Sqlite:
    """See `features.online.engine.Engine`."""

    one_writer = True
    texts = "SELECT value FROM json_each(:texts)"
    exists = "SELECT count(*) FROM sqlite_master WHERE name = 'meta'"

    def __init__(self, path: Path) -> None:
        self.place, self._path = str(path), path

    def connected(self, writes: bool) -> sa.Engine:
        """A writer takes its lock before it reads, so that none loses another's work."""
        engine = sa.create_engine(f"sqlite:///{self._path}", hide_parameters=True, **_POOL)

        def connected(raw: Any, _: Any) -> None:
            raw.isolation_level = None  # the driver begins nothing on its own
            for pragma in (f"busy_timeout={WAIT_SECONDS * 1000}", "journal_mode=WAL", "synchronous=FULL", _CACHE):
                raw.execute(f"PRAGMA {pragma}").close()

        def begun(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        sa.event.listen(engine, "connect", connected)
        sa.event.listen(engine, "begin", begun)
        return engine

    def parameter(self, texts: Sequence[str]) -> str:
        return json.dumps(texts)

    def read(self, driver: Any, users: Sequence[str], old: str) -> list[tuple[Any, ...]]:
        one = len(users) == 1
        rows = driver.execute(_ONE if one else _SOME, (users[0] if one else json.dumps(users), old))
        return list(rows.fetchall())

    def lock(self, connection: sa.Connection, stripes: Collection[int]) -> None:
        """Nothing to do: a file has one writer at a time."""

    def lock_kinds(self, connection: sa.Connection) -> None:
        """Nothing to do: a file has one writer at a time."""

    def prepare(self, connection: sa.Connection) -> None:
        """Nothing to do: the file is the room."""

    @contextmanager
    def roomy(self, connection: sa.Connection) -> Iterator[None]:
        """So that a large index is written once, and not a page many times."""
        connection.exec_driver_sql(f"PRAGMA {_ROOM}")
        try:
            yield
        finally:
            connection.exec_driver_sql(f"PRAGMA {_CACHE}")

    def add(self, connection: sa.Connection, table: sa.Table, rows: Iterable[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * len(table.columns))
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.executemany(f"INSERT INTO {table.name} VALUES ({marks})", rows).close()

    @contextmanager
    def alone(self, wait: bool) -> Iterator[bool]:
        """By a lock of the operating system, which a killed process leaves free."""
        with self._path.with_name(f"{self._path.name}.lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True

    def away(self, error: BaseException) -> bool:
        """All but a statement that the file's tables do not fit."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_BUSY)
        return isinstance(error, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR
