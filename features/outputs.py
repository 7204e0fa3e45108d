"""The files that winback wrote with a row a user, so that a user can be taken out of them again."""

from __future__ import annotations

import csv
import fcntl
import html
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.business import Business
from features.problems import InputProblem
from features.whole_file import whole_file

FILE, USER = "outputs.json", "user_id"
Fate = Literal["erased", "without the user", "gone", "to be written anew", "out of reach"]


@dataclass(frozen=True)
class Output:
    """One file and what became of the user in it.  rows: of the user.  why: where it is out of reach."""

    path: str
    fate: Fate
    rows: int = 0
    why: str = ""


def remember(business: Business, *paths: str | Path) -> None:
    """Note files, or folders of Parquet, that have rows of users."""
    with _alone(business):
        known = dict.fromkeys(outputs(business))
        known |= dict.fromkeys(str(path) if "://" in str(path) else os.path.abspath(path) for path in paths)
        with whole_file(business.state / FILE) as draft:
            draft.write_text(json.dumps(list(known), indent=1, ensure_ascii=False), "utf-8")


def outputs(business: Business) -> list[str]:
    """Every file that was noted, the oldest first.  Raises InputProblem (damaged_outputs)."""
    path = business.state / FILE
    try:
        return [str(one) for one in json.loads(path.read_text("utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise InputProblem(
            f"{path} cannot be read: {error}. It lists the files with rows of users; bring it back from a backup, or "
            "write the list of paths anew as JSON.",
            "damaged_outputs",
        ) from None


def erase(business: Business, user: str, dry: bool = False) -> list[Output]:
    """Rewrite every noted file without the rows of a user, each in one step; dry: only look.

    A page of HTML is not rewritten, but named where it names the user.
    """
    return [_erased(path, user, dry) for path in outputs(business)]


def _erased(path: str, user: str, dry: bool) -> Output:
    if "://" in path:
        return Output(path, "out of reach", why="it is not on this machine")
    place = Path(path)
    try:
        if place.is_dir():
            parts = [_without(part, user, dry) for part in sorted(place.glob("*.parquet"))]
            rows = sum(parts)
            return Output(path, "erased" if rows else "without the user", rows)
        if place.suffix == ".html":
            named = html.escape(user) in place.read_text("utf-8", "replace")
            return Output(path, "to be written anew" if named else "without the user", int(named))
        rows = _without(place, user, dry)
    except FileNotFoundError:
        return Output(path, "gone")
    except (OSError, pa.ArrowException, csv.Error, UnicodeDecodeError, InputProblem) as error:
        return Output(path, "out of reach", why=" ".join(str(error).split())[:200])
    return Output(path, "erased" if rows else "without the user", rows)


def _without(path: Path, user: str, dry: bool) -> int:
    """Rewrite one file; returns how many rows were of the user."""
    with path.open("rb") as file:
        magic = file.read(4)
    return (_parquet if magic == b"PAR1" else _csv)(path, user, dry)


def _parquet(path: Path, user: str, dry: bool) -> int:
    with pq.ParquetFile(path) as file:
        if USER not in file.schema_arrow.names:
            return 0
        rows = sum(_rows_of(batch, user) for batch in file.iter_batches(columns=[USER]))
        if dry or not rows:
            return rows
        packed = file.metadata.row_group(0).column(0).compression
        with whole_file(path) as draft, pq.ParquetWriter(draft, file.schema_arrow, compression=packed) as out:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                out.write_table(table.filter(pc.not_equal(table[USER].cast(pa.string()), user)))
    path.with_name(f".{path.name}.crc").unlink(missing_ok=True)  # Hadoop's checksum is of the old bytes
    return rows


def _rows_of(batch: pa.RecordBatch, user: str) -> int:
    return pc.sum(pc.equal(batch[USER].cast(pa.string()), user)).as_py() or 0


def _csv(path: Path, user: str, dry: bool) -> int:
    raw = path.read_bytes()
    mark = raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    if not rows or USER not in rows[0]:
        return 0
    column = rows[0].index(USER)
    same = (user, f"'{user}")  # an id that a spreadsheet would run as a formula has an apostrophe in front
    kept = [rows[0], *(row for row in rows[1:] if len(row) <= column or row[column] not in same)]
    gone = len(rows) - len(kept)
    if gone and not dry:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(kept)
        with whole_file(path) as draft:
            draft.write_bytes(text.getvalue().encode("utf-8-sig" if mark else "utf-8"))
    return gone


@contextmanager
def _alone(business: Business) -> Iterator[None]:
    business.state.mkdir(parents=True, exist_ok=True)
    with (business.state / f"{FILE}.lock").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
