"""The columns of a vendor's export: what its preset says of them, as far as the data have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.column_names import ROLES, Role
from features.sources.alternatives import first_filled
from features.sources.amounts import read_amounts
from features.sources.preset import SEPARATOR, Preset
from features.sources.raw import SourceFile
from features.sources.text import chunks, cleaned

_QUARTER = 900.0
_NEAR = 300.0


def settings_of(preset: Preset, table: pa.Table, files: Sequence[SourceFile]) -> dict[Role, str]:
    """The setting of each role, with the alternatives that the data have; "" where none is filled in a sample."""
    found: dict[Role, str] = {}
    for role in ROLES:
        setting = preset.columns.get(role, "")
        there = [name for name in setting.split(SEPARATOR) if _is_one_value(table, name)]
        filled = any(_filled(table, name) for name in there)
        found[role] = setting if setting.startswith("=") else SEPARATOR.join(there if filled else [])
    if preset.table_kinds is not None and (not found["kind"] or len(files) > 1):
        found["kind"] = preset.columns["kind"] if len(files) > 1 else f"={kind_of_table(preset, files[0])}"
    return found


def kind_of_table(preset: Preset, file: SourceFile) -> str:
    """The kind of all rows of a table that has no column of kinds, by its name."""
    table = file.path.name.split(".")[0]
    return next((kind for end, kind in (preset.table_kinds or {}).items() if table.lower().endswith(end)), table)


def with_alternatives(table: pa.Table, settings: Mapping[Role, str]) -> pa.Table:
    """A sample with one column more for each setting that has alternatives."""
    for setting in settings.values():
        names = [name for name in setting.split(SEPARATOR) if name in table.column_names]
        if len(names) > 1 and setting not in table.column_names:
            table = table.append_column(setting, first_filled(table, names)[0])
    return table


def evidence_of(preset: Preset, role: Role, setting: str, table: pa.Table) -> str:
    """Why a setting is proposed: what the vendor's documentation says, and how much of a sample it fills."""
    said = preset.comments.get(role, "as the vendor documents it")
    names = [name for name in setting.split(SEPARATOR) if name in table.column_names]
    if not names:
        return said
    column, taken = first_filled(table, names)
    shares = ", else ".join(f"'{name}' in {taken[name] / max(table.num_rows, 1):.0%}" for name in names)
    example = next((str(value) for value in column.drop_null().slice(0, 1).to_pylist()), "")
    return f"{said}; {shares} of the rows of a sample, such as '{' '.join(example.split())[:28]}'"


def project_zone(table: pa.Table) -> str:
    """What the lag between an event and its processing says about the time zone of a Mixpanel project; or "".

    True UTC lags seconds to minutes; the wall clock of a zone lags hours more or less, in steps of 15 minutes.
    """
    names = ("properties.time", "properties.mp_processing_time_ms")
    if any(name not in table.column_names for name in names):
        return ""
    at, done = (read_amounts(chunks(table[name]), name).values for name in names)
    lags = done / 1_000 - at
    middle = float(np.median(lags[np.isfinite(lags)])) if np.isfinite(lags).any() else 0.0
    steps = round(middle / _QUARTER)
    if not steps or abs(middle - steps * _QUARTER) > _NEAR:
        return ""
    hours, minutes = divmod(abs(steps) * 15, 60)
    away = f"{hours}:{minutes:02} hours {'before' if steps > 0 else 'after'}"
    zone = f"UTC{'-' if steps > 0 else '+'}{hours:02}:{minutes:02}"
    return f"the middle event lies {away} mp_processing_time_ms, which is in UTC: the project's zone is probably {zone}"


def _is_one_value(table: pa.Table, name: str) -> bool:
    return name in table.column_names and not pa.types.is_nested(table[name].type)


def _filled(table: pa.Table, name: str) -> bool:
    pieces = chunks(table[name])
    texts = cleaned(pieces) if pieces and pa.types.is_string(pieces[0].type) else table[name]
    return bool(pc.count(texts).as_py())
