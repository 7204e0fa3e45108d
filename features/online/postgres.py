"""The online store in PostgreSQL, for several machines: every stripe of users has a writer of its own."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import sqlalchemy as sa

from features.online.engine import READ
from features.online.patience import Patience
from features.problems import InputProblem

SCHEMA = "winback"
_STRIPE, _KINDS, _ALONE = 0x77_62_01, 0x77_62_02, 0x77_62_03  # our names among the advisory locks of a database
_POOL = {"pool_size": 8, "max_overflow": 32, "pool_timeout": 5}
_OPTIONS = {
    "search_path": SCHEMA, "statement_timeout": "12s", "lock_timeout": "8s",
    "idle_in_transaction_session_timeout": "60s", "synchronous_commit": "on",
}  # fmt: skip
_NETWORK = {
    "connect_timeout": 3, "tcp_user_timeout": 5_000, "keepalives_idle": 5, "keepalives_interval": 2,
    "keepalives_count": 2, "application_name": "winback",
}  # fmt: skip
_READ_SECONDS, _WRITE_SECONDS = 5.0, 15.0  # for an answer; a write may wait as long as its server lets it
_IDLE_SECONDS = 1.0  # a connection that rested longer is tried before it is used; a busy one need not be
_LATER = ("08", "25", "40", "53", "55", "57", "58")  # SQLSTATEs of what passes: connection, resources, ...
_ONE, _SOME = (READ.format(of=of, part="%s") for of in ("= %s", "= ANY(%s)"))
_MISSING = (
    "WINBACK_STORE_URL names PostgreSQL, which needs the package psycopg, and that is not installed. Install winback "
    "with its extra `postgres`, or unset the variable to keep the histories in a file."
)


class Postgres:
    """See `features.online.engine.Engine`."""

    one_writer = False
    texts = "SELECT unnest(CAST(:texts AS text[])) AS value"
    exists = f"SELECT count(*) FROM pg_tables WHERE schemaname = '{SCHEMA}' AND tablename = 'meta'"

    def __init__(self, url: sa.URL) -> None:
        """Raises InputProblem (code missing_package)."""
        try:
            import psycopg
        except ImportError:
            raise InputProblem(_MISSING, "missing_package") from None
        self._error, self._patience = psycopg.Error, Patience(psycopg.Error)
        self.place = f"PostgreSQL at {url.host or 'the local socket'}, database {url.database or 'of the user'},"
        given = url.query.get("options", "")
        options = [*([given] if isinstance(given, str) else given), *(f"-c {k}={v}" for k, v in _OPTIONS.items())]
        self._url = url.set(drivername="postgresql+psycopg").difference_update_query(["options"])
        self._arguments = {**_NETWORK, "options": " ".join(options)}
        self._session = sa.create_engine(self._url, connect_args=self._arguments, poolclass=sa.NullPool)

    def connected(self, writes: bool) -> sa.Engine:
        """Those that read ask single statements, which need no transaction and so no round trips around them."""
        way: dict[str, Any] = {} if writes else {"isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None}
        engine = sa.create_engine(self._url, hide_parameters=True, connect_args=self._arguments, **_POOL, **way)
        sa.event.listen(engine, "checkin", self._rests)
        sa.event.listen(engine, "checkout", self._tried)
        sa.event.listen(engine, "before_cursor_execute", self._asked)
        sa.event.listen(engine, "after_cursor_execute", self._answered)
        sa.event.listen(engine, "commit", self._asked)
        return engine if writes else engine.execution_options(isolation_level="REPEATABLE READ")

    def _tried(self, driver: Any, record: Any, _: Any) -> None:
        if time.monotonic() - record.info.get("rests_since", time.monotonic()) < _IDLE_SECONDS:
            return
        try:
            with self._patience.of(driver, _READ_SECONDS):
                driver.execute("SELECT 1")
                driver.rollback()
        except self._error:
            raise sa.exc.DisconnectionError from None

    def _rests(self, driver: Any, record: Any) -> None:
        self._patience.ends(driver)
        record.info["rests_since"] = time.monotonic()

    def _asked(self, connection: sa.Connection, *_: Any) -> None:
        self._patience.begins(connection.connection.driver_connection, _WRITE_SECONDS)

    def _answered(self, connection: sa.Connection, *_: Any) -> None:
        self._patience.ends(connection.connection.driver_connection)

    def parameter(self, texts: Sequence[str]) -> list[str]:
        return list(texts)

    def read(self, driver: Any, users: Sequence[str], old: str) -> list[tuple[Any, ...]]:
        with self._patience.of(driver, _READ_SECONDS), driver.cursor(binary=True) as cursor:
            if len(users) == 1:
                cursor.execute(_ONE, (users[0], old))
            else:
                cursor.execute(_SOME, (list(users), old))
            return list(cursor.fetchall())

    def lock(self, connection: sa.Connection, stripes: Collection[int]) -> None:
        """In ascending order, so that two transactions never wait for each other."""
        connection.execute(_LOCK, {"name": _STRIPE, "stripes": sorted(stripes)}).all()

    def lock_kinds(self, connection: sa.Connection) -> None:
        connection.execute(_LOCK, {"name": _KINDS, "stripes": [0]}).all()

    def roomy(self, connection: sa.Connection) -> AbstractContextManager[None]:
        """The server has its own memory."""
        return nullcontext()

    def prepare(self, connection: sa.Connection) -> None:
        if connection.execute(sa.text("SELECT to_regnamespace(:name)"), {"name": SCHEMA}).scalar():
            return
        allowed = "SELECT has_database_privilege(current_database(), 'CREATE')"
        if not connection.exec_driver_sql(allowed).scalar():
            raise InputProblem(
                f"{self.place} does not let this user make the schema {SCHEMA}. Have its owner run "
                f"CREATE SCHEMA {SCHEMA} AUTHORIZATION the_user, or name a database where the user may.",
                "store_forbidden",
            )
        connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")

    def add(self, connection: sa.Connection, table: sa.Table, rows: Iterable[tuple[Any, ...]]) -> None:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        driver: Any = connection.connection.driver_connection
        names = {sa.Integer: "int4", sa.Text: "text", sa.LargeBinary: "bytea"}
        with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types([names[type(column.type)] for column in table.columns])
            for row in rows:
                copy.write_row(row)

    @contextmanager
    def alone(self, wait: bool) -> Iterator[bool]:
        """By a lock of a session, which ends with the process that holds it."""
        with self._session.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if wait:
                connection.exec_driver_sql("SET statement_timeout = 0; SET lock_timeout = 0")
                connection.exec_driver_sql(f"SELECT pg_advisory_lock({_ALONE}, 0)")
                yield True
            else:
                yield bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_ALONE}, 0)").scalar())

    def away(self, error: BaseException) -> bool:
        state = getattr(error, "sqlstate", None)
        return isinstance(error, self._error) and (state is None or state.startswith(_LATER))


_LOCK = sa.text("SELECT pg_advisory_xact_lock(:name, stripe) FROM unnest(CAST(:stripes AS int[])) AS stripe")
