"""API keys: who may ask the service what, several at a time, each known by a name and kept as a hash alone."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import ipaddress
import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from features.business import Business
from features.clock import format_instant
from features.problems import InputProblem
from features.whole_file import whole_file

Scope = Literal["score", "events", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
PREFIX = "wb_"
LOOKED_AT_SECONDS = 1.0  # how long a removed key may still open the door
LONGEST_NAME = 60


class Key(BaseModel):
    """One key as it is kept.

    digest: SHA-256 of the token. A slow, salted hash protects what people choose; a token is 256 random bits, which
    nobody can run through, so a fast hash keeps it as safe and costs a request 1 microsecond instead of 100,000.
    made_at: ISO 8601.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    scopes: tuple[Scope, ...]
    digest: str
    made_at: str


class KeyFile(BaseModel):
    """The file of keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    keys: tuple[Key, ...] = ()


class Keys:
    """The keys of a running service; a change of the file counts within a second, in every worker.

    Safe for several threads. A file that cannot be read opens to nobody.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._looked, self._stamp = -LOOKED_AT_SECONDS, (0, 0, 0)
        self._known: tuple[tuple[bytes, Key], ...] = ()

    def find(self, token: str) -> Key | None:
        """The key of a token, compared with every one in a time that says nothing about any."""
        if time.monotonic() - self._looked >= LOOKED_AT_SECONDS:
            self._look()
        asked, found = _digest(token).encode(), None
        for digest, key in self._known:
            if hmac.compare_digest(digest, asked):
                found = key
        return found

    def _look(self) -> None:
        with self._lock:
            self._looked = time.monotonic()
            try:
                now = os.stat(self._path)
                stamp = (now.st_ino, now.st_mtime_ns, now.st_size)
                if stamp != self._stamp:
                    held = read_keys(self._path).keys
                    self._known, self._stamp = tuple((key.digest.encode(), key) for key in held), stamp
            except (OSError, InputProblem):  # OSError: there is no file
                self._known, self._stamp = (), (0, 0, 0)


def key_file(business: Business) -> Path:
    """Where the keys of this business are kept, readable by their owner alone."""
    return business.state / "keys.json"


def demand(business: Business, host: str, without: bool = False) -> Literal["required", "off"]:
    """Whether callers need a key; decided once, before the service starts.

    host: what it will listen on.  without: `winback serve --no-keys`.
    Raises InputProblem: keys_needed when it would be open to other machines, no_keys when nobody could ask it.
    """
    if without or business.service.local_without_key:
        if _is_loopback(host):
            return "off"
        raise InputProblem(
            f"Without keys the service may listen on this machine's own address alone, and {host} is open to others. "
            "Leave --host out, or make a key with `winback keys add NAME --scope score --scope events` and start "
            "without --no-keys and without local_without_key.",
            "keys_needed",
        )
    if not read_keys(key_file(business)).keys:
        raise InputProblem(
            "The service has no API key yet, so nobody could ask it. Make one with `winback keys add NAME --scope "
            "score --scope events`; or, for this machine alone, start it with --no-keys or set local_without_key = "
            "true under [service] in winback.toml.",
            "no_keys",
        )
    return "required"


def read_keys(path: Path) -> KeyFile:
    """The kept keys; none when there is no file. Raises InputProblem (bad_key_file) when it is something else."""
    try:
        return KeyFile.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return KeyFile()
    except (ValidationError, OSError) as error:
        said = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else "is not a file of API keys"
        raise InputProblem(
            f"{path} {said}. Mend it, or move it away and make the keys anew with `winback keys add`.", "bad_key_file"
        ) from None


def add_key(business: Business, name: str, scopes: Sequence[str], now: int) -> str:
    """Make a key and return its token, which is kept nowhere; now: microseconds UTC.

    Raises InputProblem: a name that is taken or too long, no scope, an unknown scope.
    """
    wrong = [scope for scope in scopes if scope not in SCOPES]
    if wrong or not scopes:
        said = f"'{wrong[0]}' is not a scope" if wrong else "A key needs at least one scope"
        raise InputProblem(f"{said}. Use --scope with {', '.join(SCOPES)}; several are allowed.", "unknown_scope")
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputProblem(f"A key's name has 1 to {LONGEST_NAME} printable characters.", "bad_name")
    token = PREFIX + secrets.token_urlsafe(32)
    with _changing(key_file(business)) as path:
        held = read_keys(path).keys
        if any(key.name == name for key in held):
            raise InputProblem(
                f"There is a key '{name}' already. Choose another name, or remove it first: `winback keys remove "
                f"'{name}'`.",
                "name_taken",
            )
        wanted = tuple(scope for scope in SCOPES if scope in scopes)
        _write(path, (*held, Key(name=name, scopes=wanted, digest=_digest(token), made_at=format_instant(now))))
    return token


def remove_key(business: Business, name: str) -> None:
    """Take a key back; the service refuses it within a second. Raises InputProblem when there is none of this name."""
    with _changing(key_file(business)) as path:
        held = read_keys(path).keys
        left = tuple(key for key in held if key.name != name)
        if len(left) == len(held):
            known = ", ".join(f"'{key.name}'" for key in held) or "no key at all"
            raise InputProblem(f"There is no key '{name}'; there is {known}.", "unknown_key")
        _write(path, left)


def listing(business: Business) -> list[str]:
    """The keys in lines for a person: name, scopes, when it was made."""
    held = read_keys(key_file(business)).keys
    if not held:
        return ["There is no key. Make one: winback keys add NAME --scope score --scope events"]
    width = max(len(key.name) for key in held)
    return [f"{key.name:<{width}}  {key.made_at}  {', '.join(key.scopes)}" for key in held]


@contextmanager
def _changing(path: Path) -> Iterator[Path]:
    """Be the only one who changes the keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield path


def _write(path: Path, keys: tuple[Key, ...]) -> None:
    with whole_file(path, 0o600) as draft:
        draft.write_text(KeyFile(keys=keys).model_dump_json(indent=1), "utf-8")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
