"""The statements that the store is written in: any number of texts goes into each as one parameter."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from features.online.database import Row, insert
from features.online.engine import Engine, stripe_of
from features.online.parts import EDGE, RECENT, TAIL, Change, Stored
from features.online.tables import JOURNAL

A_CLEARING = 2_000  # rows of a past generation that go at once: writers wait for no more than that


class Statements:
    """Written once for an engine, and compiled once by SQLAlchemy."""

    def __init__(self, engine: Engine) -> None:
        self._given = engine.parameter
        some = f"IN ({engine.texts})"
        self._add_ids = sa.text(
            f"INSERT INTO event_ids SELECT CAST(:generation AS INTEGER), value FROM ({engine.texts}) AS given "
            "WHERE true ON CONFLICT DO NOTHING RETURNING event_id"
        )
        self._forget_ids = sa.text(f"DELETE FROM event_ids WHERE generation = :generation AND event_id {some}")
        self._forget_posted = sa.text(f"DELETE FROM journal WHERE event_id {some}")
        self._stored = sa.text(
            "SELECT h.user_id, CASE WHEN length(h.packed) <= :most THEN h.packed END AS packed, tail.packed AS tail, "
            f"edge.packed AS edge FROM histories AS h {_joined(TAIL)} {_joined(EDGE)} "
            f"WHERE h.generation = :generation AND h.user_id {some}"
        )

    def add_ids(self, connection: sa.Connection, generation: int, ids: Iterable[str]) -> set[str]:
        """Those of these event ids that were new.  In order, so that two transactions never wait for each other."""
        given = {"generation": generation, "texts": self._given(sorted(ids))}
        return set(connection.execute(self._add_ids, given).scalars())

    def forget_ids(self, connection: sa.Connection, generation: int, ids: Sequence[str]) -> None:
        if ids:
            connection.execute(self._forget_ids, {"generation": generation, "texts": self._given(ids)})

    def forget_posted(self, connection: sa.Connection, ids: Sequence[str]) -> None:
        """Take events out of the journal; their ids stay known."""
        connection.execute(self._forget_posted, {"texts": self._given(ids)})

    def stored(
        self, connection: sa.Connection, generation: int, users: Collection[str], most: int
    ) -> dict[str, Stored]:
        """What there is of those of these users who are known; most: bytes of a history that is worth reading whole."""
        given = {"generation": generation, "texts": self._given(list(users)), "most": most}
        return {row.user_id: Stored(*row[1:]) for row in connection.execute(self._stored, given)}

    def part(self, connection: sa.Connection, generation: int, user: str, part: str) -> bytes:
        """One part of one user, RECENT or another, which has to be there."""
        given = {"generation": generation, "user_id": user, "part": part}
        found: bytes = connection.execute(_RECENT if part == RECENT else _PART, given).scalar_one()
        return found

    def put(self, connection: sa.Connection, generation: int, changes: Mapping[str, Change]) -> None:
        """Replace parts of these users; None removes one."""
        rows = [
            {"generation": generation, "user_id": user, "part": part, "packed": packed}
            for user in sorted(changes) for part, packed in changes[user].items()
        ]  # fmt: skip
        some = [(_PUT_PACKED, [row for row in rows if row["part"] == RECENT])]
        some.append((_PUT_PART, [row for row in rows if row["part"] != RECENT and row["packed"] is not None]))
        some.append((_DROP_PART, [row for row in rows if row["packed"] is None]))
        for statement, parameters in some:
            if parameters:
                connection.execute(statement, parameters)

    def frontier(self, connection: sa.Connection) -> int:
        """Time of the newest event of anybody; there has to be one."""
        found: int = connection.execute(_FRONTIER).scalar_one()
        return found

    def move_frontier(self, connection: sa.Connection, rows: Iterable[Row]) -> None:
        """Let every stripe of users know of its newest event; rows: of the journal."""
        newest: dict[int, int] = {}
        for row in rows:
            stripe = stripe_of(row["user_id"])
            newest[stripe] = max(newest.get(stripe, row["time"]), row["time"])
        if newest:
            connection.execute(_MOVE, [{"stripe": stripe, "time": newest[stripe]} for stripe in sorted(newest)])

    def journal(self, connection: sa.Connection, most: int) -> list[dict[str, Any]]:
        """Some events of the journal, in no order."""
        return [dict(row) for row in connection.execute(sa.select(JOURNAL).limit(most)).mappings()]

    def not_in_log(self, connection: sa.Connection, generation: int) -> list[dict[str, Any]]:
        """The events of the journal whose ids are not known."""
        return [dict(row) for row in connection.execute(_NOT_IN_LOG, {"generation": generation}).mappings()]

    def add_posted(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        insert(connection, JOURNAL, rows)

    def clear(self, connection: sa.Connection, generation: int) -> int:
        """Remove some rows of the generations that are not this one; returns how many."""
        given = {"generation": generation, "most": A_CLEARING}
        return sum(connection.execute(statement, given).rowcount for statement in _CLEAR)


def _joined(part: str) -> str:
    return (
        f"LEFT JOIN parts AS {part} ON {part}.generation = h.generation AND {part}.user_id = h.user_id "
        f"AND {part}.part = '{part}'"
    )


_RECENT = sa.text("SELECT packed FROM histories WHERE generation = :generation AND user_id = :user_id")
_PART = sa.text("SELECT packed FROM parts WHERE generation = :generation AND user_id = :user_id AND part = :part")
_PUT_PART = sa.text(
    "INSERT INTO parts VALUES (:generation, :user_id, :part, :packed) "
    "ON CONFLICT (generation, user_id, part) DO UPDATE SET packed = excluded.packed"
)
_DROP_PART = sa.text("DELETE FROM parts WHERE generation = :generation AND user_id = :user_id AND part = :part")
_FRONTIER = sa.text("SELECT max(time) FROM frontier")
_PUT_PACKED = sa.text(
    "INSERT INTO histories VALUES (:generation, :user_id, :packed) "
    "ON CONFLICT (generation, user_id) DO UPDATE SET packed = excluded.packed"
)
_MOVE = sa.text(
    "INSERT INTO frontier VALUES (:stripe, :time) ON CONFLICT (stripe) DO UPDATE SET time = excluded.time "
    "WHERE excluded.time > frontier.time"
)
_NOT_IN_LOG = sa.select(JOURNAL).where(
    sa.text("NOT EXISTS (SELECT 1 FROM event_ids WHERE generation = :generation AND event_id = journal.event_id)")
)
_CLEAR = tuple(
    sa.text(
        f"DELETE FROM {table} WHERE (generation, {key}) IN "
        f"(SELECT generation, {key} FROM {table} WHERE generation <> :generation LIMIT :most)"
    )
    for table, key in (("histories", "user_id"), ("parts", "user_id"), ("event_ids", "event_id"))
)
