"""Which columns of each file a setting such as `user = "user_id | device_id"` means, and their values as one column."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.problems import InputProblem
from features.sources.preset import SEPARATOR
from features.sources.raw import SourceFile, one_line
from features.sources.text import as_text, chunks, cleaned

_NEAR = 0.4  # for a hint: cid is near enough to client_id


@dataclass(frozen=True)
class Wanted:
    """What [events] says about one role.

    optional: whether the source may do without.  tables: where no column of kinds is, the kind by the end of a file's
    name; None when that is a problem.
    """

    role: str
    setting: str
    optional: bool = False
    tables: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Found:
    """Where one file has a role: its columns, the first filled one of which counts, or one value for all rows."""

    names: tuple[str, ...]
    constant: str | None = None


def find(files: Sequence[SourceFile], wanted: Wanted) -> tuple[list[Found], list[str]]:
    """Where each file has a role, and notes about columns with another name in some files.

    A name that holds the separator itself is taken literally where a file has it. A column is followed under a name
    that differs from the wanted one in case and separators alone, when another file has the wanted one.
    Raises InputProblem (code missing_column) for a file that has none of the alternatives.
    """
    names = alternatives(wanted.setting, files)
    known = {name for name in names if any(file.finds(name) for file in files)}
    found: list[Found] = []
    notes: list[str] = []
    renamed: dict[tuple[str, str], list[str]] = {}
    for file in files:
        here = {name: _here(file, name, names, name in known) for name in names}
        for name, one in here.items():
            if one and one[-1] != name:
                renamed.setdefault((name, one[-1]), []).append(file.path.name)
        columns = tuple(dict.fromkeys(column for one in here.values() for column in one))
        found.append(Found(columns) if columns else _none(file, wanted, names, notes, len(files)))
    for (name, other), where in renamed.items():
        many = f"{len(where)} of {len(files)} files, the first is {where[0]}" if len(where) > 1 else where[0]
        notes.append(f"'{name}' is called '{other}' in {many}; it was read as the same column.")
    return found, notes


def alternatives(setting: str, files: Sequence[SourceFile]) -> tuple[str, ...]:
    """The names in a setting; itself when a file has a column of that very name."""
    if SEPARATOR not in setting or any(setting in file.columns for file in files):
        return (setting,)
    return tuple(dict.fromkeys(part.strip() for part in setting.split(SEPARATOR) if part.strip()))


def _here(file: SourceFile, name: str, names: Sequence[str], elsewhere: bool) -> list[str]:
    """The columns of a file that a name means: itself, else the one that is written a little differently."""
    if file.finds(name):
        return [name]
    alike = [column for column in file.columns if _folded(column) == _folded(name) and column not in names]
    other = alike if elsewhere and len(alike) == 1 else []
    return [name, *other] if file.open_ended else other


def _folded(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _none(file: SourceFile, wanted: Wanted, names: Sequence[str], notes: list[str], files: int) -> Found:
    if wanted.tables is not None:
        table = file.path.name.split(".")[0]
        kind = next((kind for end, kind in wanted.tables.items() if table.lower().endswith(end)), table)
        notes.append(f"{file.path.name} has no column of kinds; by its name every row is one '{kind}'.")
        return Found((), kind)
    if wanted.optional:
        return Found(())
    raise _absent(file, wanted, names, files)


def _absent(file: SourceFile, wanted: Wanted, names: Sequence[str], files: int) -> InputProblem:
    if files == 1 and len(names) == 1:
        return file.absent(names[0])
    other = (*get_close_matches(names[0], file.columns, 1, _NEAR), "ITS NAME THERE")[0]
    hint = (
        f'If it has another name in this file, name both under [events]: {wanted.role} = "{wanted.setting} | {other}".'
    )
    return file.absent(names[0], hint)


def first_filled(table: pa.Table, names: Sequence[str]) -> tuple[pa.ChunkedArray, Counter[str]]:
    """For each row the value of the first column that has one, and how many rows took theirs from each column."""
    columns = [_filled(table[name]) for name in names]
    kinds = {column.type for column in columns}
    same = columns if len(kinds) == 1 else [_texts(column) for column in columns]
    taken: Counter[str] = Counter()
    open_rows = np.ones(table.num_rows, bool)
    for name, column in zip(names, same, strict=True):
        here = open_rows & np.asarray(column.is_valid())
        taken[name] = int(here.sum())
        open_rows &= ~here
    return pc.coalesce(*same), taken


def _filled(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Null where nothing is there, whatever that is in a text."""
    pieces = chunks(column)
    kind = pieces[0].type if pieces else column.type
    if pa.types.is_nested(kind):
        raise InputProblem(
            f"A column named under [events] has the type {one_line(str(kind))}, not one value a row. Name another.",
            "bad_column_type",
        )
    return cleaned(pieces) if pa.types.is_string(kind) else pa.chunked_array(pieces, kind)


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([as_text(piece) for piece in column.chunks], pa.string())
