"""Carry posted events into the event log, each exactly once, whenever it is killed.

In this order: the store notes which log is about to come; the log is published with the events in it; the store takes
the new log for its own; the journal forgets the events.  After a kill the next flush reads the note, and finds what it
carries a second time in the log by its id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from features.business import Business
from features.clock import DAY, zone_table
from features.events import SCHEMA, Counted, Events
from features.log.appending import Source, append
from features.log.disk import refuse_full_disk
from features.log.ingest import Ingested, ingest
from features.log.locks import writing
from features.log.manifest import POSTED, Manifest, log_folder, meaning_of, read_manifest, sweep
from features.online.database import Database, chunks, facts, state
from features.online.statements import Statements
from features.online.store import Store
from features.online.tables import JOURNAL, META
from features.problems import InputProblem
from features.progress import Progress, Silent
from features.rejects import Rejected

MOST_AT_ONCE = 1_000_000  # events a segment
A_PIECE = 50_000
_BYTES_AN_EVENT = 100
_MEANING = {name: name for name in ("user_id", "time", "kind", "value", "item", "event_id")} | {"user": "user_id"}


@dataclass(frozen=True)
class Flushed:
    """carried: events that are new in the log.  known: events that it had already.  left: posted in the meantime.
    ingested: what was brought in first, where there was no log.  log: as it is now."""

    carried: int
    known: int
    left: int
    ingested: Ingested | None
    log: Manifest

    def lines(self) -> list[str]:
        """For a person to read."""
        first = [] if self.ingested is None else self.ingested.lines()
        known = f"; {self.known:,} more were in it already" if self.known else ""
        return [
            *first,
            f"{self.carried:,} posted events carried into the event log{known}. It has {self.log.events:,} events now; "
            f"{self.left:,} posted events are left to carry.",
        ]


def flush(business: Business, store: Store, now: int, progress: Progress) -> Flushed:
    """Carry every posted event into the log; where there is none, its source is ingested first.

    now: microseconds UTC.  Raises what `ingest` raises, too_many_kinds, disk_full; StoreUnavailable.
    """
    with store.database.alone():
        log = read_manifest(log_folder(business))
        first = ingest(business, now, progress) if log is None or not log.segments else None
        return _carried(business, store.database, now, progress, first)


def flush_regularly(business: Business, store: Store, now: int) -> Flushed | None:
    """The same for a service every `flush_minutes`; None where there is no log, or another process is at it.

    Raises as `flush`, and OSError where the log's disk fails; nothing is lost, the next time carries it.
    """
    log = read_manifest(log_folder(business))
    if log is None or not log.segments:
        return None
    with store.database.alone(wait=False) as alone:
        return _carried(business, store.database, now, Silent(), None) if alone else None


def _carried(
    business: Business, database: Database, now: int, progress: Progress, first: Ingested | None
) -> Flushed:
    folder, statements, carried, known = log_folder(business), Statements(database.engine), 0, 0
    with writing(folder, "flush", progress):
        log = _log(folder)
        sweep(folder, log)
        _settle(database, log)
        while waiting := min(_waiting(database), MOST_AT_ONCE):
            refuse_full_disk(folder, waiting * _BYTES_AN_EVENT)
            ids: list[str] = []
            source = Source(POSTED, _meaning(business), {}, f"reading {waiting:,} posted events",
                            _pieces(database, log, now, ids), quiet=True)  # fmt: skip
            added = append(source, folder, log, business, now, progress, partial(_note, database, log))
            log = added.log
            carried, known = carried + added.delivery.events, known + added.delivery.duplicates
            _settle(database, log)
            for some in chunks(ids, A_PIECE):
                with database.filling() as connection:
                    statements.forget_posted(connection, some)
            if waiting < MOST_AT_ONCE:
                break
    return Flushed(carried, known, _waiting(database), first, log)


def _log(folder: Path) -> Manifest:
    log = read_manifest(folder)
    if log is None:
        raise InputProblem(f"{folder} is gone. Bring it back from a backup, or ingest again.", "missing_log")
    return log


def _waiting(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(JOURNAL)).scalar() or 0)


def _note(database: Database, old: Manifest, new: Manifest) -> None:
    """Write down which log is about to be published, and what the store may call itself once it is."""
    says = [len(new.deliveries), new.deliveries[-1].at, old.mark, new.mark]
    with database.filling() as connection:
        state(connection, flushing=json.dumps(says))


def _settle(database: Database, log: Manifest) -> None:
    """Take the log that was noted for the store's own, if it was published: the store has had its events all along."""
    with database.filling() as connection:
        said = facts(connection)
        if "flushing" not in said:
            return
        number, at, old, new = json.loads(said["flushing"])
        connection.execute(META.delete().where(META.c.key == "flushing"))
        published = [(one.source, one.at) for one in log.deliveries[number - 1 : number]] == [(POSTED, at)]
        if published and said.get("log") == old:
            state(connection, log=new)


def _pieces(database: Database, log: Manifest, now: int, ids: list[str]) -> Iterator[tuple[Path, Events]]:
    """The journal as events, without holding all of it; `ids` gets those of the events handed out."""
    arrivals = any(segment.arrivals for segment in log.segments)
    with database.reading() as connection:
        found = connection.execution_options(yield_per=A_PIECE).execute(sa.select(JOURNAL).limit(MOST_AT_ONCE))
        for rows in found.mappings().partitions():
            ids.extend(row["event_id"] for row in rows)
            yield Path(POSTED), _events([dict(row) for row in rows], arrivals, log.zone)


def _events(rows: list[dict[str, Any]], arrivals: bool, zone: str) -> Events:
    """Journal rows in the log's meaning.

    When they came is told only to a log that knows so of others: to one without, every event was known at once, and
    features of the past must go on to mean that.
    """
    time = np.array([row["time"] for row in rows], dtype=np.int64)
    came = [row["received_at"] if arrivals else None for row in rows]
    table = pa.table({
        "user": [row["user_id"] for row in rows], "time": time,
        "kind": pa.array([row["kind"] for row in rows], pa.string()).dictionary_encode(),
        "value": pa.array([row["value"] for row in rows], pa.float64()),
        "item": pa.array([row["item"] or None for row in rows], pa.string()),
        "event_id": [row["event_id"] for row in rows], "ingested_at": pa.array(came, pa.int64()),
    }).cast(SCHEMA)  # fmt: skip
    dates_only = bool((zone_table(zone).to_local(time) % DAY == 0).all())
    return Events(table, Rejected(), Counted(rows_read=len(rows)), (), dates_only, int(time.max()))


def _meaning(business: Business) -> Mapping[str, str]:
    """The settings of a delivery: posted events name their parts themselves."""
    return {key: _MEANING.get(key, "") for key in meaning_of(business)} | {"time_zone": business.events.time_zone}
