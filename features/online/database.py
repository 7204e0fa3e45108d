"""The tables of the online store, and the few statements that the store is written in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, OperationalError, TimeoutError

from features.problems import InputProblem

FORMAT = "1"
A_QUERY = 500  # users or ids asked for at once: below every database's limit of parameters
A_WRITE = 5_000
WAIT_SECONDS = 30
T = TypeVar("T")

TABLES = sa.MetaData()
META = sa.Table(
    "meta", TABLES, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False)
)
KINDS = sa.Table(
    "kinds",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False, unique=True),
)
HISTORIES = sa.Table(
    "histories",
    TABLES,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("packed", sa.LargeBinary, nullable=False),
)
LOG_IDS = sa.Table("log_ids", TABLES, sa.Column("event_id", sa.Text, primary_key=True), sqlite_with_rowid=False)
JOURNAL = sa.Table(
    "journal",
    TABLES,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("value", sa.Double),
    sa.Column("item", sa.Text),
    sa.Column("received_at", sa.BigInteger, nullable=False),
)


class StoreUnavailable(Exception):  # noqa: N818 a state of the world, not of the program
    """The store cannot answer now (locked too long, disk full, server away); nothing was changed, a retry is safe."""


class Database:
    """A database with our tables in it; every block is one transaction."""

    def __init__(self, url: str) -> None:
        """url: as SQLAlchemy writes it.  Raises InputProblem when something else is there, or another format."""
        self._engine = sa.create_engine(url, hide_parameters=True)
        _speak_sqlite(self._engine)
        with self.writing() as connection:
            TABLES.create_all(connection)
            found = facts(connection).get("format", FORMAT)
            state(connection, format=found)
        if found != FORMAT:
            raise InputProblem(
                f"{url} has format {found}, this version of winback reads {FORMAT}. Use the version that wrote it.",
                "store_format",
            )

    def close(self) -> None:
        self._engine.dispose()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that is on disk when the block is left, or did nothing."""
        with _reported(), self._engine.execution_options(winback_writes=True).begin() as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one moment."""
        with _reported(), self._engine.begin() as connection:
            yield connection


def _speak_sqlite(engine: sa.Engine) -> None:
    """Durable commits, and a writer that takes its lock before it reads, so that no writer loses another's work."""
    if engine.dialect.name != "sqlite":
        return

    def connected(raw: Any, _: Any) -> None:
        raw.isolation_level = None  # the driver begins nothing on its own
        for pragma in (f"busy_timeout={WAIT_SECONDS * 1000}", "journal_mode=WAL", "synchronous=FULL"):
            raw.execute(f"PRAGMA {pragma}").close()

    def begun(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("winback_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "begin", begun)


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    """The database's errors in our words; without the parameters, which are somebody's data."""
    try:
        yield
    except (OperationalError, TimeoutError) as error:
        cause = getattr(error, "orig", None) or error
        raise StoreUnavailable(f"the store of histories cannot answer: {cause}") from None
    except DatabaseError as error:
        raise InputProblem(
            f"The store of histories is not usable: {error.orig}. Move its file away to start anew.", "bad_store"
        ) from None


def facts(connection: sa.Connection) -> dict[str, str]:
    """Everything that the store says of itself."""
    return {str(row.key): str(row.value) for row in connection.execute(sa.select(META.c.key, META.c.value))}


def state(connection: sa.Connection, **values: str) -> None:
    """Set some of these facts."""
    connection.execute(META.delete().where(META.c.key.in_(list(values))))
    connection.execute(META.insert(), [{"key": key, "value": value} for key, value in values.items()])


def insert(connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows, some thousand at a time."""
    for some in chunks(rows, A_WRITE):
        connection.execute(table.insert(), some)


def packed(connection: sa.Connection, users: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """The packed histories of those of these users who are known."""
    for some in chunks(users, A_QUERY):
        query = sa.select(HISTORIES.c.user_id, HISTORIES.c.packed).where(HISTORIES.c.user_id.in_(some))
        for row in connection.execute(query):
            yield row.user_id, row.packed


def known_ids(connection: sa.Connection, ids: Sequence[str]) -> set[str]:
    """Those of these event ids that the log or the journal has."""
    known: set[str] = set()
    for some in chunks(ids, A_QUERY):
        for table in (LOG_IDS, JOURNAL):
            known.update(connection.execute(sa.select(table.c.event_id).where(table.c.event_id.in_(some))).scalars())
    return known


def chunks(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """The rows in lists of at most `size`."""
    rest = iter(rows)
    while some := list(islice(rest, size)):
        yield some
