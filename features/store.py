"""The online store: every user's history of now, so that a score reflects an event that was posted a moment ago.

A projection of the event log plus a journal of what was posted since. SQLite beside winback.toml; the statements are plain
SQLAlchemy, so that another database needs no second implementation.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, OperationalError, TimeoutError

from features.build import History
from features.clock import zone_table
from features.histories import NO_ITEM, Histories, item_digest
from features.packing import merge, pack, split, unpack
from features.problems import InputProblem

FORMAT = "1"
A_QUERY = 500  # users or ids asked for at once: below every database's limit of parameters
A_WRITE = 5_000
WAIT_SECONDS = 30
Verdict = Literal["accepted", "duplicate", "too many kinds"]
T = TypeVar("T")

_tables = sa.MetaData()
_meta = sa.Table("meta", _tables, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False))
_kinds = sa.Table(
    "kinds", _tables,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False), sa.Column("name", sa.Text, nullable=False, unique=True),
)  # fmt: skip
_histories = sa.Table(
    "histories", _tables, sa.Column("user_id", sa.Text, primary_key=True), sa.Column("packed", sa.LargeBinary, nullable=False)
)
_log_ids = sa.Table("log_ids", _tables, sa.Column("event_id", sa.Text, primary_key=True), sqlite_with_rowid=False)
_journal = sa.Table(
    "journal", _tables,
    sa.Column("event_id", sa.Text, primary_key=True), sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False), sa.Column("kind", sa.Text, nullable=False),
    sa.Column("value", sa.Double), sa.Column("item", sa.Text), sa.Column("received_at", sa.BigInteger, nullable=False),
)  # fmt: skip


class StoreUnavailable(Exception):
    """The store cannot answer now (locked too long, disk full, server away); nothing was changed, and a retry is safe."""


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
        self._engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": WAIT_SECONDS})
        self._zone = zone_table(zone)
        self._max_kinds = max_kinds
        self._names: tuple[str, ...] = ()
        _speak_sqlite(self._engine)
        with self._writing() as connection:
            _tables.create_all(connection)
            _set(connection, format=_readable(_get(connection), url))

    def close(self) -> None:
        self._engine.dispose()

    @property
    def fingerprint(self) -> str | None:
        """Of the event log that the store was last filled from; None when it never was."""
        with self._reading() as connection:
            return _get(connection).get("log")

    def warm(self, histories: Histories, event_ids: Iterable[str] = ()) -> bool:
        """Fill the store from the event log in one transaction; False when it already holds exactly this log.

        event_ids: those of the log, so that an event posted again, or posted first and in the log since, counts once.
        Events posted over HTTP that the log does not have are kept.
        """
        ids = sorted(set(event_ids))  # in order, or the index is written a page an id
        mark = _mark(histories, ids)
        with self._writing() as connection:
            if _get(connection).get("log") == mark:
                return False
            for table in (_histories, _log_ids):
                connection.execute(table.delete())
            _insert(connection, _log_ids, ({"event_id": event_id} for event_id in ids))
            numbers = self._number(connection, histories.kinds)
            kind_ids = np.array([numbers[kind] for kind in histories.kinds], dtype=np.int64)
            packed = split(histories, kind_ids)
            _insert(connection, _histories, ({"user_id": user, "packed": blob} for user, blob in packed))
            _set(connection, log=mark, arrivals=str(int(len(histories.arrived) > 0)), frontier=str(histories.last))
            self._replay(connection)
        return True

    def append(self, events: Sequence[PostedEvent], received_at: int) -> list[Verdict]:
        """Add events durably, each id once; they are on disk when this returns.

        events: a few thousand at most.  received_at: microseconds UTC.  Returns one verdict an event, in order.
        Raises StoreUnavailable when they could not be written; then none was.
        """
        with self._writing() as connection:
            known = _known_ids(connection, [event.event_id for event in events])
            fresh: dict[str, PostedEvent] = {}
            for event in events:
                if event.event_id not in known:
                    fresh.setdefault(event.event_id, event)
            numbers = self._number(connection, (event.kind for event in fresh.values()), self._max_kinds)
            taken = [event for event in fresh.values() if event.kind in numbers]
            rows = [{**vars(event), "received_at": received_at} for event in taken]
            _insert(connection, _journal, rows)
            self._fold(connection, rows, numbers)
        return [_verdict(event, fresh.get(event.event_id), numbers) for event in events]

    def read(self, users: Sequence[str]) -> Snapshot:
        """The histories of these users, all of one moment; unknown users are absent."""
        found: dict[str, History] = {}
        with self._reading() as connection:
            meta = _get(connection)
            if int(meta.get("kinds", 0)) != len(self._names):
                self._names = tuple(connection.execute(sa.select(_kinds.c.name).order_by(_kinds.c.id)).scalars())
            for user, blob in _packed(connection, users):
                found[user] = unpack(blob, self._zone)
        return Snapshot(found, self._names, int(meta["frontier"]) if "frontier" in meta else None)

    def _replay(self, connection: sa.Connection) -> None:
        """Fold every posted event that the log does not have into the histories anew."""
        in_log = sa.exists().where(_log_ids.c.event_id == _journal.c.event_id)
        rows = [dict(row) for row in connection.execute(sa.select(_journal).where(~in_log)).mappings()]
        numbers = self._number(connection, {row["kind"] for row in rows})
        for some in _chunks(rows, A_WRITE):
            self._fold(connection, some, numbers)

    def _fold(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]], numbers: Mapping[str, int]) -> None:
        """Merge journal rows into the packed histories of their users and move the frontier."""
        if not rows:
            return
        meta = _get(connection)
        by_user: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for row in rows:
            by_user[row["user_id"]].append(row)
        rank = np.argsort(np.argsort(np.array(sorted(numbers, key=lambda name: numbers[name]), dtype=object)))
        before = dict(_packed(connection, list(by_user)))
        after = []
        for user, added in by_user.items():
            history = self._history(added, numbers, meta.get("arrivals") == "1")
            known = unpack(before[user], self._zone) if user in before else _none(history)
            after.append({"user_id": user, "packed": pack(merge(known, history, rank))})
        for some in _chunks(list(before), A_QUERY):
            connection.execute(_histories.delete().where(_histories.c.user_id.in_(some)))
        _insert(connection, _histories, after)
        newest = max(row["time"] for row in rows)
        _set(connection, frontier=str(max(newest, int(meta.get("frontier", newest)))))

    def _history(self, rows: Sequence[Mapping[str, Any]], numbers: Mapping[str, int], arrivals: bool) -> History:
        time = np.array([row["time"] for row in rows], dtype=np.int64)
        arrived = np.array([max(row["received_at"], row["time"]) for row in rows if arrivals], dtype=np.int64)
        return History(
            time, np.array([numbers[row["kind"]] for row in rows], dtype=np.int16),
            np.array([np.nan if row["value"] is None else row["value"] + 0.0 for row in rows]),  # + 0.0: there is no -0.0
            np.array([item_digest(row["item"]) if row["item"] else NO_ITEM for row in rows], dtype=np.int64),
            self._zone.hour_of_week(time), arrived,
        )  # fmt: skip

    def _number(self, connection: sa.Connection, kinds: Iterable[str], limit: int | None = None) -> dict[str, int]:
        """The numbers of all kinds, new ones added behind the old ones; beyond the limit a new kind gets none."""
        numbers = {name: number for number, name in connection.execute(sa.select(_kinds.c.id, _kinds.c.name))}
        new = [kind for kind in dict.fromkeys(kinds) if kind not in numbers]
        if limit is not None:
            new = new[: max(0, limit - len(numbers))]
        if new:
            rows = [{"id": number, "name": name} for number, name in enumerate(new, len(numbers))]
            _insert(connection, _kinds, rows)
            numbers |= {row["name"]: row["id"] for row in rows}
            _set(connection, kinds=str(len(numbers)))
        return numbers

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with _reported(), self._engine.execution_options(winback_writes=True).begin() as connection:
            yield connection

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with _reported(), self._engine.begin() as connection:
            yield connection


def open_store(path: Path, zone: str, max_kinds: int = 200) -> Store:
    """The SQLite store in a file, which is made when it is missing.

    Raises InputProblem when the file is something else or of another version of winback.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    return Store(f"sqlite:///{path}", zone, max_kinds)


def _speak_sqlite(engine: sa.Engine) -> None:
    """Durable commits, and a writer that takes its lock before it reads, so that two writers cannot lose each other's work."""
    if engine.dialect.name != "sqlite":
        return

    def connected(raw: Any, _: Any) -> None:
        raw.isolation_level = None  # the driver begins nothing on its own
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={WAIT_SECONDS * 1000}"):
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
        raise StoreUnavailable(f"the store of histories cannot answer: {getattr(error, 'orig', None) or error}") from None
    except DatabaseError as error:
        raise InputProblem(f"The store of histories is not usable: {error.orig}. Move its file away to start anew.", "bad_store") from None


def _verdict(event: PostedEvent, first: PostedEvent | None, numbers: Mapping[str, int]) -> Verdict:
    """first: the event that carries this id for the first time, None when it was known before."""
    if first is not None and first.kind not in numbers:
        return "too many kinds"
    return "accepted" if event is first else "duplicate"


def _readable(meta: Mapping[str, str], url: str) -> str:
    """The format of the store; InputProblem when this version of winback does not know it."""
    if (found := meta.get("format", FORMAT)) != FORMAT:
        raise InputProblem(
            f"{url} has format {found}, this version of winback reads {FORMAT}. Use the version that wrote it.", "store_format"
        )
    return found


def _mark(histories: Histories, ids: Sequence[str]) -> str:
    digest = hashlib.blake2b("\x00".join(ids).encode(), digest_size=8).hexdigest()
    return f"{histories.fingerprint()}/{digest}"


def _none(like: History) -> History:
    return History(like.time[:0], like.kind[:0], like.value[:0], like.item[:0], like.hour[:0], like.arrived[:0])


def _get(connection: sa.Connection) -> dict[str, str]:
    return {key: value for key, value in connection.execute(sa.select(_meta.c.key, _meta.c.value))}


def _set(connection: sa.Connection, **values: str) -> None:
    connection.execute(_meta.delete().where(_meta.c.key.in_(list(values))))
    connection.execute(_meta.insert(), [{"key": key, "value": value} for key, value in values.items()])


def _insert(connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
    for some in _chunks(rows, A_WRITE):
        connection.execute(table.insert(), some)


def _packed(connection: sa.Connection, users: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    for some in _chunks(users, A_QUERY):
        query = sa.select(_histories.c.user_id, _histories.c.packed).where(_histories.c.user_id.in_(some))
        yield from (tuple(row) for row in connection.execute(query))


def _known_ids(connection: sa.Connection, ids: Sequence[str]) -> set[str]:
    known: set[str] = set()
    for some in _chunks(ids, A_QUERY):
        for table in (_log_ids, _journal):
            known.update(connection.execute(sa.select(table.c.event_id).where(table.c.event_id.in_(some))).scalars())
    return known


def _chunks(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(rows)
    while some := list(islice(rest, size)):
        yield some
