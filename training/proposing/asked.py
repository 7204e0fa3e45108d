"""The source that somebody asks to look at, and how winback.toml will name it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from features.columns import Export
from features.problems import InputProblem
from features.sources.exports import files_of, is_database, preset_of, without_password
from features.sources.files import open_files
from features.sources.postgres import open_query
from features.sources.preset import Preset
from features.sources.raw import SourceFile


@dataclass(frozen=True)
class Asked:
    """given: as the caller wrote it, without a password.  written: as winback.toml names it.  why: what led to that."""

    given: str
    query: str = ""
    written: str = ""
    why: str = ""
    password: str = field(default="", repr=False)

    @property
    def preset(self) -> Preset | None:
        return preset_of(self.given)

    @property
    def called(self) -> str:
        """The name of the source, which may speak of sales."""
        return Path(files_of(self.given)).stem

    @property
    def secret(self) -> str:
        """The source as it can be read at once: a database's with the password that the caller gave."""
        scheme, mark, place = self.written.partition("://")
        if not (self.password and mark):
            return self.written
        user, at, host = place.rpartition("@")
        return f"{scheme}://{user}:{quote(self.password, safe='')}{at}{host}"

    def files(self) -> Sequence[SourceFile]:
        """Open what is asked for; raises InputProblem as the files do."""
        if is_database(self.given):
            return (open_query(self.given, self.password, self.query),)
        return open_files(Path(files_of(self.given)).expanduser())

    def beside(self, path: Path, export: Export | None) -> Asked:
        """As winback.toml at `path` names it: a relative file relative to that, the name of an export in front."""
        if is_database(self.given):
            kept = "The password is not written here: give it in PGPASSWORD or ~/.pgpass." if self.password else ""
            return replace(self, written=self.given, why=kept)
        files = _relative(files_of(self.given), path)
        if export is None:
            return replace(self, written=files)
        shown = ", ".join(f"'{name}'" for name in export.shown)
        why = f"Recognised as {export.preset.vendor} by {shown}." if shown else f"Read as {export.preset.vendor}."
        return replace(self, written=f"{export.preset.name}:{files}", why=why)


def asked_for(source: str, query: str = "") -> Asked:
    """Raises InputProblem when a database is named without a query, or files with one."""
    if is_database(source) and not query:
        raise InputProblem(
            'A database needs a query: winback init postgresql://user@host/database --query "SELECT ..." that gives '
            "one row an event.",
            "missing_query",
        )
    if query and not is_database(source):
        raise InputProblem(f"--query is for a database, and {source} is none. Leave it out.", "unexpected_query")
    clean, password = without_password(source)
    return Asked(clean, query, clean, password=password)


def _relative(files: str, path: Path) -> str:
    """Files as winback.toml names them: relative ones relative to that file."""
    given = Path(files).expanduser()
    if given.is_absolute():
        return str(given)
    relative = os.path.relpath(Path.cwd().resolve() / given, path.resolve().parent)
    return f"./{relative}" if relative != relative.strip() or relative.startswith("~") or ":" in relative else relative
