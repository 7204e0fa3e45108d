"""The numbers that stand for kinds in packed histories: only ever added, never moved, the same for every process."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from features.online.database import Database, insert, state
from features.online.tables import KINDS

_NAMES = sa.select(KINDS.c.name).order_by(KINDS.c.id)


class Kinds:
    """Remembers the names that are on disk, so that neither a read nor a write asks for them twice."""

    def __init__(self, database: Database, limit: int) -> None:
        self._database, self._limit = database, limit
        self._known: tuple[str, ...] = ()

    def names(self, count: int) -> tuple[str, ...]:
        """The names of at least the first `count` kinds, in order of their numbers."""
        if count > len(self._known):
            with self._database.reading() as connection:
                self._known = tuple(connection.execute(_NAMES).scalars())
        return self._known

    def number(self, connection: sa.Connection, kinds: Iterable[str], count: int, limited: bool) -> dict[str, int]:
        """The numbers of all kinds, new ones added behind the old ones; limited: beyond the limit one gets none.

        count: of the kinds there are, as the transaction has read it; the histories it may change have no others.
        """
        asked = list(dict.fromkeys(kinds))
        known = self._known
        if count > len(known) or not set(asked) <= set(known):
            self._database.engine.lock_kinds(connection)
            self._known = known = tuple(connection.execute(_NAMES).scalars())  # what others committed, nothing of ours
        new = [kind for kind in asked if kind not in known]
        if limited:
            new = new[: max(0, self._limit - len(known))]
        if new:
            rows = [{"id": number, "name": name} for number, name in enumerate(new, len(known))]
            insert(connection, KINDS, rows)
            state(connection, kinds=str(len(known) + len(new)))
        return {name: number for number, name in enumerate((*known, *new))}


def ranks(kinds: Iterable[str]) -> NDArray[np.int64]:
    """(kinds,) the place of each kind among the sorted names of all kinds; kinds: in the order of their numbers."""
    return _ranks(tuple(kinds))


@lru_cache(maxsize=16)
def _ranks(names: tuple[str, ...]) -> NDArray[np.int64]:
    return np.argsort(np.argsort(np.array(names, dtype=object)))
