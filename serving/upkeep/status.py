"""How things stand, on one screen: how old the data are, what waits, which models answer, and what is missing."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa

from features.business import Business
from features.clock import DAY, SECOND, format_instant, parse_instant
from features.definitions import definitions
from features.forgotten import forgotten
from features.log.files import files_behind
from features.log.manifest import FOLDER, POSTED, Manifest, log_folder, read_manifest
from features.online.database import facts
from features.online.place import FILE as STORE
from features.online.place import URL, open_history
from features.online.sqlite import Sqlite
from features.online.store import StoreUnavailable
from features.online.tables import FRONTIER, HISTORIES, JOURNAL
from features.problems import InputProblem
from features.sources.columns import source_files
from serving.champions.handover import handover_file, read_handover
from serving.upkeep.archive import parts
from training.keeping.registry import BUNDLE, CHAMPION, is_own, model_name, tracking_uri

REGISTRY, MODELS = "mlflow.db", "mlartifacts"


@dataclass(frozen=True)
class LogStatus:
    """events: that readers see.  behind: files of the source that are not in it as they are now.  Times: ISO 8601."""

    events: int
    segments: int
    newest_event: str
    last_ingest: str | None
    last_flush: str | None
    behind: int
    forgotten: int


@dataclass(frozen=True)
class StoreStatus:
    """waiting: posted events that no flush has carried yet.  current: whether it holds the log as it is now."""

    engine: str
    users: int
    waiting: int
    oldest_waiting_seconds: float | None
    newest_event: str | None
    current: bool | None


@dataclass(frozen=True)
class ChampionStatus:
    """grade: A to D, how much evidence there was.  until: of the data it learned from, ISO 8601."""

    task: str
    version: str
    grade: str
    until: str
    age_days: float


@dataclass(frozen=True)
class Missing:
    """Something that is not there, and what to do about it."""

    what: str
    do: str


@dataclass(frozen=True)
class Status:
    """newest_event: of log and store together.  lag_seconds: how long ago that happened.  disk: bytes by what."""

    at: str
    newest_event: str | None
    lag_seconds: float | None
    log: LogStatus | None
    store: StoreStatus | None
    champions: tuple[ChampionStatus, ...]
    service: Mapping[str, Any] | None
    disk: Mapping[str, int]
    missing: tuple[Missing, ...]

    def to_json(self) -> dict[str, Any]:
        """For a machine."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """For a person to read."""
        if self.newest_event is not None and self.lag_seconds is not None:
            yield f"Data:      newest event {_time(self.newest_event)}, {_ago(self.lag_seconds)}"
        if self.log is not None:
            yield f"Log:       {self.log.events:,} events in {_count(self.log.segments, 'segment')}{_behind(self.log)}"
            yield f"           last ingest {_time(self.log.last_ingest)}, last flush {_time(self.log.last_flush)}"
        if self.store is not None:
            yield f"Store:     {self.store.engine}, {_count(self.store.users, 'user')}, {_waiting(self.store)}"
        for one in self.champions:
            age = f"{one.age_days:,.0f} days ago"
            yield f"Champion:  {one.version}, grade {one.grade}, data until {_time(one.until)} ({age})"
        if self.service is not None:
            models = ", ".join(self.service["models"].values()) or "no model"
            yield f"Service:   last handed {models}; registry {self.service['registry']}"
            yield from (f"           refused: {one}" for one in self.service["refused"])
        used = ", ".join(f"{name} {_bytes(size)}" for name, size in self.disk.items() if name != "free")
        yield f"Disk:      {used}; {_bytes(self.disk['free'])} free"
        yield from (f"Missing:   {one.what}: {one.do}" for one in self.missing)


def status(business: Business, now: int) -> Status:
    """Look at everything and change nothing; what is not there is said, with what to do.  now: microseconds UTC."""
    missing: list[Missing] = []
    manifest = _found(missing, "event log", lambda: read_manifest(log_folder(business)))
    log = _log(business, manifest) if manifest is not None and manifest.segments else None
    if log is None and not missing:
        do = "the source is read anew each time; `winback ingest` makes one."
        missing.append(Missing("no event log", do))
    store = _store(business, manifest, now, missing)
    known = [one for one in (log and log.newest_event, store and store.newest_event) if one]
    newest = max(known) if known else None
    lag = None if newest is None else round((now - parse_instant(newest)) / SECOND, 3)
    return Status(
        format_instant(now), newest, lag, log, store, tuple(_champions(business, now, missing)),
        _service(business, missing), _disk(business), tuple(missing),
    )  # fmt: skip


def _found(missing: list[Missing], what: str, ask: Any) -> Any:
    """What `ask` finds; where it cannot, the reason is noted."""
    try:
        return ask()
    except InputProblem as problem:
        missing.append(Missing(what, str(problem)))
    except StoreUnavailable as problem:
        missing.append(Missing(what, f"{problem}. Look whether the database runs."))
    return None


def _log(business: Business, manifest: Manifest) -> LogStatus:
    told = {True: None, False: None} | {one.source == POSTED: format_instant(one.at) for one in manifest.deliveries}
    try:
        behind = len(files_behind(manifest, source_files(business)))
    except InputProblem:  # the source is gone, which the log does not mind
        behind = 0
    newest = format_instant(max(segment.last for segment in manifest.segments))
    people = len(forgotten(business).people)
    return LogStatus(manifest.events, len(manifest.segments), newest, told[False], told[True], behind, people)


def _store(business: Business, manifest: Manifest | None, now: int, missing: list[Missing]) -> StoreStatus | None:
    if not os.environ.get(URL, "").strip() and not (business.state / STORE).exists():
        do = "`winback warm` fills one, `winback serve` does so when it starts."
        missing.append(Missing("no store of histories", do))
        return None
    found: StoreStatus | None = _found(missing, "store of histories", lambda: _asked(business, manifest, now))
    if found is not None and found.current is False:
        do = "`winback warm` brings it up to the log, also while the service runs."
        missing.append(Missing("the store is behind the event log", do))
    return found


def _asked(business: Business, manifest: Manifest | None, now: int) -> StoreStatus:
    store = open_history(business)
    with contextlib.closing(store), store.database.reading() as connection:
        said = facts(connection)
        generation = int(said["generation"])
        users = sa.select(sa.func.count()).select_from(HISTORIES).where(HISTORIES.c.generation == generation)
        waiting = sa.select(sa.func.count(), sa.func.min(JOURNAL.c.received_at))
        count, oldest = connection.execute(waiting).one()
        newest = connection.execute(sa.select(sa.func.max(FRONTIER.c.time))).scalar()
        sqlite = isinstance(store.database.engine, Sqlite)
        return StoreStatus(
            "SQLite" if sqlite else "PostgreSQL", int(connection.execute(users).scalar_one()), int(count),
            None if oldest is None else round((now - oldest) / SECOND, 3),
            None if newest is None else format_instant(newest),
            None if manifest is None else said.get("log") == manifest.mark,
        )  # fmt: skip


def _champions(business: Business, now: int, missing: list[Missing]) -> Iterator[ChampionStatus]:
    found = dict(_own_champions(business, missing) if is_own(business) else _handed(business))
    for task in definitions(business):
        if task not in found:
            where = "" if is_own(business) else f" in {tracking_uri(business)} that was handed to the service"
            missing.append(Missing(f"no champion for {task}{where}", f"`winback train {task}` makes one."))
            continue
        version, folder = found[task]
        try:
            told = json.loads((folder / "bundle.json").read_text("utf-8"))
            until = int(told["origin"]["until"])
            yield ChampionStatus(task, version, told["grade"], format_instant(until), round((now - until) / DAY, 1))
        except (OSError, ValueError, LookupError, TypeError):
            do = f"put them back into {folder}, or run `winback train {task}`."
            missing.append(Missing(f"readable files of {version}", do))


def _own_champions(business: Business, missing: list[Missing]) -> Iterator[tuple[str, tuple[str, Path]]]:
    """By question the version and the folder of its bundle, from the registry's own file: MLflow takes seconds."""
    path = business.state / REGISTRY
    if not path.exists():
        return
    query = (
        "SELECT a.version, v.storage_location FROM registered_model_aliases AS a JOIN model_versions AS v "
        "ON v.name = a.name AND v.version = a.version WHERE a.alias = ? AND a.name = ?"
    )
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            for task in definitions(business):
                for version, place in connection.execute(query, (CHAMPION, model_name(task))):
                    folder = Path(unquote(urlsplit(place).path)) / "artifacts" / BUNDLE
                    yield task, (f"{model_name(task)}/{version}", folder)
    except sqlite3.Error as error:
        missing.append(Missing("the registry of models", f"{path} cannot be read: {error}."))


def _handed(business: Business) -> Iterator[tuple[str, tuple[str, Path]]]:
    """The same from the copies that the service was handed, where the registry is elsewhere."""
    path = handover_file(business)
    with contextlib.suppress(InputProblem):
        for one in getattr(read_handover(path), "held", ()):
            yield one.task, (f"{one.name}/{one.version}", path.parent / one.folder)


def _service(business: Business, missing: list[Missing]) -> Mapping[str, Any] | None:
    handover = _found(missing, "what the service was handed", lambda: read_handover(handover_file(business)))
    report: Mapping[str, Any] | None = None if handover is None else handover.report()
    return report


def _disk(business: Business) -> dict[str, int]:
    place = next(folder for folder in (business.state, business.root, Path()) if folder.is_dir())
    files = {"log": [FOLDER], "store": [STORE, f"{STORE}-wal"], "models": [REGISTRY, MODELS]}
    sizes = {name: sum(_size(business.state / one) for one in some) for name, some in files.items()}
    return sizes | {"free": shutil.disk_usage(place).free}


def _size(path: Path) -> int:
    total = 0
    for file in [path] if path.is_file() else parts(path):
        with contextlib.suppress(FileNotFoundError):  # a compaction may be at work
            total += file.stat().st_size
    return total


def _time(text: str | None) -> str:
    return "never" if text is None else f"{text[:16].replace('T', ' ')} UTC"


def _ago(seconds: float) -> str:
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}s ago"
    return f"{max(seconds, 0):,.0f} seconds ago"


def _behind(log: LogStatus) -> str:
    hidden = f"; {_count(log.forgotten, 'user')} forgotten" if log.forgotten else ""
    if not log.behind:
        return hidden
    return f"{hidden}; {_count(log.behind, 'file')} of the source not in it yet (`winback ingest`)"


def _waiting(store: StoreStatus) -> str:
    if not store.waiting:
        return "no posted event waits for a flush"
    waits = "waits" if store.waiting == 1 else "wait"
    oldest = _ago(store.oldest_waiting_seconds or 0.0)
    return f"{_count(store.waiting, 'posted event')} {waits} for a flush, the oldest came {oldest}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _bytes(size: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size / 1e3:,.0f} kB"
