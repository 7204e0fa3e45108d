"""One user out of the event log: hidden at once by a tombstone, gone from the disk at the next compaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.business import Business
from features.digests import text_digests
from features.forgotten import Forgotten
from features.histories import Span, arranged
from features.log.locks import writing
from features.log.manifest import REJECTED, SEGMENTS, Manifest, SegmentFacts, log_folder, publish, read_manifest, sweep
from features.log.runs import Run, bucket_of, open_run
from features.progress import Progress
from features.rejects import mentions
from features.whole_file import whole_file

Seen = dict[str, pa.Table]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Traces:
    """What the log has of one user.

    events: by segment, as far as no tombstone hides them already.  first, last: microseconds UTC, None without events.
    rejected: how many kept rejected rows name the user.
    """

    events: Seen
    rejected: int

    @property
    def count(self) -> int:
        return sum(table.num_rows for table in self.events.values())

    @property
    def first(self) -> int | None:
        return min((pc.min(table["time"]).as_py() for table in self.events.values()), default=None)

    @property
    def last(self) -> int | None:
        return max((pc.max(table["time"]).as_py() for table in self.events.values()), default=None)

    @property
    def event_ids(self) -> list[str]:
        """Of those events that have one."""
        return [one for table in self.events.values() for one in table["event_id"].drop_null().to_pylist()]


def traces(business: Business, user: str, known: Forgotten) -> Traces:
    """Look for a user in the log; known: whom it hides already.  Nothing is changed."""
    folder = log_folder(business)
    manifest = read_manifest(folder)
    rejected = sum(int(mask.sum()) for _, _, mask in _rejected(folder, user))
    return Traces(_events(folder, manifest, user, known) if manifest else {}, rejected)


def _events(folder: Path, manifest: Manifest, user: str, known: Forgotten) -> Seen:
    bucket = int(bucket_of(text_digests(pa.array([user], pa.string())), manifest.bits)[0])
    found = {}
    for segment in manifest.segments:
        part = open_run(folder / SEGMENTS / segment.name).events.read(bucket)
        if part is None:
            continue
        for name in ("time", "ingested_at"):
            part = part.set_column(part.schema.names.index(name), name, part[name].cast(pa.int64()))
        own = known.kept(part.filter(pc.equal(part["user"].cast(pa.string()), user)).unify_dictionaries())
        if own.num_rows:
            found[segment.name] = own
    return found


def hide(business: Business, user: str, stones: Forgotten, progress: Progress) -> Traces:
    """Let the manifest count the log without a user whose tombstone is in `stones`, and rewrite the rejected rows.

    Returns what there was.  A kill in between is made good by calling it again: the manifest says whom it leaves out.
    """
    folder = log_folder(business)
    if read_manifest(folder) is None:
        return Traces({}, 0)
    with writing(folder, "forget", progress):
        manifest = read_manifest(folder)
        assert manifest is not None, "only the holder of the lock removes a log"
        there = _events(folder, manifest, user, stones.as_of(manifest.forgotten))
        gone = {name: table.filter(pa.array(stones.hidden(table))) for name, table in there.items()}
        found = Traces({name: table for name, table in gone.items() if table.num_rows}, 0)
        shown = [_without(folder, one, found.events.get(one.name), manifest, stones) for one in manifest.segments]
        mark = stones.mark(user)
        left_out = {**manifest.forgotten, mark: stones.people[mark].until}
        manifest = replace(manifest, segments=tuple(one for one in shown if one.events), forgotten=left_out)
        if found.events:
            publish(folder, manifest)
            sweep(folder, manifest)
        return replace(found, rejected=_drop_rejected(folder, user))


def _without(
    folder: Path, facts: SegmentFacts, own: pa.Table | None, manifest: Manifest, stones: Forgotten
) -> SegmentFacts:
    """What the manifest says of a segment without some of its events, which are still in the file."""
    if own is None:
        return facts
    histories, _ = arranged(own, Span(0, 0, 0, False, manifest.zone))
    gone = {use.kind: use.events for use in histories.uses()}
    uses = [replace(use, events=use.events - gone.get(use.kind, 0)) for use in facts.uses]
    left = replace(
        facts, events=facts.events - own.num_rows, digest=(facts.digest - histories.digest()) % (1 << 64),
        uses=tuple(use for use in uses if use.events),
    )  # fmt: skip
    low, high = int(histories.time.min()), int(histories.time.max())
    if left.events and (low <= facts.first or high >= facts.last):
        run = open_run(folder / SEGMENTS / facts.name)
        bounds = [pc.min_max(part["time"]) for part in visible(run, manifest.buckets, stones, ("time",))]
        first, last = min(one["min"].as_py() for one in bounds), max(one["max"].as_py() for one in bounds)
        left = replace(left, first=first, last=last)
    return left


def visible(run: Run, buckets: int, stones: Forgotten, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    """What is not hidden of a segment, bucket by bucket; instants as microseconds."""
    for bucket in range(buckets):
        part = run.events.read(bucket, sorted({"user", "time", *columns}))
        if part is not None:
            part = part.set_column(part.schema.names.index("time"), "time", part["time"].cast(pa.int64()))
            kept = stones.kept(part.unify_dictionaries().combine_chunks()).select(list(columns))
            if kept.num_rows:
                yield kept


def hidden_rows(runs: list[Run], buckets: int, stones: Forgotten) -> tuple[list[Mask], set[tuple[int, int]]]:
    """What a compaction leaves out: a mask over the rows of each run, and the digests of their event ids."""
    masks = [np.zeros(run.events.rows, dtype=np.bool_) for run in runs]
    ids: set[tuple[int, int]] = set()
    if not stones.people:
        return masks, ids
    for run, mask in zip(runs, masks, strict=True):
        for bucket in range(buckets):
            part = run.events.read(bucket, ("user", "time"))
            if part is None:
                continue
            hidden = stones.hidden(part.unify_dictionaries().combine_chunks())
            if hidden.any():
                start = run.events.first_row(bucket)
                mask[start : start + part.num_rows] = hidden
                every = run.events.read(bucket, ("event_id",))
                assert every is not None, "it was there a moment ago"
                given = every["event_id"].filter(pa.array(hidden)).drop_null().combine_chunks()
                high, low = (text_digests(given, seed=seed).tolist() for seed in (1, 2))
                ids.update(zip(high, low, strict=True))
    return masks, ids


def _rejected(folder: Path, user: str) -> Iterator[tuple[Path, pa.Table, Mask]]:
    for path in sorted((folder / REJECTED).glob("*.parquet")):
        table = pq.read_table(path)
        yield path, table, mentions(table, user)


def _drop_rejected(folder: Path, user: str) -> int:
    """Rewrite the kept rejected rows without those that name the user; returns how many did."""
    gone = 0
    for path, table, mask in _rejected(folder, user):
        if mask.any():
            gone += int(mask.sum())
            with whole_file(path) as draft:
                pq.write_table(table.filter(pa.array(~mask)), draft)
    return gone
