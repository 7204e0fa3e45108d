"""What the online store knows of forgotten users: enough to refuse an old event of theirs that is posted again."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from features.forgotten import Forgotten
from features.online.database import chunks, insert
from features.online.tables import META

SALT, STONE = "forgotten_salt", "forgotten:"
A_QUERY = 500


def refused_until(connection: sa.Connection, salt: str | None, users: Collection[str]) -> dict[str, int]:
    """Up to which moment the events of some of these users are not taken; salt: the store's own fact SALT."""
    if salt is None:
        return {}
    marker = Forgotten(bytes.fromhex(salt))
    marks = {STONE + marker.mark(user): user for user in users}
    found: dict[str, int] = {}
    for some in chunks(sorted(marks), A_QUERY):
        for row in connection.execute(sa.select(META.c.key, META.c.value).where(META.c.key.in_(some))):
            found[marks[row.key]] = int(row.value)
    return found


def said_of(stones: Forgotten) -> dict[str, str]:
    """The facts that stand for these tombstones."""
    return {SALT: stones.salt.hex()} | {STONE + mark: str(stone.until) for mark, stone in stones.people.items()}


def stones_in(connection: sa.Connection) -> dict[str, str]:
    """The facts that the store has."""
    query = sa.select(META.c.key, META.c.value).where(META.c.key.startswith("forgotten", autoescape=True))
    return {row.key: row.value for row in connection.execute(query)}


def write_stones(connection: sa.Connection, stones: Forgotten) -> None:
    """Let these be all that the store knows."""
    connection.execute(META.delete().where(META.c.key.startswith("forgotten", autoescape=True)))
    insert(connection, META, [{"key": key, "value": value} for key, value in sorted(said_of(stones).items())])
