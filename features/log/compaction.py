"""Merge the segments of the log into one, and split buckets that have grown; the only thing that rewrites events."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

from features.business import Business
from features.forgotten import Forgotten, forgotten
from features.histories import Span
from features.log.disk import refuse_full_disk
from features.log.forgetting import hidden_rows
from features.log.ingest import bits_for
from features.log.locks import writing
from features.log.manifest import SEGMENTS, Manifest, log_folder, publish, read_manifest, sweep
from features.log.merge import gather_ids, merge
from features.log.partitioned import sync
from features.log.runs import open_run
from features.problems import InputProblem
from features.progress import Progress


@dataclass(frozen=True)
class Compacted:
    """segments: how many there were.  log: as it is now.  erased: events of forgotten users that went from the disk."""

    segments: int
    log: Manifest
    erased: int = 0

    def lines(self) -> list[str]:
        """For a person to read."""
        inside = f"{self.log.events:,} events in {self.log.buckets:,} bucket{'s' if self.log.buckets > 1 else ''}"
        gone = [f"{self.erased:,} events of forgotten users are gone from the log."] if self.erased else []
        if self.segments == 1:
            return [f"The log is one segment{'' if gone else ' already'}: {inside}.", *gone]
        return [f"{self.segments} segments became one: {inside}.", *gone]


def compact(business: Business, progress: Progress) -> Compacted:
    """Rewrite the log as one segment; a kill at any instant leaves the old log or the new one.

    Raises InputProblem: missing_log, disk_full.
    """
    folder = log_folder(business)
    with writing(folder, "compact", progress):
        log = read_manifest(folder)
        sweep(folder, log)
        if log is None or not log.segments:
            raise missing_log(business)
        bits = max(log.bits, bits_for(log.events))
        stale = sum(open_run(folder / SEGMENTS / one.name).events.rows - one.events for one in log.segments)
        if len(log.segments) == 1 and bits == log.bits and not stale:
            return Compacted(1, log)
        merged = _merged(folder, log, bits, forgotten(business), progress)
        publish(folder, merged)
        sweep(folder, merged)
        return Compacted(len(log.segments), merged, stale)


def _merged(folder: Path, log: Manifest, bits: int, stones: Forgotten, progress: Progress) -> Manifest:
    runs = [open_run(folder / SEGMENTS / segment.name) for segment in log.segments]
    refuse_full_disk(folder, sum(_size(folder / SEGMENTS / segment.name) for segment in log.segments) // 2)
    name = f"{len(log.deliveries):06d}-{uuid.uuid4().hex[:8]}"
    target, draft = folder / SEGMENTS / name, folder / SEGMENTS / f"{name}.draft"
    draft.mkdir()
    try:
        hidden, ids = hidden_rows(runs, log.buckets, stones)
        gather_ids(runs, draft / "ids.parquet", ids)
        until = max(segment.complete_until for segment in log.segments)
        span = Span(0, 0, until, all(segment.dates_only for segment in log.segments), log.zone)
        segment = merge(runs, hidden, log.bits, bits - log.bits, span, draft, progress)
        if segment is None:  # all of them are hidden
            return replace(log, bits=bits, segments=(), forgotten=stones.moments())
        sync(draft)
        draft.rename(target)
        sync(target.parent)
        moments = stones.moments()
        return replace(log, bits=bits, segments=(replace(segment, name=name),), forgotten=moments)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def missing_log(business: Business) -> InputProblem:
    """The problem that nothing was ingested yet."""
    return InputProblem(
        f"{log_folder(business)} holds no event log yet. `winback ingest` makes one from the source that winback.toml "
        "names; the other commands read that source itself as long as there is none.",
        "missing_log",
    )
