"""The events of a business, read from its log: one table with one meaning, and a full account of what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features import rejects
from features.business import Business
from features.clock import ZoneTable, zone_table
from features.forgotten import forgotten
from features.problems import InputProblem
from features.pseudonyms import pseudonyms_of
from features.rejects import Rejected
from features.sources.amounts import Amounts, currency_name, one_currency, read_amounts
from features.sources.columns import RawEvents, alike_pieces
from features.sources.moments import Moments, read_moments
from features.sources.raw import one_line
from features.sources.repeats import without_repeats
from features.sources.text import TEXTS, Mask, cleaned, plain_ids, with_nul
from features.sources.verdicts import Verdicts

UNEVEN_DAYS = (
    "all times are whole days, but features count 24 hours a day, and in {zone} a day can have 23 or 25; "
    'time_zone = "UTC" counts days exactly'
)
SCHEMA = pa.schema([
    ("user", TEXTS), ("time", pa.int64()), ("kind", TEXTS),
    ("value", pa.float64()), ("item", TEXTS), ("event_id", pa.string()), ("ingested_at", pa.int64()),
])  # fmt: skip


@dataclass(frozen=True)
class Counted:
    """What happened on the way, in rows.

    duplicates: repeats of an event id, dropped; differing_duplicates: those of them that say something else.
    nonexistent_times, ambiguous_times: local times that a change of the clock skips or shows twice.
    """

    files: int = 0
    rows_read: int = 0
    rejected: int = 0
    duplicates: int = 0
    differing_duplicates: int = 0
    nonexistent_times: int = 0
    ambiguous_times: int = 0


@dataclass(frozen=True, eq=False)
class Events:
    """An event log in one meaning.

    table: SCHEMA, in order of reading; times in microseconds UTC; value, item, event_id and ingested_at are null
    where the source has none; user, time and kind never are.  notes: sentences for a person.
    dates_only: every time is a whole day in the business zone.
    complete_until: microseconds UTC; the last event's time, or the last microsecond of its local day when dates_only
    (never beyond `now`, unless the last event is itself).
    """

    table: pa.Table
    rejected: Rejected
    counted: Counted
    notes: tuple[str, ...]
    dates_only: bool
    complete_until: int


def read_events(business: Business, now: int) -> Events:
    """Read the source that winback.toml names, whole.

    now: microseconds UTC; later events are rejected, and nothing else looks at a clock.
    Raises InputProblem when a file or a column cannot be read, a decision cannot be made, or no row is left.
    """
    events = _together([_understood(raw, business, now) for raw in alike_pieces(business)], business, now)
    if not events.table.num_rows:
        raise nothing_left(events.rejected)
    return events


def events_of(raw: RawEvents, business: Business, now: int) -> Events:
    """Give raw rows their meaning; there may be no event among them.

    Raises InputProblem when a decision cannot be made, such as which of two numbers is the month.
    """
    return _together([_understood(raw, business, now)], business, now)


@dataclass(frozen=True, eq=False)
class _Understood:
    """The good rows of some raw ones, before what only all rows together tell."""

    table: pa.Table
    rejected: Rejected
    files: tuple[Path, ...]
    notes: tuple[str, ...]
    changes: tuple[int, int]
    dates_only: bool


def _understood(raw: RawEvents, business: Business, now: int) -> _Understood:
    said = business.events
    zone = zone_table(said.time_zone)
    time = read_moments(raw, "time", said.time, zone, now, said.time_format)
    arrived = read_moments(raw, "ingested_at", said.ingested_at, zone) if raw.has("ingested_at") else None
    value = read_amounts(raw.pieces("value"), said.value) if raw.has("value") else None
    words = {role: cleaned(raw.pieces(role)) for role in ("user", "kind", "item", "event_id") if raw.has(role)}
    verdicts = Verdicts.judge(len(raw), _faults(raw, words, time, arrived, value, now))
    good, rejected = verdicts.good, verdicts.rejected(raw, business.root, said.source)
    if said.hash_users:
        rejected = rejected.without_rows()
    notes = [note for found in (raw, time, arrived, value) if found is not None for note in found.notes]
    notes += time.mixed_zones(said.time) + _currency(raw, value, good, said.value)
    table = _table(words, time, arrived, value, good, business)
    return _Understood(table, rejected, raw.files, tuple(notes), time.changes(good), time.dates_only(good))


def _together(parts: Sequence[_Understood], business: Business, now: int) -> Events:
    zone = business.events.time_zone
    table, ids_note = _with_plain_ids(pa.concat_tables([part.table for part in parts]).unify_dictionaries())
    table, left_out = _without_forgotten(_with_kept_ids(table, business), business)
    refuse_many_kinds(table["kind"].chunk(0).dictionary.to_pylist() if table.num_rows else (), business)
    table, repeats = without_repeats(table)
    rejected = _all_rejected(parts, business)
    files = {file for part in parts for file in part.files}
    changes = [sum(part.changes[which] for part in parts) for which in (0, 1)]
    counted = Counted(len(files), rejected.rows_read, len(rejected), *repeats, *changes)
    notes = [note for part in parts for note in part.notes] + ids_note + left_out + _count_notes(counted, zone)
    dates_only = all(part.dates_only for part in parts)
    if dates_only and zone != "UTC":
        notes.append(UNEVEN_DAYS.format(zone=zone))
    until = _complete_until(table, zone_table(zone), dates_only, now)
    return Events(table, rejected, counted, tuple(dict.fromkeys(notes)), dates_only, until)


def _with_plain_ids(table: pa.Table) -> tuple[pa.Table, list[str]]:
    users, note = plain_ids(table["user"])
    return (table.set_column(0, "user", users).cast(SCHEMA), note) if note else (table, note)


def _with_kept_ids(table: pa.Table, business: Business) -> pa.Table:
    """The users under the names by which they are kept."""
    names = pseudonyms_of(business)
    return table.set_column(0, "user", names.column(table["user"])).cast(SCHEMA) if names.key else table


def _without_forgotten(table: pa.Table, business: Business) -> tuple[pa.Table, list[str]]:
    """The events of people who have not asked to be forgotten, or are from after that."""
    kept = forgotten(business).kept(table)
    gone = table.num_rows - kept.num_rows
    return kept, [f"{gone:,} events are of people who asked to be forgotten; they were left out."] if gone else []


def _all_rejected(parts: Sequence[_Understood], business: Business) -> Rejected:
    if len(parts) == 1:
        return parts[0].rejected
    files = {file for part in parts for file in part.files}
    label = business.events.source if len(files) > 1 else parts[0].rejected.source
    table = pa.concat_tables([part.rejected.table for part in parts])
    return Rejected(table, sum(part.rejected.rows_read for part in parts), label, len(files))


def _faults(
    raw: RawEvents,
    words: dict[str, pa.ChunkedArray],
    time: Moments,
    arrived: Moments | None,
    value: Amounts | None,
    now: int,
) -> dict[str, Mask]:
    """Masks by reason, the weightiest first."""
    nul = np.zeros(len(raw), bool)
    for role in raw.by_role:
        nul |= with_nul(raw.pieces(role))
    faults = {
        rejects.NUL: nul,
        rejects.NO_USER: np.asarray(words["user"].is_null()),
        rejects.NO_TIME: time.missing,
        rejects.BAD_TIME: time.unreadable,
        rejects.OLD_TIME: time.too_old,
        rejects.FUTURE: ~time.unreadable & (time.utc > now),
    }
    if "kind" in words:
        faults[rejects.NO_KIND] = np.asarray(words["kind"].is_null())
    if value is not None:
        faults[rejects.BAD_VALUE] = value.bad
    if arrived is not None:
        faults[rejects.BAD_INGESTED] = arrived.unreadable & ~arrived.missing
    return faults


def _currency(raw: RawEvents, value: Amounts | None, good: Mask, name: str) -> list[str]:
    """Check that there is one currency, in the amounts and in the currency column together."""
    if value is None:
        return []
    counts = Counter(value.currencies)
    if raw.has("currency"):
        named = _decoded(cleaned(raw.pieces("currency"))).filter(pa.array(good & ~np.isnan(value.values)))
        for entry in pc.value_counts(named.drop_null()).to_pylist():
            counts[currency_name(entry["values"]) or entry["values"].upper()] += entry["counts"]
    return list(one_currency(counts, name))


def _table(
    words: dict[str, pa.ChunkedArray],
    time: Moments,
    arrived: Moments | None,
    value: Amounts | None,
    good: Mask,
    business: Business,
) -> pa.Table:
    """The good rows in the columns of SCHEMA."""
    count = len(good)
    nothing = pa.chunked_array([pa.nulls(count, pa.string())])
    table = pa.table({
        "user": _encoded(words["user"]),
        "time": pa.array(time.utc),
        "kind": words.get("kind", nothing),
        "value": pa.nulls(count, pa.float64()) if value is None else _nan_as_null(value),
        "item": _encoded(words.get("item", nothing)),
        "event_id": _decoded(words.get("event_id", nothing)),
        "ingested_at": pa.nulls(count, pa.int64()) if arrived is None else pa.array(arrived.utc, mask=arrived.missing),
    })  # fmt: skip
    return _with_kinds(table if good.all() else table.filter(pa.array(good)), business)


def _encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts as one dictionary."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return column.cast(TEXTS).unify_dictionaries()


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())


def _nan_as_null(value: Amounts) -> pa.Array:
    return pa.array(value.values, mask=np.isnan(value.values))


def _with_kinds(table: pa.Table, business: Business) -> pa.Table:
    """Kinds as a dictionary."""
    constant = business.events.constant_kind
    if constant is not None:
        kinds = pa.chunked_array(
            [pa.DictionaryArray.from_arrays(pa.array(np.zeros(table.num_rows, np.int32)), [constant])]
        )
        return table.set_column(2, "kind", kinds).cast(SCHEMA)
    return table.set_column(2, "kind", _encoded(table["kind"])).cast(SCHEMA)


def refuse_many_kinds(names: Collection[str], business: Business) -> None:
    """Raise InputProblem (code too_many_kinds) beyond max_kinds."""
    limit = business.events.max_kinds
    if len(names) > limit:
        shown = ", ".join(f"'{one_line(name)}'" for name in list(names)[:3])
        raise InputProblem(
            f"The column '{business.events.kind}' has {len(names):,} kinds of event ({shown}, ...), "
            f"more than the limit of {limit:,}. Perhaps it is the wrong column: name another as `kind` under [events]. "
            f"If these are kinds, set max_kinds = {len(names)} there.",
            "too_many_kinds",
        )


def _complete_until(table: pa.Table, zone: ZoneTable, dates_only: bool, now: int) -> int:
    """The last event's time; when only dates are known, the end of its day as far as that has come."""
    last: int | None = pc.max(table["time"]).as_py()
    if last is None:
        return 0
    return max(last, min(zone.end_of_day(last), now)) if dates_only else last


def _count_notes(counted: Counted, zone: str) -> list[str]:
    notes = {
        "rows repeat an event id and count once.": counted.duplicates,
        "of them differ from the first row with their id; the first was kept.": counted.differing_duplicates,
        f"local times do not exist in {zone} (the clock skips them); they moved forward.": counted.nonexistent_times,
        f"local times occur twice in {zone}; the second was taken.": counted.ambiguous_times,
    }
    return [f"{count:,} {says}" for says, count in notes.items() if count]


def nothing_left(rejected: Rejected) -> InputProblem:
    """The problem that every row was rejected."""
    return InputProblem(
        f"{rejected.summary()} No event is left. "
        "Check the column names, time_zone and time_format under [events] in winback.toml.",
        "all_rejected",
    )
