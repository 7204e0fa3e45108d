"""Which columns of a source are the user, the time, the kind, ...: by whose export it is, or by name and content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from features.column_content import look
from features.column_exports import evidence_of, project_zone, settings_of, with_alternatives
from features.column_names import ROLES, Role, name_score
from features.column_roles import as_arrival
from features.columns import Choice, Columns, Export, find_columns
from features.problems import InputProblem
from features.sources.exports import recognised
from features.sources.files import open_files, sample_of
from features.sources.preset import Preset
from features.sources.raw import SourceFile
from features.sources.text import chunks, cleaned


def find_in(source: Path, now: int, given: Mapping[Role, str] | None = None) -> Columns:
    """Find the columns of a file, folder or glob from a sample of it; see `find_among`."""
    return find_among(open_files(source), now, given, source.stem)


def find_among(
    files: Sequence[SourceFile],
    now: int,
    given: Mapping[Role, str] | None = None,
    called: str = "",
    preset: Preset | None = None,
) -> Columns:
    """Find the columns of opened files from a sample of them.

    now: microseconds UTC.  given: columns that the caller knows.  called: the name of the source.  preset: whose export
    it is, where the caller knows that; else the columns may show it. An event id is looked up in the whole source,
    because a sample hides repeats.  Raises InputProblem as the files do.
    """
    table = sample_of(files)
    if not table.num_rows:
        names = ", ".join(table.column_names[:10])
        header = f"a header ({names}) and no record below it" if names else "no record"
        raise InputProblem(
            f"{files[0].path} has {header} that can be read. Export the events again, or name another source.",
            "header_only",
        )
    seen = (preset, ()) if preset else recognised(set(table.column_names))
    if seen is not None:
        return _of_export(Export(*seen), files, table, now, given or {})
    found = find_columns(table, now, given, called)
    if found["event_id"].column and not (given or {}).get("event_id"):
        return Columns({**found.choices, "event_id": _verified(files, found["event_id"])}, found.names)
    return found


def _of_export(
    export: Export, files: Sequence[SourceFile], table: pa.Table, now: int, given: Mapping[Role, str]
) -> Columns:
    """What the vendor says, where the data have it; value and item may also be found by name and content."""
    preset = export.preset
    settings = settings_of(preset, table, files)
    wide = with_alternatives(table, settings)
    known: dict[Role, str] = {**{role: name for role, name in settings.items() if name}, **_filled_in(given)}
    found = find_columns(wide, now, known, preset.name)
    choices = dict(found.choices)
    for role in ROLES:
        own = settings[role] and not given.get(role)
        if own or (role not in ("user", "time", "kind", "value", "item") and not given.get(role)):
            choices[role] = Choice(role, settings[role], evidence_of(preset, role, settings[role], table))
    if choices["value"].column == "":
        choices["value"] = Choice("value", preset.columns["value"], "the vendor's columns for it, empty in a sample")
    if settings["ingested_at"] and preset.clock != "project" and not given.get("ingested_at"):
        choices["ingested_at"] = _arrival(choices["ingested_at"], choices["time"], wide, now)
    zone = project_zone(table) if preset.clock == "project" else ""
    return Columns(choices, found.names, replace(export, zone=zone))


def _arrival(chosen: Choice, time: Choice, table: pa.Table, now: int) -> Choice:
    """The same choice, unless events did not arrive one after the other but in bulk, or before they happened."""
    if any(name not in table.column_names for name in (chosen.column, time.column)):
        return chosen
    arrived, at = (look(table.select([name]), now)[0] for name in (chosen.column, time.column))
    judged = as_arrival(arrived, 1.0, at)
    why = judged.against or "it cannot be compared with the time of the event"
    return chosen if judged.score else Choice("ingested_at", "", f"not '{chosen.column}': {why}")


def _filled_in(given: Mapping[Role, str]) -> dict[Role, str]:
    return {role: name for role, name in given.items() if name}


def _verified(files: Sequence[SourceFile], chosen: Choice) -> Choice:
    """The best candidate that is (nearly) unique in the whole source, or no choice."""
    doubts: list[str] = []
    for name in (chosen.column, *chosen.others):
        rows, distinct = _counted(files, name)
        if rows and distinct >= rows * (0.9 if name_score("event_id", name) >= 0.9 else 1.0):
            again = (
                f"{rows - distinct:,} of {rows:,} rows repeat one and count once"
                if distinct < rows
                else f"all {rows:,} rows have their own"
            )
            return Choice("event_id", name, "; ".join([f"by name and content: {again}", *doubts]), chosen.others)
        doubts.append(f"not '{name}': {rows - distinct:,} of {rows:,} rows repeat one")
    return Choice("event_id", "", "; ".join(doubts), chosen.others)


def _counted(files: Sequence[SourceFile], name: str) -> tuple[int, int]:
    """How many rows of the whole source have a value in a column, and how many different ones."""
    columns = [file.read([name]).table[name] for file in files]
    pieces = [piece for column in columns for piece in cleaned(chunks(column)).chunks]
    texts = pa.chunked_array(pieces, pa.string()).drop_null()
    return len(texts), len(texts.unique())
