"""Append sources to the event log: every event once, all of them or none, within bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from features.business import Business
from features.events import Events, events_of
from features.log.appending import Source, append
from features.log.disk import refuse_full_disk
from features.log.files import events_in, new_files
from features.log.locks import writing
from features.log.manifest import Delivery, FileFacts, Manifest, log_folder, meaning_of, read_manifest, sweep
from features.problems import InputProblem
from features.progress import Progress
from features.rejects import Rejected
from features.sources.columns import raw_pieces

A_BUCKET = 1_000_000  # events; some 100 MB while it is sorted
MOST_BITS = 10


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
        source = Source(
            business.events.source, meaning_of(business), {str(path): facts for path, facts in files.items()},
            f"reading {business.events.source}", _pieces(business, files, now),
        )  # fmt: skip
        added = append(source, folder, log, business, now, progress)
        return Ingested(business.events.source, added.delivery, added.rejected, skipped, added.log)


def _files(count: int) -> str:
    return "its one file is" if count == 1 else f"{count:,} files are"


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


def _no_ids(business: Business) -> InputProblem:
    return InputProblem(
        f"{business.events.source} has no files by which to know what is in the log already, and no event ids: its "
        "rows would count twice. Set event_id under [events].",
        "changed_file",
    )
