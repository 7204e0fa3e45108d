"""One reading of a source: which column of which file is what, and what only the whole source tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from features.business import EventsSection
from features.problems import InputProblem
from features.sources.alternatives import Found, Wanted, find, first_filled
from features.sources.clocks import on_clock
from features.sources.files import Opened
from features.sources.parquet import ParquetFile
from features.sources.preset import SEPARATOR, Clock, Preset
from features.sources.raw import RawRows, SourceFile, missing_column, one_line
from features.sources.reopened import with_texts
from features.sources.text import chunks

_ROLES = ("user", "time", "kind", "value", "item", "event_id", "ingested_at", "currency")
FEW_TEXTS = ("user", "kind", "item")
_REQUIRED = ("user", "time", "kind")


@dataclass(frozen=True)
class Reading:
    """files: in order.  wanted: what each role that the source has is called.  found: where, by role, in each file.

    notes: sentences about the files and their columns.
    """

    files: tuple[SourceFile, ...]
    wanted: dict[str, Wanted]
    found: dict[str, list[Found]]
    clocks: dict[str, Clock]
    notes: list[str]

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(self.wanted)

    @property
    def settled(self) -> bool:
        """Whether every file is Parquet, and the types of its columns say all about times and amounts."""
        return "currency" not in self.found and all(self._settled(index) for index in range(len(self.files)))

    def _settled(self, index: int) -> bool:
        file = self.files[index]
        if not isinstance(file, ParquetFile):
            return False
        asked = {role: places[index].names for role, places in self.found.items()}
        times = [name for role in ("time", "ingested_at") for name in asked.get(role, ())]
        return all(file.is_instant(name) for name in times) and all(map(file.is_number, asked.get("value", ())))

    def asked(self, index: int) -> tuple[str, ...]:
        """The columns to read of a file."""
        return tuple(dict.fromkeys(name for found in self.found.values() for name in found[index].names))

    def file(self, index: int) -> SourceFile:
        """One file, its columns of few different texts as dictionaries where the format can give them so."""
        own = [places[index].names for role, places in self.found.items() if role in FEW_TEXTS]
        return with_texts(self.files[index], [names[0] for names in own if len(names) == 1])

    def by_role(self, index: int, rows: RawRows) -> tuple[RawRows, dict[str, Counter[str]]]:
        """Records with one column a role, and for roles with alternatives how many rows took which."""
        columns: dict[str, pa.ChunkedArray] = {}
        taken: dict[str, Counter[str]] = {}
        for role in self.roles:
            found = self.found[role][index]
            if len(found.names) > 1:
                columns[role], taken[role] = first_filled(rows.table, found.names)
            elif found.names:
                columns[role] = rows.table[found.names[0]]
            else:
                columns[role] = _all_the_same(found.constant, len(rows.line))
            if role in self.clocks:
                columns[role] = _on_clock(columns[role], self.clocks[role])
        return replace(rows, table=pa.table(columns)), taken


def reading_of(opened: Opened, events: EventsSection) -> Reading:
    """Find the configured columns in every file; raises InputProblem for one that a file does not have."""
    notes = [*opened.notes, *(note for file in opened.files for note in file.notes)]
    wanted, found = {}, {}
    for one in _wanted(events):
        places, said = find(opened.files, one)
        if one.optional and not any(place.names or place.constant for place in places):
            continue
        wanted[one.role], found[one.role] = one, places
        notes += said
    preset = events.preset
    clocks = _clocks(events, preset) if preset else {}
    notes += [note.format(zone=events.time_zone) for note in preset.notes] if preset else []
    return Reading(opened.files, wanted, found, clocks, list(dict.fromkeys(notes)))


def _wanted(events: EventsSection) -> list[Wanted]:
    """The configured roles; a constant kind is left out. What a preset says itself need not be in the source."""
    preset = events.preset
    wanted = []
    for role in _ROLES:
        setting = getattr(events, role)
        if setting and not (role == "kind" and events.constant_kind is not None):
            known = preset.columns.get(role, "").split(SEPARATOR) if preset else []
            given = set(setting.split(SEPARATOR)) <= set(known)
            tables = preset.table_kinds if preset and given and role == "kind" else None
            wanted.append(Wanted(role, setting, given and role not in _REQUIRED, tables))
    return wanted


def _clocks(events: EventsSection, preset: Preset) -> dict[str, Clock]:
    """Times of columns that the preset knows are on its clock, and what is in UTC is so in every column."""
    if preset.clock == "project":
        known = set(preset.columns["time"].split(SEPARATOR))
        return {"time": "project"} if set(events.time.split(SEPARATOR)) <= known else {}
    return {"time": "utc", "ingested_at": "utc"} if preset.clock == "utc" else {}


def _all_the_same(value: str | None, rows: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array([value] * rows, pa.string())])


def _on_clock(column: pa.ChunkedArray, clock: Clock) -> pa.ChunkedArray:
    pieces = [on_clock(piece, clock) for piece in chunks(column)]
    return pa.chunked_array(pieces) if pieces else column


class Seen:
    """What has been read so far, and what the whole of it tells in the end.  whole: whether every file is read."""

    def __init__(self, reading: Reading, whole: bool = True) -> None:
        self.reading = reading
        self.whole = whole
        self.records: Counter[int] = Counter()
        self.filled: set[str] = set()
        self.users: Counter[str] = Counter()

    def add(self, index: int, rows: RawRows) -> RawRows:
        """The records by role; raises InputProblem for a column of lists or objects."""
        found, taken = self.reading.by_role(index, rows)
        self.records[index] += rows.rows_read
        self.users.update(taken.get("user", Counter()))
        for role, wanted in self.reading.wanted.items():
            column = found.table[role]
            if pa.types.is_nested(column.type):
                raise _nested(wanted, column.type)
            if column.null_count < len(column):
                self.filled.add(role)
        return found

    def judge(self) -> list[str]:
        """Notes about the whole; raises InputProblem when there is no record, or none has a configured key."""
        files = self.reading.files
        if not sum(self.records.values()):
            raise _header_only(files)
        for role, wanted in self.reading.wanted.items():
            if role not in self.filled and not wanted.optional:
                _refuse_absent(wanted, self.reading.found[role], files)
        bare = [file.path.name for index, file in enumerate(files) if self.whole and not self.records[index]]
        notes = [f"{len(bare)} of {len(files)} files have no record: {', '.join(bare[:5])}."] if bare else []
        return [*notes, *self._several_users()]

    def _several_users(self) -> list[str]:
        used = [(name, count) for name, count in self.users.items() if count]
        if len(used) < 2:
            return []
        shown = ", ".join(f"'{name}' in {count:,}" for name, count in used)
        return [f"The user is {shown} rows; somebody who is in several of these columns counts as several users."]


def _nested(wanted: Wanted, kind: pa.DataType) -> InputProblem:
    return InputProblem(
        f"The column '{wanted.setting}' ({wanted.role}) has the type {one_line(str(kind), 200)}, not one value a row. "
        "Name another under [events].",
        "bad_column_type",
    )


def _refuse_absent(wanted: Wanted, found: Sequence[Found], files: Sequence[SourceFile]) -> None:
    """A key that no JSON record has cannot be meant."""
    names = {name for one in found for name in one.names}
    if all(file.open_ended and not names & set(file.columns) for file in files):
        seen = tuple(dict.fromkeys(column for file in files for column in file.columns))
        hint = 'For a kind that all events share, write kind = "=order".' if wanted.role == "kind" else ""
        raise missing_column(files[0].path, wanted.setting, seen, hint)


def _header_only(files: Sequence[SourceFile]) -> InputProblem:
    first, more = files[0], f" (and {len(files) - 1} more files)" if len(files) > 1 else ""
    header = f"a header ({', '.join(map(one_line, first.columns[:10]))}) and no record below it"
    lost = "".join(f" {note}" for note in first.notes)
    return InputProblem(
        f"{first.path}{more} has {header if first.columns else 'no record'}.{lost} "
        "Export the events again, or name another source.",
        "header_only",
    )
