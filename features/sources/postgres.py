"""A SQL query against PostgreSQL as a file of events: read once, in order, in pieces, and never written to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from features.problems import InputProblem
from features.sources.paths import expanded, holds_json, place_of, with_inside
from features.sources.raw import RawRows, joined, missing_column, one_line

if TYPE_CHECKING:
    import psycopg

_FETCH = 50_000
_LOOK = 2_000
_SECONDS_TO_CONNECT = 10
_NAME = Path("PostgreSQL query")
_LOGIN = (
    "Give the password in PGPASSWORD or ~/.pgpass, and correct the user under [events] in winback.toml: "
    'source = "postgresql://user@host/database".'
)
_SERVER = (
    "Check that the server runs and that this machine may reach it; correct source under [events] in winback.toml: "
    '"postgresql://user@host:5432/database".'
)
_MISSING = (
    "Reading PostgreSQL needs the package psycopg, which is not installed. Install winback with its extra `postgres`, "
    "or export the query as CSV or Parquet and name that file."
)


@dataclass(frozen=True, eq=False)
class PostgresQuery:
    """The rows of a query; see SourceFile. Every value comes as PostgreSQL writes it, times with a zone in UTC.

    url: without a password.  columns: of the result.  lines are row numbers from 1 in the order of the result.
    """

    url: str
    password: str = field(repr=False)
    query: str
    columns: tuple[str, ...]
    path: Path = _NAME
    notes: tuple[str, ...] = ()
    open_ended: bool = False

    def finds(self, name: str) -> bool:
        """Whether the result has such a column, or a column of JSON (json, jsonb or text) with such a path."""
        place = place_of(name, self.columns)
        return place is not None and (not place[1] or holds_json(self._head[place[0]]))

    def absent(self, name: str, hint: str = "") -> InputProblem:
        return missing_column(self.path, name, self.columns, hint)

    def read(self, columns: Sequence[str]) -> RawRows:
        """The named columns of all rows as strings."""
        return joined(list(self.pieces(columns, _FETCH)), pa.schema([(name, pa.string()) for name in columns]))

    def pieces(self, columns: Sequence[str], rows: int) -> Iterator[RawRows]:
        """As `read`, by fetches from a cursor on the server, all in one transaction that cannot write."""
        places = {name: place for name in columns if (place := place_of(name, self.columns)) is not None}
        first, held = 1, []
        for table in self._tables(min(rows, _FETCH)):
            held.append(table)
            if sum(one.num_rows for one in held) + _FETCH > rows:
                yield _numbered(with_inside(pa.concat_tables(held), places), first)
                first, held = first + sum(one.num_rows for one in held), []
        if held:
            yield _numbered(with_inside(pa.concat_tables(held), places), first)

    def sample(self, rows: int) -> pa.Table:
        """The first rows: a query has no middle that could be had without what comes before."""
        for table in self._tables(rows):
            return expanded(table)
        return _table([], self.columns)

    @cached_property
    def _head(self) -> pa.Table:
        for table in self._tables(_LOOK):
            return table
        return _table([], self.columns)

    def _tables(self, most: int) -> Iterator[pa.Table]:
        with _answering(self.url, self.password, self.query) as cursor:
            while rows := cursor.fetchmany(most):
                yield _table(rows, self.columns)


def open_query(url: str, password: str, query: str) -> PostgresQuery:
    """Connect, and ask for the columns of the result without reading it.

    Raises InputProblem: missing_package, postgres_refused, wrong_query, duplicate_columns.
    """
    statement = query.strip().rstrip(";").rstrip()
    with _answering(url, password, statement) as cursor:
        names = tuple(column.name for column in cursor.description or ())
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputProblem(
            f"The query under [events] gives more than one column '{one_line(twice[0])}'. Give each a name with AS.",
            "duplicate_columns",
        )
    return PostgresQuery(url, password, statement, names)


@contextmanager
def _answering(url: str, password: str, query: str) -> Iterator[psycopg.ServerCursor[Any]]:
    """A server-side cursor on the query, with every value as text; problems as a person can mend them."""
    try:
        import psycopg
        from psycopg.types.string import TextLoader
    except ImportError:
        raise InputProblem(_MISSING, "missing_package") from None
    try:
        with _connected(url, password) as connection, connection.cursor("winback") as cursor:
            for kind in psycopg.adapters.types:
                for oid in filter(None, (kind.oid, kind.array_oid)):
                    cursor.adapters.register_loader(oid, TextLoader)
            connection.execute("SET TIME ZONE 'UTC'")
            connection.execute("SET datestyle = 'ISO'")
            cursor.execute(query.encode())
            yield cursor
    except psycopg.Error as error:
        raise _wrong_query(error, password) from None
    except UnicodeDecodeError:
        raise InputProblem(
            "The query under [events] gives text that is not UTF-8, from a database without an encoding. Convert it in "
            "the query, as in convert_from(name::bytea, 'LATIN1').",
            "wrong_query",
        ) from None


def _connected(url: str, password: str) -> psycopg.Connection[Any]:
    import psycopg

    try:
        connection = psycopg.connect(
            url,
            password=password or None,
            connect_timeout=_SECONDS_TO_CONNECT,
            client_encoding="utf8",
            application_name="winback",
        )
    except psycopg.Error as error:
        said = _said(error, password)
        login = any(word in said for word in ("password", "authentication", "role", "pg_hba"))
        raise InputProblem(
            f"PostgreSQL did not let winback in ({url}): {said}. {_LOGIN if login else _SERVER}", "postgres_refused"
        ) from None
    connection.read_only = True
    return connection


def _wrong_query(error: psycopg.Error, password: str) -> InputProblem:
    if error.sqlstate is None or error.sqlstate.startswith(("08", "57")):
        return InputProblem(
            f"The connection to PostgreSQL broke while the query was read: {_said(error, password)}. "
            "Run the command again when the server is back.",
            "postgres_broke",
        )
    return InputProblem(
        f"PostgreSQL cannot run the query under [events]: {_said(error, password)}. Correct `query`; it must be one "
        "SELECT that gives one row an event, and it cannot write.",
        "wrong_query",
    )


def _said(error: psycopg.Error, password: str) -> str:
    said = one_line(error.diag.message_primary or str(error), 300).rstrip(".")
    return said.replace(password, "***") if password else said


def _table(rows: Sequence[Sequence[str | None]], columns: Sequence[str]) -> pa.Table:
    values = zip(*rows, strict=True) if rows else [() for _ in columns]
    return pa.table({name: pa.array(one, pa.string()) for name, one in zip(columns, values, strict=True)})


def _numbered(table: pa.Table, first: int) -> RawRows:
    return RawRows(table, np.arange(first, first + table.num_rows, dtype=np.int64))
