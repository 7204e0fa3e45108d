"""Bring a backup back: all of it is checked first, and it takes the place of what is there in one step."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.log.disk import refuse_full_disk
from features.log.locks import writing
from features.log.manifest import FOLDER, MANIFEST
from features.online.carrying import empty, poured
from features.online.database import Database
from features.online.place import FILE as STORE
from features.online.place import URL
from features.online.sqlite import Sqlite
from features.problems import InputProblem
from features.progress import Progress
from serving.upkeep.archive import parts, unpacked
from serving.upkeep.backup import ARTIFACTS, BESIDE, CONFIG, REGISTRY, STATE

STATE_FOLDER, WORK = ".winback", ".winback-restoring"
_PLACES = (("experiments", "artifact_location"), ("runs", "artifact_uri"), ("logged_models", "artifact_location"),
           ("model_versions", "storage_location"))  # fmt: skip
_EXCHANGE = 2  # of renameat2(2)
_HERE = -100


@dataclass(frozen=True)
class Restored:
    """into: the folder of winback.toml.  at: when the backup was made."""

    into: Path
    at: str
    files: int

    def lines(self) -> list[str]:
        """For a person to read."""
        return [
            f"{self.into}: {self.files:,} files as of {self.at}, every one checked.",
            "Who was forgotten after that is back: forget them again. Next: winback status",
        ]


def restore(archive: Path, into: Path, force: bool, progress: Progress) -> Restored:
    """Put a backup's winback.toml and state into a folder; a kill leaves the old state or the new one.

    With WINBACK_STORE_URL the histories go into PostgreSQL, in one transaction just before. The service must not run.
    Raises InputProblem: missing_file, damaged_backup, backup_format, existing_state (without `force`), disk_full.
    """
    into.mkdir(parents=True, exist_ok=True)
    with _alone(into):
        work, state = into / WORK, into / STATE_FOLDER
        shutil.rmtree(work, ignore_errors=True)  # what a kill left
        with _store() as store:
            if not force:
                _refuse_existing(into, store)
            if archive.exists():
                refuse_full_disk(into, archive.stat().st_size)
            try:
                with progress.step(f"checking {archive}"):
                    contents = unpacked(archive, work)
                _moved(work / STATE, str(contents["artifacts"]), state)
                with progress.step("restoring"), _no_writer(state, progress):
                    if store is not None:
                        poured(work / STATE / STORE, store)
                        (work / STATE / STORE).unlink()
                    _take_over(work, into, contents)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return Restored(into, str(contents["at"]), len(contents["members"]))


def _take_over(work: Path, into: Path, contents: Mapping[str, Any]) -> None:
    for path in parts(work):
        with path.open("rb") as file:
            os.fsync(file.fileno())
    exchanged(work / STATE, into / STATE_FOLDER)
    for name in contents["members"]:
        if name == CONFIG or name.startswith(f"{BESIDE}/"):
            target = into / name.removeprefix(f"{BESIDE}/")
            target.parent.mkdir(parents=True, exist_ok=True)
            (work / name).chmod(0o644)
            os.replace(work / name, target)


def exchanged(new: Path, old: Path) -> None:
    """Let two folders change places in one step, so that there is no moment without either."""
    if not old.exists():
        os.rename(new, old)
        return
    libc = ctypes.CDLL(None)
    swap = getattr(libc, "renameat2", None)
    if swap is not None and swap(_HERE, os.fsencode(new), _HERE, os.fsencode(old), _EXCHANGE) == 0:
        return
    aside = new.with_name(f"{new.name}-old")  # a system or disk without the call: two steps, right after each other
    os.rename(old, aside)
    os.rename(new, old)
    os.rename(aside, new)


def _moved(state: Path, old: str, place: Path) -> None:
    """Tell the registry where its models' files lie now; old: the address of their folder when they were packed."""
    new, database = (place / ARTIFACTS).resolve().as_uri(), state / REGISTRY
    if not database.exists() or old == new:
        return
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        there = {(table, row[1]) for table, _ in _PLACES for row in connection.execute(f"PRAGMA table_info({table})")}
        for table, column in (one for one in _PLACES if one in there):
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {column} = ? OR {column} LIKE ? || '/%'",
                (new, len(old) + 1, old, old),
            )


@contextlib.contextmanager
def _store() -> Iterator[Database | None]:
    """The store that the environment names, where it is not the file in the state's folder."""
    url = os.environ.get(URL, "").strip()
    if not url:
        yield None
        return
    database = Database(url)
    try:
        yield None if isinstance(database.engine, Sqlite) else database
    finally:
        database.close()


def _refuse_existing(into: Path, store: Database | None) -> None:
    known = (CONFIG, f"{STATE_FOLDER}/{FOLDER}/{MANIFEST}", f"{STATE_FOLDER}/{STORE}", f"{STATE_FOLDER}/{REGISTRY}")
    found = [str(into / one) for one in known if (into / one).exists()]
    if store is not None and not empty(store):
        found.append(store.engine.place.rstrip(","))
    if found:
        raise InputProblem(
            f"There is a state already: {', '.join(found)}. Restore into an empty folder with --into DIR, or replace "
            "it with --force. Nothing was changed.",
            "existing_state",
        )


@contextlib.contextmanager
def _no_writer(state: Path, progress: Progress) -> Iterator[None]:
    """Wait for an ingest or a flush of the old log to end."""
    if (state / FOLDER).is_dir():
        with writing(state / FOLDER, "restore", progress):
            yield
    else:
        yield


@contextlib.contextmanager
def _alone(into: Path) -> Iterator[None]:
    with (into / f"{WORK}.lock").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            (into / f"{WORK}.lock").unlink(missing_ok=True)
