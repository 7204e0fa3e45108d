"""A database with the tables of the online store in it, and the few statements that the store is written in."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, TimeoutError

from features.online.engine import STRIPES, Engine, stripe_of
from features.online.postgres import Postgres
from features.online.sqlite import Sqlite
from features.online.tables import FORMAT, META, create, upgrade
from features.problems import InputProblem

A_WRITE = 5_000
T = TypeVar("T")
Row = Mapping[str, Any]


class StoreUnavailable(Exception):  # noqa: N818 a state of the world, not of the program
    """The store cannot answer now (locked too long, disk full, server away); nothing was changed, a retry is safe."""


class Database:
    """A database with our tables in it; every block is one transaction."""

    def __init__(self, url: str) -> None:
        """url: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE.  An older format is brought up to ours.

        Raises InputProblem when something else is there, or a newer format; StoreUnavailable.
        """
        self.engine = _engine(url)
        self._writers, self._readers = self.engine.connected(writes=True), self.engine.connected(writes=False)
        self._driver = self._readers.dialect.loaded_dbapi.Error
        with self._reported(), self._writers.connect() as connection:
            there = connection.exec_driver_sql(self.engine.exists).scalar() and facts(connection)["format"]
        if there != str(FORMAT):
            self._make()

    def _make(self) -> None:
        with self.writing() as connection:
            if connection.exec_driver_sql(self.engine.exists).scalar():
                upgrade(connection, facts(connection)["format"], self.engine.place)
            else:
                self.engine.prepare(connection)
                create(connection)

    def close(self) -> None:
        self._writers.dispose()
        self._readers.dispose()

    @contextlib.contextmanager
    def writing(self, users: Collection[str] | None = None) -> Iterator[sa.Connection]:
        """A transaction that is on disk when the block is left, or did nothing.

        users: whose histories it may change; None is anybody's, and waits for every other writer.
        """
        stripes = range(STRIPES) if users is None else {stripe_of(user) for user in users}
        with self._reported(), self._writers.begin() as connection:
            self.engine.lock(connection, stripes)
            yield connection

    @contextlib.contextmanager
    def filling(self) -> Iterator[sa.Connection]:
        """A transaction that changes only what nobody reads yet, or no more."""
        with self._reported(), self._writers.begin() as connection, self.engine.roomy(connection):
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one moment."""
        with self._reported(), self._readers.begin() as connection:
            yield connection

    def read(self, users: Sequence[str], old: str) -> list[tuple[Any, ...]]:
        """The rows of `features.online.engine.READ`, past SQLAlchemy's statements, which cost more than the answer."""
        with self._reported():
            connection = self._readers.raw_connection()
            try:
                return self.engine.read(connection.driver_connection, users, old)
            except self._driver as error:
                if self._readers.dialect.is_disconnect(error, connection.driver_connection, None):
                    connection.invalidate(error)
                    self._readers.dispose()
                raise
            finally:
                connection.close()

    @contextlib.contextmanager
    def alone(self, wait: bool = True) -> Iterator[bool]:
        """Whether we are the one process that fills or flushes the store, until the block ends."""
        with self._reported(), self.engine.alone(wait) as alone:
            yield alone

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        """The database's errors in our words; without the parameters and rows, which are somebody's data."""
        try:
            yield
        except TimeoutError:
            raise StoreUnavailable("the store of histories cannot answer: all of its connections are in use") from None
        except (DBAPIError, self._driver) as error:
            cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
            if self.engine.away(cause):
                raise StoreUnavailable(f"the store of histories cannot answer: {_said(cause)}") from None
            raise InputProblem(
                f"The store of histories is not usable: {_said(cause)}. {self.engine.place} holds something else, or "
                "is damaged; move it away to start anew.",
                "bad_store",
            ) from None


def _engine(url: str) -> Engine:
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise _bad_url() from None
    if parsed.drivername == "sqlite" and parsed.database:
        return Sqlite(Path(parsed.database))
    if parsed.get_backend_name() in ("postgresql", "postgres"):
        return Postgres(parsed)
    raise _bad_url()


def _bad_url() -> InputProblem:
    return InputProblem(
        "The URL of the store of histories is not one that winback understands. Write "
        "postgresql://USER:PASSWORD@HOST:5432/DATABASE (with %40 for an @ in the password), or unset "
        "WINBACK_STORE_URL to keep the histories in a file beside winback.toml.",
        "bad_store_url",
    )


def _said(error: BaseException) -> str:
    """The first sentence alone: what PostgreSQL adds as details are rows."""
    message = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
    return str(message).strip().splitlines()[0].rstrip(".")


def facts(connection: sa.Connection) -> dict[str, str]:
    """Everything that the store says of itself, and not of forgotten users, who may be many."""
    query = sa.select(META.c.key, META.c.value).where(META.c.key.not_like("forgotten:%"))
    return {str(row.key): str(row.value) for row in connection.execute(query)}


def state(connection: sa.Connection, **values: str) -> None:
    """Set some of these facts."""
    connection.execute(META.delete().where(META.c.key.in_(list(values))))
    insert(connection, META, [{"key": key, "value": value} for key, value in values.items()])


def insert(connection: sa.Connection, table: sa.Table, rows: Iterable[Row]) -> None:
    """Add rows, some thousand at a time."""
    for some in chunks(rows, A_WRITE):
        connection.execute(table.insert(), some)


def chunks(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """The rows in lists of at most `size`."""
    rest = iter(rows)
    while some := list(islice(rest, size)):
        yield some
