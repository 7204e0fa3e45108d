"""The event log as a past that is read bucket by bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.business import Business
from features.catalog import KindUse
from features.forgotten import NOBODY, Forgotten, forgotten
from features.histories import Histories, Span, arranged
from features.log.locks import reading
from features.log.manifest import REJECTED, SEGMENTS, Manifest, log_folder, meaning_of, read_manifest
from features.log.merge import added
from features.log.partitioned import Partitioned
from features.log.runs import open_run
from features.problems import InputProblem
from features.rejects import SCHEMA, Rejected

_NEEDED = ("user", "time", "kind", "value", "item", "ingested_at")


@dataclass(frozen=True)
class EventLog:
    """The log of a business as it was when it was opened; see `features.past.Past`.

    known_today: whether late arrivals are ignored.  held: keeps the segments in place as long as this object lives.
    forgotten: whose events are hidden, though the segments have them until the next compaction.
    """

    folder: Path
    manifest: Manifest
    held: IO[str]
    known_today: bool = False
    forgotten: Forgotten = NOBODY
    _starts: dict[tuple[str, ...], NDArray[np.int64]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def event_count(self) -> int:
        return self.manifest.events

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        return tuple(use.kind for use in self.uses())

    @cached_property
    def span(self) -> Span:
        segments = self.manifest.segments
        return Span(
            min(segment.first for segment in segments), max(segment.last for segment in segments),
            max(segment.complete_until for segment in segments), all(segment.dates_only for segment in segments),
            self.manifest.zone,
        )  # fmt: skip

    @cached_property
    def user_count(self) -> int:
        """How many users there are; reads their ids where the log has several segments."""
        return sum(len(pc.unique(part["user"])) for part in self._tables(("user",)))

    def uses(self) -> tuple[KindUse, ...]:
        together: dict[str, KindUse] = {}
        for segment in self.manifest.segments:
            together = added(together, segment.uses)
        return tuple(together[kind] for kind in sorted(together))

    def fingerprint(self) -> str:
        return self.manifest.fingerprint

    @property
    def arrivals(self) -> bool:
        return not self.known_today and any(segment.arrivals for segment in self.manifest.segments)

    def as_known_today(self) -> EventLog:
        return replace(self, known_today=True)

    def buckets(self) -> Iterator[Histories]:
        """The histories of one bucket of users after the other, each user in one."""
        for table in self._tables(_NEEDED):
            histories, _ = arranged(table, self.span, self.kinds)
            if not self.arrivals:
                yield histories.as_known_today()
            else:
                yield histories if histories.arrivals else replace(histories, arrived=histories.time)

    def starts(self, kinds: Sequence[str]) -> NDArray[np.int64]:
        asked = tuple(kinds)
        if asked not in self._starts:
            parts = [part.starts(asked) for part in self.buckets()]
            self._starts[asked] = np.sort(np.concatenate([np.zeros(0, np.int64), *parts]))
        return self._starts[asked]

    def event_ids(self) -> Iterator[str]:
        """The ids of all events that have one."""
        for table in self._tables(("event_id",)):
            yield from table["event_id"].drop_null().to_pylist()

    def hidden_users(self) -> dict[str, int]:
        """The users whom tombstones hide and whom the segments still have, with the moment up to which they do."""
        found: dict[str, int] = {}
        if self.forgotten.people:
            for table in replace(self, forgotten=NOBODY)._tables(("user",)):
                users = pc.unique(table["user"]).dictionary
                some = self.forgotten.candidates(users).tolist()
                untils = {name: self.forgotten.until(name) for name in (users[code].as_py() for code in some)}
                found |= {name: until for name, until in untils.items() if until is not None}
        return found

    def _tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        files = [open_run(self.folder / SEGMENTS / segment.name).events for segment in self.manifest.segments]
        asked = list(dict.fromkeys([*columns, *(("user", "time") if self.forgotten.people else ())]))
        for bucket in range(self.manifest.buckets):
            parts = [part for file in files if (part := _part(file, bucket, asked)) is not None]
            if parts:
                table = self.forgotten.kept(pa.concat_tables(parts).unify_dictionaries().combine_chunks())
                if table.num_rows:
                    yield table.select(list(columns))


def _part(file: Partitioned, bucket: int, columns: Sequence[str]) -> pa.Table | None:
    part = file.read(bucket, columns)
    if part is None:
        return None
    for name in {"time", "ingested_at"} & set(columns):
        part = part.set_column(part.schema.names.index(name), name, part[name].cast(pa.int64()))
    return part


def open_log(business: Business) -> EventLog | None:
    """The log of a business; None when nothing was ever ingested.

    Raises InputProblem: damaged_log, log_format, other_meaning (winback.toml names other columns than the log was
    read with).
    """
    folder = log_folder(business)
    if read_manifest(folder) is None:
        return None
    held = reading(folder)
    manifest = read_manifest(folder)
    if manifest is None or not manifest.segments:
        return None
    _refuse_other_meaning(business, manifest, folder)
    return EventLog(folder, manifest, held, forgotten=forgotten(business))


def _refuse_other_meaning(business: Business, manifest: Manifest, folder: Path) -> None:
    now = meaning_of(business)
    for delivery in manifest.deliveries:
        if delivery.source != business.events.source:
            continue
        if other := [key for key in {**now, **delivery.meaning} if now.get(key, "") != delivery.meaning.get(key, "")]:
            key = other[0]
            raise InputProblem(
                f'winback.toml says {key} = "{now.get(key, "")}", but the event log was ingested from '
                f'{delivery.source} with {key} = "{delivery.meaning.get(key, "")}". Put it back, or remove {folder} '
                "and ingest again.",
                "other_meaning",
            )


def read_rejected(folder: Path, rows_read: int) -> Rejected:
    """The rows that the deliveries of a log rejected, as far as they were kept."""
    tables = [pq.read_table(path) for path in sorted((folder / REJECTED).glob("*.parquet"))]
    table = pa.concat_tables([SCHEMA.empty_table(), *tables])
    return Rejected(table, rows_read, "the event log", len(tables) + 1)
