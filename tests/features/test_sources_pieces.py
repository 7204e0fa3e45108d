"""A source in pieces is the same as the whole, with one piece in memory at a time."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.problems import InputProblem
from features.sources import jsonlines
from features.sources.columns import RawEvents, raw_pieces, read_raw, source_files
from tests.sources_made import business

N = 600
SAID: dict[str, Any] = {"user": "user | who", "time": "time", "kind": "=x", "value": "v"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same log in five formats, with faults, line breaks in cells and a file without records."""
    out = tmp_path_factory.mktemp("log")
    records = [{"user": f"u{n % 77}", "time": 1_600_000_000 + n, "v": n / 2} for n in range(N)]
    pq.write_table(pa.Table.from_pylist(records), out / "a.parquet", row_group_size=90)
    lines = "".join(json.dumps(one) + "\n" for one in records)
    (out / "b.jsonl").write_text(lines + "bad\n\n" + lines)
    cells = [f'"{one["user"]}\n x",{one["time"]},{one["v"]}\n' for one in records]
    (out / "c.csv").write_text("user,time,v\n" + "".join(cells[:300]) + "1,2\n" + "".join(cells[300:]))
    (out / "d.csv").write_text("user,time,v\n")
    (out / "e.json.gz").write_bytes(gzip.compress(json.dumps(records, indent=1).encode()))
    renamed = pa.Table.from_pylist([{"who": "z", **one} for one in records]).drop_columns(["user"])
    pq.write_table(renamed, out / "f.parquet")
    return out


def cells(pieces: list[RawEvents], role: str) -> list[Any]:
    return [value for piece in pieces for chunk in piece.pieces(role) for value in chunk.to_pylist()]


@pytest.mark.parametrize("rows", [25, 700, 10**6])
def test_pieces_make_the_whole(folder: Path, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Seen to fail with line numbers that start anew in each window of a JSON file.
    monkeypatch.setattr(jsonlines, "_WINDOW", 1 << 12)
    log = business(folder, folder, **SAID)
    whole, pieces = read_raw(log), list(raw_pieces(log, rows))
    assert max(len(piece) for piece in pieces) <= rows
    for role in whole.by_role:
        assert cells(pieces, role) == cells([whole], role)
    assert np.array_equal(np.concatenate([piece.line for piece in pieces]), whole.line)
    assert [p.files[i].name for p in pieces for i in p.file] == [whole.files[i].name for i in whole.file]
    faults = [(p.files[row["file"]].name, row["line"], row["reason"]) for p in pieces for row in p.faults.to_pylist()]
    assert faults == [(whole.files[row["file"]].name, row["line"], row["reason"]) for row in whole.faults.to_pylist()]
    assert [(name, line) for name, line, _ in faults] == [("b.jsonl", N + 1), ("c.csv", 602)]
    b = [whole.files[i].name == "b.jsonl" for i in whole.file]
    assert whole.line[b].tolist() == [*range(1, N + 1), *range(N + 3, 2 * N + 3)]
    assert set(whole.notes) == {note for piece in pieces for note in piece.notes}
    assert "1 of 6 files have no record: d.csv." in whole.notes
    assert source_files(log) == tuple(sorted(folder.iterdir()))


def test_only_the_piece_in_hand_is_read(folder: Path) -> None:
    first = next(raw_pieces(business(folder / "a.parquet", folder, **SAID), 100))
    assert (len(first), first.line[-1], first.files) == (90, 90, (folder / "a.parquet",))


def test_some_files_alone_are_read_a_whole_archive_among_them(folder: Path, tmp_path: Path) -> None:
    for name in ("a.parquet", "b.jsonl"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.write(folder / "c.csv", "day/c.csv")
        archive.write(folder / "f.parquet", "day/f.parquet")
    log = business(".", tmp_path, **SAID)
    names = [piece.files[0].name for piece in raw_pieces(log, of=[tmp_path / "z.zip", tmp_path / "a.parquet"])]
    assert names == ["a.parquet", "c.csv", "f.parquet"]
    assert source_files(log) == tuple(tmp_path / name for name in ("a.parquet", "b.jsonl", "z.zip"))


@pytest.mark.parametrize(
    ("text", "said", "code"),
    [("user,time,v\n", {}, "header_only"), ("", {"name": "e.jsonl"}, "missing_column")],
    ids=["no record", "no such key"],
)
def test_what_only_the_whole_tells_is_raised_in_the_end(
    tmp_path: Path, text: str, said: dict[str, str], code: str
) -> None:
    name = said.get("name", "e.csv")
    (tmp_path / name).write_text(text or '{"time": 1600000000, "v": 1}\n' * 5)
    log = business(name, tmp_path, **SAID)
    for use in (read_raw, lambda log: list(raw_pieces(log, 2))):
        with pytest.raises(InputProblem) as caught:
            use(log)
        assert caught.value.code == code
