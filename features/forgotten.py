"""Who asked to be forgotten, and when: from that moment on their earlier events do not exist for any reader.

A tombstone holds no user id but a salted hash of it. Whoever has the file and can guess an id can confirm the guess,
as with any hash of something that can be guessed.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.business import Business
from features.digests import text_digests
from features.problems import InputProblem
from features.whole_file import whole_file

FILE = "forgotten.json"
_SALT_BYTES = 16
_NEVER = np.iinfo(np.int64).min
_PREFIX = np.uint64(48)  # 16 of 64 bits: enough to pass over nearly everybody else without hashing their ids


@dataclass(frozen=True)
class Tombstone:
    """until: microseconds UTC; events up to then are hidden, later ones are a new acquaintance.  prefix: 16 bits."""

    until: int
    prefix: int


@dataclass(frozen=True)
class Forgotten:
    """people: by the mark of each."""

    salt: bytes = b""
    people: Mapping[str, Tombstone] = field(default_factory=dict)

    def mark(self, user: str) -> str:
        """By this a tombstone knows a user: 32 hex digits."""
        return blake2b(user.encode(), key=self.salt, digest_size=16).hexdigest()

    def until(self, user: str) -> int | None:
        """The moment up to which the events of this user are hidden, None for somebody who did not ask."""
        stone = self.people.get(self.mark(user)) if self.people else None
        return None if stone is None else stone.until

    def hides(self, user: str, time: int) -> bool:
        """Whether an event of a user at `time` (microseconds UTC) is one that is not to come back."""
        until = self.until(user)
        return until is not None and time <= until

    def kept(self, table: pa.Table) -> pa.Table:
        """The rows that are not hidden, in order; table: `user` as one dictionary, `time` as microseconds."""
        if not self.people or not table.num_rows:
            return table
        hidden = self.hidden(table)
        return table.filter(pa.array(~hidden)) if hidden.any() else table

    def hidden(self, table: pa.Table) -> NDArray[np.bool_]:
        """(rows,) which rows are."""
        users = table["user"].combine_chunks()
        until = np.full(len(users.dictionary), _NEVER, dtype=np.int64)
        for code in self.candidates(users.dictionary).tolist():
            stone = self.people.get(self.mark(users.dictionary[code].as_py()))
            until[code] = _NEVER if stone is None else stone.until
        if not (until > _NEVER).any():
            return np.zeros(table.num_rows, dtype=np.bool_)
        time = np.asarray(table["time"].cast(pa.int64()).to_numpy(), dtype=np.int64)
        mask: NDArray[np.bool_] = time <= until[np.asarray(users.indices)]
        return mask

    def candidates(self, names: pa.Array) -> NDArray[np.int64]:
        """The codes of names that may be those of somebody here: a few of a million are to be hashed."""
        prefixes = np.array([stone.prefix for stone in self.people.values()], dtype=np.uint64)
        return np.flatnonzero(np.isin(text_digests(names) >> _PREFIX, prefixes))

    def moments(self) -> dict[str, int]:
        """Up to when everybody's events are hidden, by the mark."""
        return {mark: stone.until for mark, stone in self.people.items()}

    def as_of(self, moments: Mapping[str, int]) -> Forgotten:
        """The tombstones as they were when `moments` were all there was."""
        known = {mark: moments[mark] for mark in self.people if mark in moments}
        return Forgotten(self.salt, {mark: Tombstone(at, self.people[mark].prefix) for mark, at in known.items()})

    def with_user(self, user: str, until: int) -> Forgotten:
        """The same with one more, or a later moment."""
        digest = int(text_digests(pa.array([user], pa.string()))[0] >> _PREFIX)
        return Forgotten(self.salt, {**self.people, self.mark(user): Tombstone(until, digest)})


NOBODY = Forgotten()


def forgotten(business: Business) -> Forgotten:
    """Everybody whom this business was asked to forget.  Raises InputProblem (damaged_tombstones)."""
    path = business.state / FILE
    try:
        saved = json.loads(path.read_text("utf-8"))
        people = {mark: Tombstone(**stone) for mark, stone in saved["people"].items()}
        return Forgotten(bytes.fromhex(saved["salt"]), people)
    except FileNotFoundError:
        return NOBODY
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputProblem(
            f"{path} cannot be read: {error}. It says whose events must not come back: bring it from a backup.",
            "damaged_tombstones",
        ) from None


def bury(business: Business, user: str, until: int) -> Forgotten:
    """Hide the events of a user up to `until` (microseconds UTC) from every reader, from now on; it is on disk."""
    with _alone(business):
        known = forgotten(business)
        known = known if known.salt else Forgotten(secrets.token_bytes(_SALT_BYTES))
        known = known.with_user(user, max(until, known.until(user) or until))
        people = {mark: vars(stone) for mark, stone in known.people.items()}
        with whole_file(business.state / FILE) as draft, draft.open("w", encoding="utf-8") as file:
            json.dump({"salt": known.salt.hex(), "people": people}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        return known


@contextmanager
def _alone(business: Business) -> Iterator[None]:
    """Two at once would lose one of the two."""
    business.state.mkdir(parents=True, exist_ok=True)
    with Path(business.state / f"{FILE}.lock").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
