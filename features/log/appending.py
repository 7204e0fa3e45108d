"""Append events to the log as one segment more: all of them or none, each event id once."""

from __future__ import annotations

import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.agreement import disagreement
from features.business import Business
from features.events import Events, nothing_left, refuse_many_kinds
from features.histories import Span
from features.log.manifest import REJECTED, SEGMENTS, Delivery, FileFacts, Manifest, publish
from features.log.merge import merge, write_new_ids
from features.log.partitioned import sync
from features.log.runs import Run, open_run, write_run
from features.problems import InputProblem
from features.progress import Progress
from features.rejects import SCHEMA, Rejected
from features.whole_file import whole_file

KEPT_REJECTS = 100_000


@dataclass(frozen=True)
class Source:
    """Where events come from.  name, meaning, files: as the delivery will say.  doing: what reading it is called.
    pieces: the events by file, each file in one or more pieces.  quiet: of no account when it brings nothing new."""

    name: str
    meaning: Mapping[str, str]
    files: Mapping[str, FileFacts]
    doing: str
    pieces: Iterable[tuple[Path, Events]]
    quiet: bool = False


@dataclass(frozen=True)
class Appended:
    """delivery: what came of the source.  log: as it is now."""

    delivery: Delivery
    rejected: Rejected
    log: Manifest


def nothing_first(log: Manifest) -> None:
    """What most have to do before the log is published."""


def append(
    source: Source, folder: Path, log: Manifest, business: Business, now: int, progress: Progress,
    first: Callable[[Manifest], None] = nothing_first,
) -> Appended:  # fmt: skip
    """Write a segment of what is new in `source`, and publish the log with it; its writer's lock is held.

    first: is told of the new log before that is published.
    Raises InputProblem: what reading raises, all_rejected, too_many_kinds, undecided_reading.
    """
    name = f"{len(log.deliveries) + 1:06d}-{uuid.uuid4().hex[:8]}"
    target, draft = folder / SEGMENTS / name, folder / SEGMENTS / f"{name}.draft"
    draft.mkdir(parents=True)
    try:
        read = _Read(source.name)
        with progress.step(source.doing):
            for number, (file, events) in enumerate(source.pieces):
                if read.add(events, file):
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
            now, source.name, source.meaning, source.files, read.rows, segment.events if segment else 0, again, unlike,
            read.rejected.by_reason, tuple(read.notes),
        )  # fmt: skip
        if segment is not None:
            sync(final)
            final.rename(target)
            sync(target.parent)
        if len(read.rejected):
            with whole_file(folder / REJECTED / f"{len(log.deliveries) + 1:06d}.parquet") as path:
                pq.write_table(read.rejected.table, path)
        if segment is not None or not source.quiet:
            log = log.with_segment(segment, delivery)
            first(log)
            publish(folder, log)
        return Appended(delivery, read.rejected, log)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


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


def _undecided(source: Path, ways: Sequence[str]) -> InputProblem:
    return InputProblem(
        f"Parts of {source} read differently: {'; '.join(ways[:3])}. A large file is read in parts, and they leave "
        "open which is meant. Set time_format under [events] for times, or write the column as timestamps or numbers. "
        "Nothing was changed.",
        "undecided_reading",
    )
