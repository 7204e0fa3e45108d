"""From a file, folder or glob to the files that can be read, each in the format that its content shows."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from features.problems import InputProblem
from features.sources.content import Content, load, load_member
from features.sources.delimited import open_delimited
from features.sources.jsonlines import looks_like_json, open_jsonlines
from features.sources.packed import is_archive, members
from features.sources.parquet import open_parquet
from features.sources.paths import expanded
from features.sources.raw import SourceFile
from features.sources.reopened import thin

_EXTENSIONS = {".csv", ".tsv", ".tab", ".psv", ".txt", ".dat", ".parquet", ".pq", ".json", ".jsonl", ".ndjson", ".zip"}
_SKIPPABLE = {"empty_file", "binary_file"}
_HELD = 1 << 28


@dataclass(frozen=True, eq=False)
class Opened:
    """The files of a source in the order in which they are read, and what was left out, as sentences."""

    files: tuple[SourceFile, ...]
    notes: tuple[str, ...]


def open_files(source: Path | str) -> tuple[SourceFile, ...]:
    """The files of a source, sorted by path; see `open_source` for its problems."""
    return open_source(source).files


def open_source(source: Path | str) -> Opened:
    """Open a file, all recognisable files of a folder (and of those in it), or all that match a glob.

    A ZIP archive counts as a folder. In a folder, files of other kinds and empty ones are skipped and named; a
    single file must be readable.
    Raises InputProblem: missing_file, empty_folder, and what `load` and the formats raise.
    """
    path = Path(source)
    several = _is_several(path)
    known, skipped = _sorted_out(path) if several else ([path], [])
    entries = [entry for one in known for entry in _entries(one)]
    if not several and not is_archive(path):
        return Opened((_open(entries[0].load()),), ())
    files, refused, last = _open_all([entry for entry in entries if entry.known])
    skipped += [*(entry.path.name for entry in entries if not entry.known), *refused]
    if not files:
        raise last or _nothing_readable(path, skipped)
    return Opened(tuple(files), (_skip_note(path, skipped),) if skipped else ())


@dataclass(frozen=True)
class _Entry:
    """A file, or a file of an archive.  known: whether its name or content says that it can be read."""

    path: Path
    load: Callable[[], Content]
    known: bool = True


def _entries(path: Path) -> list[_Entry]:
    if not is_archive(path):
        return [_Entry(path, partial(load, path))]
    found = [(path / name, partial(load_member, path, name)) for name in members(path)]
    return [_Entry(one, opened, _recognised(one, opened)) for one, opened in found]


def _open_all(entries: Sequence[_Entry]) -> tuple[list[SourceFile], list[str], InputProblem | None]:
    """The files that can be read, the names of those that hold nothing, and the last problem with one.

    Of packed files only the first few hundred MB stay unpacked; the others are unpacked again when they are read.
    """
    files: list[SourceFile] = []
    skipped: list[str] = []
    last, held = None, 0
    for entry in entries:
        try:
            content = entry.load()
            held += len(content.bytes) if content.packed else 0
            file = _open(content)
            files.append(thin(file, partial(_load_and_open, entry)) if content.packed and held > _HELD else file)
        except InputProblem as problem:
            if problem.code not in _SKIPPABLE:
                raise
            skipped.append(f"{entry.path.name} ({problem.code.replace('_', ' ')})")
            last = problem
    return files, skipped, last


def _load_and_open(entry: _Entry) -> SourceFile:
    return _open(entry.load())


def paths_of(source: Path | str) -> tuple[Path, ...]:
    """The files of a source that would be opened, in order, none of which is read but for telling what it is."""
    path = Path(source)
    return tuple(_sorted_out(path)[0]) if _is_several(path) else (path,)


def _sorted_out(path: Path) -> tuple[list[Path], list[str]]:
    """Files of a folder or glob that are recognised, and the names of the others."""
    paths = _in_folder(path) if path.is_dir() else _matching(path)
    known = [one for one in paths if _recognised(one)]
    return known, [one.name for one in paths if one not in set(known)]


def _is_several(path: Path) -> bool:
    try:
        return path.is_dir() or (glob.has_magic(str(path)) and not path.exists())
    except (OSError, ValueError):
        return False  # opening it will say why


def open_file(path: Path) -> SourceFile:
    """Open one file in the format that its content shows."""
    return _open(load(path))


def _open(content: Content) -> SourceFile:
    if content.parquet:
        return open_parquet(content)
    if looks_like_json(content):
        return open_jsonlines(content)
    return open_delimited(content)


def sample(source: Path | str, rows: int = 20_000) -> pa.Table:
    """A sample of the files of a source; see `sample_of`."""
    return sample_of(open_files(source), rows)


def sample_of(files: Sequence[SourceFile], rows: int = 20_000) -> pa.Table:
    """All columns of up to `rows` records in raw form, spread over the files and within each.

    Strings for text formats, the file's types for Parquet, dotted paths for nested JSON. A column that a file does not
    have is null there; one whose type differs between files comes as a string.
    """
    tables = [expanded(file.sample(-(-rows // len(files)))) for file in files]
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.concat_tables([_as_text(table) for table in tables], promote_options="default")


def _as_text(table: pa.Table) -> pa.Table:
    columns = []
    for column in table.columns:
        try:
            columns.append(column.cast(pa.string()))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            columns.append(
                pa.chunked_array([pa.array([None if v is None else str(v) for v in column.to_pylist()], pa.string())])
            )
    return pa.Table.from_arrays(columns, names=table.column_names)


def _in_folder(folder: Path) -> list[Path]:
    try:
        found = sorted(folder.rglob("*"))
    except OSError as error:
        raise InputProblem(
            f"{folder} cannot be listed: {error.strerror}. Give this account the right to read it.", "unreadable_file"
        ) from None
    return [one for one in found if one.is_file() and not _hidden(one.relative_to(folder))]


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _matching(pattern: Path) -> list[Path]:
    """Files that match a glob, and those in folders that match; the part of the path that exists is taken literally."""
    base = pattern
    while not base.exists():
        base = base.parent
    names = glob.glob(str(pattern.relative_to(base)), root_dir=base, recursive=True)
    found: set[Path] = set()
    for name in names:
        found.update(_in_folder(base / name) if (base / name).is_dir() else [base / name])
    if not found:
        raise InputProblem(
            f"No file matches {pattern}. Correct `source` under [events] in winback.toml; "
            "* stands for any part of a name, ** for any folders.",
            "missing_file",
        )
    return sorted(found)


def _recognised(path: Path, opened: Callable[[], Content] | None = None) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    last = suffixes[-2:-1] if suffixes[-1:] == [".gz"] else suffixes[-1:]
    return (last or [""])[0] in _EXTENSIONS or (not last and _content_is_known(opened or partial(load, path)))


def _content_is_known(opened: Callable[[], Content]) -> bool:
    """For names without an extension, such as part-00000: whether the content is Parquet or JSON lines."""
    try:
        content = opened()
    except InputProblem:
        return False
    return content.parquet or looks_like_json(content)


def _nothing_readable(path: Path, skipped: list[str]) -> InputProblem:
    seen = (
        f" It has {', '.join(sorted(skipped)[:10])}{', ...' if len(skipped) > 10 else ''}."
        if skipped
        else " It is empty."
    )
    return InputProblem(
        f"{path} has no file that can be read as events.{seen} Files are recognised as "
        f"{', '.join(sorted(_EXTENSIONS))}, each also with .gz or in a .zip. Name the file itself, or a glob.",
        "empty_folder",
    )


def _skip_note(path: Path, skipped: list[str]) -> str:
    shown = ", ".join(sorted(skipped)[:10]) + (", ..." if len(skipped) > 10 else "")
    return f"{path}: {len(skipped)} file{'s' if len(skipped) > 1 else ''} not read: {shown}."
