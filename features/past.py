"""The past of all users, in parts that fit into memory, wherever it is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.business import Business
from features.catalog import Catalog, KindUse, catalog
from features.events import Counted, Events, read_events
from features.histories import Histories, Span, histories, span_of
from features.log.files import files_behind
from features.log.manifest import mark
from features.log.reading import EventLog, open_log, read_rejected
from features.piles import A_PILE, piles
from features.problems import InputProblem
from features.progress import Progress
from features.rejects import Rejected
from features.sources.columns import source_files


class Past(Protocol):
    """Everybody's histories, handed out bucket by bucket; a bucket is the unit of memory and of work.

    `Histories` are a past of one bucket, the event log is one of many.  kinds: of all buckets, ascending.
    """

    @property
    def span(self) -> Span: ...
    @property
    def kinds(self) -> tuple[str, ...]: ...
    @property
    def event_count(self) -> int: ...
    @property
    def user_count(self) -> int: ...
    def buckets(self) -> Iterator[Histories]:
        """Each user is in one bucket, with all events; their kinds are those of the whole past."""
        ...

    def uses(self) -> tuple[KindUse, ...]:
        """How often each kind occurs, and whether with items and values."""
        ...

    def starts(self, kinds: Sequence[str]) -> NDArray[np.int64]:
        """(c,) when each of the c users who have any event of `kinds` had the first one, ascending."""
        ...

    def fingerprint(self) -> str:
        """Sixteen hex digits that all events together give, in whatever order and buckets they are kept."""
        ...

    def as_known_today(self) -> Past:
        """The same past when everything has arrived, for scores of now rather than of a moment in the past."""
        ...

    @property
    def arrivals(self) -> bool:
        """Whether some events became known later than they happened."""
        ...


def catalog_of(business: Business, past: Past) -> Catalog:
    """The catalogue that a configuration and the kinds in its log give rise to."""
    return catalog(business, past.uses(), clock=not past.span.dates_only)


@dataclass(frozen=True)
class Account:
    """What a past was made of.  rejected, counted: what was left out and why; notes: sentences for a person.
    event_ids: those of its events that have one."""

    rejected: Rejected
    counted: Counted
    notes: tuple[str, ...]
    event_ids: Callable[[], Iterable[str]]


def open_past(business: Business, now: int, progress: Progress) -> tuple[Past, Account]:
    """The event log where there is one, else the source that winback.toml names, whole in memory.

    now: microseconds UTC.  Raises what `open_log` and `read_events` raise.
    """
    log = open_log(business)
    if log is None:
        with progress.step(f"reading {business.events.source}"):
            events = read_events(business, now)
            ids = events.table["event_id"]
            account = Account(events.rejected, events.counted, events.notes, lambda: ids.drop_null().to_pylist())
            return _in_memory(events, business.events.time_zone), account
    with progress.step(f"opening the event log ({log.event_count:,} events)"):
        return log, account_of(log, files_behind(log.manifest, _files_now(business)))


def mark_of(business: Business, past: Past) -> str:
    """What tells this past from another; a log that was made of a source and of nothing else has the source's mark."""
    if isinstance(past, EventLog):
        return past.manifest.mark
    return mark(past.fingerprint(), [business.events.event_id])


def _files_now(business: Business) -> Sequence[Path]:
    """The files of the source as far as they are still there; the log does not need them."""
    try:
        return source_files(business)
    except InputProblem:
        return ()


def _in_memory(events: Events, zone: str) -> Past:
    if events.table.num_rows < 2 * A_PILE:
        return histories(events, zone)
    return piles(events.table, span_of(events, zone))


def account_of(log: EventLog, behind: Sequence[Path]) -> Account:
    """What the deliveries of a log left out, together; behind: files of the source that it does not have yet."""
    deliveries = log.manifest.deliveries
    counted = Counted(
        files=sum(len(delivery.files) for delivery in deliveries),
        rows_read=sum(delivery.rows_read for delivery in deliveries),
        rejected=sum(sum(delivery.rejected.values()) for delivery in deliveries),
        duplicates=sum(delivery.duplicates for delivery in deliveries),
        differing_duplicates=sum(delivery.differing for delivery in deliveries),
    )
    notes = tuple(dict.fromkeys(note for delivery in deliveries for note in delivery.notes))
    if behind:
        named = ", ".join(path.name for path in behind[:3]) + (", ..." if len(behind) > 3 else "")
        notes = (f"{len(behind)} file{'s' if len(behind) > 1 else ''} of the source ({named}) changed or came after "
                 "the last `winback ingest`; what is in them is not seen.", *notes)  # fmt: skip
    return Account(read_rejected(log.folder, counted.rows_read), counted, notes, log.event_ids)
