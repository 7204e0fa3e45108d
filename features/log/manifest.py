"""What is in the event log: one small file that is replaced in one step, so that a log is the old one or the new."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from features.business import Business
from features.catalog import KindUse
from features.log.locks import alone
from features.log.partitioned import sync
from features.problems import InputProblem

FORMAT = 1
POSTED = "posted events"  # the source of what a flush brings
FOLDER, MANIFEST, SEGMENTS, REJECTED = "log", "manifest.json", "segments", "rejected"
STEPS: Mapping[int, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {}  # format 1 is the first
_MEANING = (
    "query",
    "user",
    "time",
    "kind",
    "value",
    "item",
    "event_id",
    "ingested_at",
    "currency",
    "time_format",
    "time_zone",
)


@dataclass(frozen=True)
class SegmentFacts:
    """One segment.  name: of its folder.  first, last, complete_until: microseconds UTC.  digest: of all its events;
    those of several segments add up.  ids: whether its events carry ids.  arrivals: whether some came later than they
    happened."""

    name: str
    events: int
    first: int
    last: int
    complete_until: int
    dates_only: bool
    arrivals: bool
    ids: bool
    digest: int
    uses: tuple[KindUse, ...]


@dataclass(frozen=True)
class FileFacts:
    """A file as it was when it was ingested.  digest: of its content.  modified: nanoseconds."""

    digest: str
    size: int
    modified: int


@dataclass(frozen=True)
class Delivery:
    """What one run of `winback ingest` read and left out.

    at: microseconds UTC.  meaning: the settings it was read with.  files: what each file was by path; a query has
    none.  rejected: rows by reason.
    """

    at: int
    source: str
    meaning: Mapping[str, str]
    files: Mapping[str, FileFacts]
    rows_read: int
    events: int
    duplicates: int
    differing: int
    rejected: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def hashed(self) -> bool:
        """Whether its users are kept under keyed hashes (`features.pseudonyms`)."""
        return "hash_users" in self.meaning


@dataclass(frozen=True)
class Manifest:
    """The log.  bits: a user's bucket is that many leading bits of the digest of the id.  zone: of its naive times.

    forgotten: whom the figures of the segments leave out already, the moment by the mark (`features.forgotten`).
    """

    bits: int
    zone: str
    segments: tuple[SegmentFacts, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    forgotten: Mapping[str, int] = field(default_factory=dict)
    format: int = field(default=FORMAT)

    @property
    def buckets(self) -> int:
        return 1 << self.bits

    @property
    def events(self) -> int:
        return sum(segment.events for segment in self.segments)

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that all events together give."""
        return f"{sum(segment.digest for segment in self.segments) % (1 << 64):016x}"

    @property
    def mark(self) -> str:
        """What tells this log from another, event ids included, whatever its segments; read from this file alone."""
        columns = {delivery.meaning.get("event_id", "") for delivery in self.deliveries if delivery.source != POSTED}
        return mark(self.fingerprint, sorted(columns))

    @property
    def files(self) -> dict[str, FileFacts]:
        """Every file that was ingested as it was the last time, by path."""
        return {path: facts for delivery in self.deliveries for path, facts in delivery.files.items()}

    def with_segment(self, segment: SegmentFacts | None, delivery: Delivery) -> Manifest:
        """The log after one more delivery, which may have brought nothing new."""
        segments = self.segments if segment is None else (*self.segments, segment)
        return replace(self, segments=segments, deliveries=(*self.deliveries, delivery))


def mark(fingerprint: str, id_columns: Sequence[str]) -> str:
    """A past's events, and which columns their ids came from."""
    return f"{fingerprint}/{','.join(id_columns)}"


def log_folder(business: Business) -> Path:
    """Where the log of a business is kept."""
    return business.state / FOLDER


def meaning_of(business: Business) -> dict[str, str]:
    """The settings that decide what the rows of a source mean."""
    meaning = {key: str(getattr(business.events, key)) for key in _MEANING}
    return meaning | ({"hash_users": "true"} if business.events.hash_users else {})


def read_manifest(folder: Path) -> Manifest | None:
    """The log's manifest; None when nothing was ever ingested.

    Raises InputProblem when the file is damaged or of another version of winback.
    """
    path = folder / MANIFEST
    try:
        saved = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputProblem(f"{path} cannot be read: {error}. Bring it back from a backup.", "damaged_log") from None
    saved = upgraded(saved)
    if saved.get("format") != FORMAT:
        raise InputProblem(
            f"{path} is of format {saved.get('format')}, and this version of winback reads format {FORMAT}. "
            "Use the version that wrote it, or remove the folder and ingest the sources again.",
            "log_format",
        )
    return Manifest(
        saved["bits"], saved["zone"], tuple(_segment(one) for one in saved["segments"]),
        tuple(_delivery(one) for one in saved["deliveries"]), saved.get("forgotten", {}),
    )  # fmt: skip


def upgraded(saved: Mapping[str, Any]) -> Mapping[str, Any]:
    """A saved manifest in today's format, as far as its own is known.

    The migration rule: FORMAT counts up whenever code of the format before could read a saved log wrongly, and the
    same commit adds to `STEPS` what makes a manifest of that format one of the next.  Segments are never rewritten for
    it.  The file itself changes when the next delivery is published; a newer format is refused.
    """
    while step := STEPS.get(saved.get("format", 0)):
        saved = step(saved)
    return saved


def _segment(saved: Mapping[str, Any]) -> SegmentFacts:
    return SegmentFacts(**{**saved, "uses": tuple(KindUse(**use) for use in saved["uses"])})


def _delivery(saved: Mapping[str, Any]) -> Delivery:
    files = {path: FileFacts(**facts) for path, facts in saved["files"].items()}
    return Delivery(**{**saved, "files": files, "notes": tuple(saved["notes"])})


def publish(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest in one step; everything that it names must be on disk already."""
    draft = folder / f"{MANIFEST}.tmp"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(manifest), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, folder / MANIFEST)
    sync(folder)


def sweep(folder: Path, manifest: Manifest | None) -> None:
    """Remove what the manifest does not name: leftovers of a kill, and merged segments once nobody reads them."""
    named = {segment.name for segment in manifest.segments} if manifest else set()
    found: Sequence[Path] = list((folder / SEGMENTS).glob("*"))
    extra = [path for path in found if path.name not in named]
    if extra:
        with alone(folder) as nobody:
            for path in extra if nobody else ():
                shutil.rmtree(path, ignore_errors=True)
