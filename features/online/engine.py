"""What the online store needs of a database engine; `sqlite` and `postgres` are the two that we speak."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import sqlalchemy as sa

STRIPES = 64  # of users: so many writers at most go on side by side
A_LOCK = "another winback process is filling or flushing the store"

# One statement sees one moment, without a transaction around it: what the store says of itself, and a row a known user.
READ = """
SELECT (SELECT max(time) FROM frontier), (SELECT value FROM meta WHERE key = 'kinds'), h.user_id, h.packed,
  tail.packed, old.packed
FROM (SELECT 1) AS always LEFT JOIN histories AS h
  ON h.generation = (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'generation') AND h.user_id {of}
LEFT JOIN parts AS tail ON tail.generation = h.generation AND tail.user_id = h.user_id AND tail.part = 'tail'
LEFT JOIN parts AS old ON old.generation = h.generation AND old.user_id = h.user_id AND old.part = {part}
"""


class Engine(Protocol):
    """place: what to call the database in a sentence, without any secret.  texts: a query that gives the column `value`
    of the texts in the parameter :texts.  exists: a query that says whether the store's tables are there.  one_writer:
    whether writers of different users wait for each other."""

    place: str
    one_writer: bool
    texts: str
    exists: str

    def connected(self, writes: bool) -> sa.Engine:
        """A pool of connections; a transaction of one that reads sees one moment."""
        ...

    def parameter(self, texts: Sequence[str]) -> Any:
        """What to give as :texts."""
        ...

    def read(self, driver: Any, users: Sequence[str], old: str) -> list[tuple[Any, ...]]:
        """The rows of READ, from a connection of the driver; old: the part that has the old events."""
        ...

    def lock(self, connection: sa.Connection, stripes: Collection[int]) -> None:
        """Be the only transaction that writes users of these stripes."""
        ...

    def lock_kinds(self, connection: sa.Connection) -> None:
        """Be the only transaction that numbers kinds."""
        ...

    def prepare(self, connection: sa.Connection) -> None:
        """Make room for the tables."""
        ...

    def roomy(self, connection: sa.Connection) -> AbstractContextManager[None]:
        """More memory for a transaction that writes very much, until the block ends."""
        ...

    def add(self, connection: sa.Connection, table: sa.Table, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add many rows, in the order of the table's columns."""
        ...

    def alone(self, wait: bool) -> AbstractContextManager[bool]:
        """Whether we are the one process that fills or flushes, until the block ends; wait: for another to finish."""
        ...

    def away(self, error: BaseException) -> bool:
        """Whether an error of the driver means that a retry may help."""
        ...


def stripe_of(user: str) -> int:
    """The stripe of a user, the same in every process."""
    return zlib.crc32(user.encode("utf-8", "surrogatepass")) % STRIPES
