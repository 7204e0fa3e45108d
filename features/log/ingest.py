"""Append sources to the event log: every event once, all of them or none, within bounded memory."""

from __future__ import annotations

import shutil
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.agreement import disagreement
from features.business import Business
from features.events import Events, events_of, nothing_left, refuse_many_kinds
from features.histories import Span
from features.log.disk import refuse_full_disk
from features.log.files import events_in, new_files
from features.log.locks import writing
from features.log.manifest import (
    REJECTED,
    SEGMENTS,
    Delivery,
    FileFacts,
    Manifest,
    log_folder,
    meaning_of,
    publish,
    read_manifest,
    sweep,
)
from features.log.merge import merge, write_new_ids
from features.log.partitioned import sync
from features.log.runs import Run, open_run, write_run
from features.problems import InputProblem
from features.progress import Progress
from features.rejects import SCHEMA, Rejected
from features.sources.columns import raw_pieces
from features.whole_file import whole_file

A_BUCKET = 1_000_000  # events; some 100 MB while it is sorted
MOST_BITS = 10
KEPT_REJECTS = 100_000


@dataclass(frozen=True)
class Ingested:
    """What came of one source.  delivery is None when all of its files were in the log already."""

    source: str
    delivery: Delivery | None
    rejected: Rejected
    skipped: int
    log: Manifest

    def lines(self) -> list[str]:
        """For a person to read."""
        if self.delivery is None:
            return [f"{self.source}: nothing new; {_files(self.skipped)} in the log already."]
        d = self.delivery
        said = [f"{self.source}: {d.events:,} events added, {self.log.events:,} in the log."]
        if self.skipped:
            said.append(f"{_files(self.skipped)} in the log already.")
        if d.events < self.log.events and not d.meaning["event_id"]:
            said.append("Without event_id under [events], only whole files are known again: a row that stands in two "
                        "files counts twice.")  # fmt: skip
        if d.duplicates:
            unlike = f", {d.differing:,} of them with other content, of which the first was kept" if d.differing else ""
            said.append(f"{d.duplicates:,} rows repeat an event id and were left out{unlike}.")
        if len(self.rejected):
            said.append(self.rejected.summary())
        return [*said, *d.notes]


def ingest(business: Business, now: int, progress: Progress) -> Ingested:
    """Append the source that `business` names to its log.

    A file whose content is in the log already is passed over, an event whose id is in it counts once.  A kill at any
    instant leaves the log as it was, or with all of the source.
    Raises InputProblem: what reading raises, changed_file (a file has changed, and no event ids tell what is new in
    it), other_time_zone, disk_full, all_rejected.
    """
    folder = log_folder(business)
    with writing(folder, "ingest", progress):
        log = read_manifest(folder)
        sweep(folder, log)
        if log is not None and log.zone != business.events.time_zone:
            raise _other_zone(log, business, folder)
        if log is not None and any(delivery.hashed != business.events.hash_users for delivery in log.deliveries):
            raise _other_ids(business, folder)
        known = log.files if log else {}
        files, skipped = new_files(business, known, progress)
        log = log or Manifest(bits_for(events_in(files)), business.events.time_zone)
        if not files and skipped:
            return Ingested(business.events.source, None, Rejected(), skipped, log)
        if not files and not business.events.event_id and log.deliveries:
            raise _no_ids(business)
        refuse_full_disk(folder, sum(facts.size for facts in files.values()))
        return _append(business, folder, log, files, skipped, now, progress)


def _append(
    business: Business, folder: Path, log: Manifest, files: Mapping[Path, FileFacts], skipped: int, now: int,
    progress: Progress,
) -> Ingested:  # fmt: skip
    name = f"{len(log.deliveries) + 1:06d}-{uuid.uuid4().hex[:8]}"
    target, draft = folder / SEGMENTS / name, folder / SEGMENTS / f"{name}.draft"
    draft.mkdir(parents=True)
    try:
        read = _Read(business.events.source)
        with progress.step(f"reading {business.events.source}"):
            for number, (source, events) in enumerate(_pieces(business, files, now)):
                if read.add(events, source):
                    read.runs.append(write_run(events.table, log.bits, draft / f"run-{number:05d}"))
        if not read.runs:
            raise nothing_left(read.rejected)
        refuse_many_kinds(read.kinds | {use.kind for segment in log.segments for use in segment.uses}, business)
        known = [open_run(folder / SEGMENTS / segment.name) for segment in log.segments]
        final = draft / name
        final.mkdir()
        with progress.step("comparing event ids"):
            repeats = write_new_ids(read.runs, known, final / "ids.parquet")
        span = Span(0, 0, read.complete_until, read.dates_only, log.zone)
        segment = merge(read.runs, repeats.dropped, log.bits, 0, span, final, progress)
        again, unlike = read.again + repeats.count, read.unlike + repeats.differing
        delivery = Delivery(
            now, business.events.source, meaning_of(business), {str(path): facts for path, facts in files.items()},
            read.rows, segment.events if segment else 0, again, unlike, read.rejected.by_reason, tuple(read.notes),
        )  # fmt: skip
        if segment is not None:
            sync(final)
            final.rename(target)
            sync(target.parent)
        if len(read.rejected):
            with whole_file(folder / REJECTED / f"{len(log.deliveries) + 1:06d}.parquet") as path:
                pq.write_table(read.rejected.table, path)
        log = log.with_segment(segment, delivery)
        publish(folder, log)
        return Ingested(business.events.source, delivery, read.rejected, skipped, log)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _files(count: int) -> str:
    return "its one file is" if count == 1 else f"{count:,} files are"


@dataclass
class _Read:
    """What the pieces of a source together amount to."""

    source: str
    runs: list[Run] = field(default_factory=list)
    rows: int = 0
    again: int = 0
    unlike: int = 0
    dates_only: bool = True
    complete_until: int = 0
    kinds: set[str] = field(default_factory=set)
    ways: dict[Path, list[tuple[str, ...]]] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    kept: list[pa.Table] = field(default_factory=list)

    def add(self, events: Events, source: Path) -> bool:
        """Take one piece of a file into account; False when no event of it is left."""
        self.rows += events.counted.rows_read
        self.again += events.counted.duplicates
        self.unlike += events.counted.differing_duplicates
        self.notes |= dict.fromkeys(events.notes)
        self.reasons.update(events.rejected.by_reason)
        room = KEPT_REJECTS - sum(table.num_rows for table in self.kept)
        self.kept.append(events.rejected.table.slice(0, max(room, 0)))
        if not events.table.num_rows:
            return False
        self.kinds.update(events.table["kind"].combine_chunks().dictionary.to_pylist())
        self.ways.setdefault(source, []).append(events.notes)
        if ways := disagreement(self.ways[source]):
            raise _undecided(source, ways)
        self.dates_only &= events.dates_only
        self.complete_until = max(self.complete_until, events.complete_until)
        return True

    @property
    def rejected(self) -> Rejected:
        table = pa.concat_tables([SCHEMA.empty_table(), *self.kept])
        return Rejected(table, self.rows, self.source, len(set(table["file"].to_pylist())) or 1)


def _pieces(business: Business, files: Mapping[Path, FileFacts], now: int) -> Iterator[tuple[Path, Events]]:
    for raw in raw_pieces(business, of=files or None):
        yield raw.files[0], events_of(raw, business, now)


def bits_for(events: int) -> int:
    """So many leading bits that a bucket holds about A_BUCKET events."""
    return min(MOST_BITS, max(0, (events // A_BUCKET).bit_length()))


def _other_zone(log: Manifest, business: Business, folder: Path) -> InputProblem:
    return InputProblem(
        f"The event log was read in the time zone {log.zone}, and winback.toml now says "
        f"{business.events.time_zone}. Put time_zone back, or remove {folder} and ingest the sources again.",
        "other_time_zone",
    )


def _other_ids(business: Business, folder: Path) -> InputProblem:
    now, then = ("true", "false") if business.events.hash_users else ("false", "true")
    return InputProblem(
        f"winback.toml says hash_users = {now}, but the event log was ingested with hash_users = {then}: everybody "
        f"would be two people. Put it back, or remove {folder} and ingest the sources again.",
        "other_meaning",
    )


def _undecided(source: Path, ways: Sequence[str]) -> InputProblem:
    return InputProblem(
        f"Parts of {source} read differently: {'; '.join(ways[:3])}. A large file is read in parts, and they leave "
        "open which is meant. Set time_format under [events] for times, or write the column as timestamps or numbers. "
        "Nothing was changed.",
        "undecided_reading",
    )


def _no_ids(business: Business) -> InputProblem:
    return InputProblem(
        f"{business.events.source} has no files by which to know what is in the log already, and no event ids: its "
        "rows would count twice. Set event_id under [events].",
        "changed_file",
    )
