"""The text of winback.toml: a value, and beside it what in the data led to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from features.problems import InputProblem
from features.whole_file import whole_file

Value = str | int | tuple[str, ...] | tuple[int, ...]


@dataclass(frozen=True)
class Line:
    """One key.  why: the evidence, for a person.  fill: whether only a person can know the value."""

    key: str
    value: Value
    why: str
    fill: bool = False


@dataclass(frozen=True)
class Table:
    """One table of the file; without lines it is left out, and `note` says why."""

    name: str
    lines: tuple[Line, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class ConfigText:
    """The whole file.  to_fill: the numbers of the lines that a person has to fill in, by key."""

    text: str
    to_fill: dict[str, int] = field(default_factory=dict)


def render(tables: Sequence[Table], head: Sequence[str] = ()) -> ConfigText:
    """Write the tables as TOML, the comment of each value on the line or lines above it."""
    out = [f"# {_plain(line)}" for line in head]
    to_fill: dict[str, int] = {}
    for table in tables:
        out.append("")
        if not table.lines:
            out.extend(_comment(f"No [{table.name}]: {table.note}", ""))
            continue
        out.append(f"[{table.name}]")
        for line in table.lines:
            out.extend(_comment(line.why, ""))
            fill = (
                f"  # fill in{': the column of the ' + line.key if table.name == 'events' else ''}" if line.fill else ""
            )
            out.append(f"{line.key} = {toml_value(line.value)}{fill}")
            if line.fill:
                to_fill[f"{table.name}.{line.key}"] = len(out)
    return ConfigText("\n".join(out).lstrip("\n") + "\n", to_fill)


def toml_value(value: Value) -> str:
    """A string, whole number, truth value or list as TOML, whatever characters it holds."""
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(part) for part in value) + "]"
    if isinstance(value, int):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def write_config(text: str, path: Path, force: bool) -> None:
    """Write the file in one step; an existing one stays as it is unless `force`.

    Raises InputProblem: config_exists, unwritable_config, unwritable_file.
    """
    refuse_existing(path, force)
    with whole_file(path) as draft:
        draft.write_text(text, "utf-8")


def refuse_existing(path: Path, force: bool) -> None:
    """Raise InputProblem (code config_exists) when the file is there and shall stay."""
    if path.is_dir():
        raise InputProblem(f"{path} is a folder. Name a file with --config.", "unwritable_config")
    if not path.parent.is_dir():
        raise InputProblem(f"{path} cannot be written: the folder {path.parent} does not exist.", "unwritable_config")
    if path.exists() and not force:
        raise InputProblem(
            f"{path} exists already and stays as it is. Use --force to replace it, or --config OTHER.toml to "
            f"write another.",
            "config_exists",
        )


def _comment(text: str, indent: str, width: int = 118) -> list[str]:
    lines, line = [], f"{indent}#"
    for word in _plain(text).split():
        if len(line) + len(word) + 1 > width and line != f"{indent}#":
            lines.append(line)
            line = f"{indent}#"
        line += f" {word}"
    return [*lines, line] if text else []


def _plain(text: str) -> str:
    """One line without control characters, which TOML allows in no comment."""
    return "".join(mark if mark.isprintable() else " " for mark in text)
