"""User ids as keyed hashes: who has the log, the store or a score file, but not the key, cannot tell whose they are."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa

from features.business import Business
from features.problems import InputProblem

KEY = "WINBACK_ID_KEY"
SHORTEST = 16  # characters of the key
CHECK = "id_key.json"
_DIGITS, _PERSON, _CHECKED = 32, b"winback user", b"winback: is this the key?"


@dataclass(frozen=True)
class Pseudonyms:
    """How user ids are kept.  key: (32,) secret bytes; empty where ids are kept as they come."""

    key: bytes = field(default=b"", repr=False)

    def of(self, user: str) -> str:
        """The id under which a user is kept: 32 hex digits, the same for the same key, or the id itself without one.

        Source: BLAKE2's keyed mode is a MAC, RFC 7693, https://doi.org/10.17487/RFC7693.
        """
        if not self.key:
            return user
        return blake2b(user.encode(), key=self.key, digest_size=_DIGITS // 2, person=_PERSON).hexdigest()

    def each(self, users: Iterable[str]) -> dict[str, str]:
        """The id that the caller uses, by the id under which the user is kept; in order, each user once."""
        return {self.of(user): user for user in users}

    def column(self, users: pa.ChunkedArray) -> pa.ChunkedArray:
        """A dictionary column of user ids with other names in it; no row is looked at."""
        if not self.key:
            return users
        pieces = [_renamed(piece, self) for piece in users.chunks]
        return pa.chunked_array(pieces, users.type)

    @property
    def check(self) -> str:
        """By this the key is known again, without being known."""
        return blake2b(_CHECKED, key=self.key, digest_size=16).hexdigest()


CLEAR = Pseudonyms()


def _renamed(piece: pa.DictionaryArray, names: Pseudonyms) -> pa.DictionaryArray:
    hidden = [None if user is None else names.of(user) for user in piece.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(piece.indices, pa.array(hidden, pa.string()))


def pseudonyms_of(business: Business) -> Pseudonyms:
    """How this business keeps user ids: `hash_users` under [events], with the key from the environment.

    The first key is noted (as a hash of a constant) in .winback, so that another one is refused: under another key
    every known customer would come back as a stranger.
    Raises InputProblem: missing_id_key (none, or a short one), other_id_key.
    """
    if not business.events.hash_users:
        return CLEAR
    said = os.environ.get(KEY, "").strip()
    if len(said) < SHORTEST:
        found = f"has {len(said)} characters" if said else "is not set"
        raise InputProblem(
            f"hash_users = true under [events] needs a secret in the environment variable {KEY}, and it {found}. Give "
            f"it at least {SHORTEST} characters that nobody can guess, the same for every command and service, and "
            "keep it safe: without it nobody's history can be found again.",
            "missing_id_key",
        )
    names = Pseudonyms(blake2b(said.encode(), digest_size=32).digest())
    _same_key(names, business.state / CHECK)
    return names


def _same_key(names: Pseudonyms, path: Path) -> None:
    """Note the first key; refuse another."""
    try:
        noted = json.loads(path.read_text("utf-8"))["check"]
    except FileNotFoundError:
        _note(names, path)
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputProblem(f"{path} cannot be read: {error}. Bring it back from a backup.", "other_id_key") from None
    if noted != names.check:
        raise InputProblem(
            f"{KEY} is not the key under which the users of this business are kept ({path} knows it by a hash). With "
            "another key every customer would be a stranger. Set the first key again, or remove the folder "
            f"{path.parent} and begin anew.",
            "other_id_key",
        )


def _note(names: Pseudonyms, path: Path) -> None:
    if not path.parent.parent.is_dir():  # a Spark worker, which has the configuration but not its folder
        return
    path.parent.mkdir(exist_ok=True)
    draft = path.with_name(f"{CHECK}.{os.getpid()}.tmp")
    draft.write_text(json.dumps({"check": names.check}), "utf-8")
    try:
        os.link(draft, path)  # unlike a rename it does not replace what another process noted meanwhile
    except FileExistsError:
        _same_key(names, path)
    finally:
        draft.unlink()
