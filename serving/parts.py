"""The finished parts of a score file that is not whole yet: what was scored before a kill is not scored again."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.problems import InputProblem
from features.whole_file import whole_file

ORIGIN = "origin.json"
_KEY = b"winback"


@dataclass(frozen=True)
class Parts:
    """A folder beside the file, one Parquet file a crowd of users; whatever stands in it under its name is whole.

    origin: what the scores follow from.  Parts of another origin are never used.
    """

    folder: Path
    origin: Mapping[str, Any]

    @classmethod
    def beside(cls, out: Path, origin: Mapping[str, Any]) -> Parts:
        """The folder `<out>.parts`, emptied when it holds the parts of another origin, or nothing that is readable.

        Raises InputProblem when it cannot be made.
        """
        parts = cls(out.with_name(f"{out.name}.parts"), origin)
        if parts._origin_found() != json.loads(json.dumps(origin)):
            shutil.rmtree(parts.folder, ignore_errors=True)
            with whole_file(parts.folder / ORIGIN) as path:
                path.write_text(json.dumps(origin, indent=1, ensure_ascii=False), "utf-8")
        return parts

    def finished(self, number: int, people: NDArray[np.object_]) -> pa.Table | None:
        """The scores of crowd `number` when they were finished before, for exactly these users; else None."""
        try:
            table = pq.read_table(self._path(number))
        except (OSError, pa.ArrowInvalid):
            return None
        return table.replace_schema_metadata() if _mark(table) == _digest(people) else None

    def keep(self, number: int, people: NDArray[np.object_], scores: pa.Table) -> None:
        """Keep the scores of crowd `number`; raises InputProblem when there is no room."""
        with whole_file(self._path(number)) as path:
            pq.write_table(scores.replace_schema_metadata({_KEY: _digest(people)}), path)

    def tables(self, count: int) -> Iterator[pa.Table]:
        """The scores of crowds 0 to count - 1, one in memory at a time.

        Raises InputProblem when somebody took one away.
        """
        for number in range(count):
            try:
                yield pq.read_table(self._path(number)).replace_schema_metadata()
            except OSError as error:
                raise InputProblem(
                    f"{self._path(number)} is gone or unreadable ({error}). Run the same command again; "
                    "what is there is not scored again.", "unreadable_part",
                ) from None  # fmt: skip

    def forget(self) -> None:
        """Remove the folder, when the file is whole."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.parquet"

    def _origin_found(self) -> object:
        try:
            return json.loads((self.folder / ORIGIN).read_text("utf-8"))
        except (OSError, ValueError):
            return None


def _mark(table: pa.Table) -> bytes | None:
    return (table.schema.metadata or {}).get(_KEY)


def _digest(people: NDArray[np.object_]) -> bytes:
    """Hex digits that these users in this order give."""
    return hashlib.blake2b("\x00".join(people).encode(), digest_size=8).hexdigest().encode()
