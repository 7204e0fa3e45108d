"""ZIP archives and gzip files, whole, cut off and damaged."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.problems import InputProblem
from features.sources import files, packed
from features.sources.delimited import HALF_WRITTEN
from features.sources.files import open_source
from tests.sources_made import business, jsonl, read, rows

HEADER = "user,time,kind\n"


def log(first: int, count: int) -> str:
    return HEADER + "".join(f"u{n},2026-01-01 10:00:{n:02},visit\n" for n in range(first, first + count))


def parquet(text: str) -> bytes:
    names, *lines = (line.split(",") for line in text.splitlines())
    out = io.BytesIO()
    pq.write_table(pa.table(dict(zip(names, map(list, zip(*lines, strict=True)), strict=True))), out)
    return out.getvalue()


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in members.items():
            out.writestr(name, data)
    return path


MEMBERS = {
    "b/2.csv": log(3, 3).encode(),
    "a/1.csv.gz": gzip.compress(log(0, 3).encode()),
    "c.parquet": parquet(log(6, 3)),
    "d/part-0": jsonl({"user": "u9", "time": "2026-01-01 10:00:09", "kind": "visit"}).encode(),
    "__MACOSX/._2.csv": b"\0\0",
    ".hidden.csv": b"user\n",
    "read me.md": b"# hi",
    "empty.csv": b"",
}
SAID = {"user": "user", "time": "time", "kind": "kind"}


@pytest.mark.parametrize("held", [1 << 28, 1])
@pytest.mark.parametrize("source", ["export.zip", ".", "*.zip"])
def test_an_archive_is_a_folder(tmp_path: Path, source: str, held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # held = 1: every member is unpacked again when it is read.
    monkeypatch.setattr(files, "_HELD", held)
    archive(tmp_path / "export.zip", MEMBERS)
    found = read(source, tmp_path, **SAID)
    assert [user for (user,) in rows(found, "user")] == [f"u{n}" for n in range(10)]
    assert found.counted.files == 4
    assert any("2 files not read: empty.csv (empty file), read me.md." in note for note in found.notes)
    kinds = {type(file).__name__ for file in open_source(tmp_path / "export.zip").files}
    assert ("Reopened" in kinds) == (held == 1)


def test_rows_of_a_member_are_named_by_archive_and_member(tmp_path: Path) -> None:
    archive(tmp_path / "export.zip", {"a.csv": log(0, 2).encode(), "b.csv": (log(2, 1) + "u3,soon,visit\n").encode()})
    found = read("export.zip", tmp_path, **SAID)
    assert [(row["file"], row["line"]) for row in found.rejected.table.to_pylist()] == [("export.zip/b.csv", 3)]


def broken_zip(path: Path) -> None:
    data = archive(path, {"a.csv": log(0, 50).encode()}).read_bytes()
    path.write_bytes(data[:60] + b"\xff\xff\xff\xff" + data[64:])


def cut_zip(path: Path) -> None:
    path.write_bytes(archive(path, MEMBERS).read_bytes()[:200])


def workbook(path: Path) -> None:
    archive(path, {"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"})


def hollow(path: Path) -> None:
    archive(path, {"pictures/a.png": b"\x89PNG"})


@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (broken_zip, "broken_zip", r"cannot be unpacked: a\.csv"),
        (cut_zip, "broken_zip", "Fetch it again, or unpack it"),
        (workbook, "binary_file", "Excel workbook"),
        (hollow, "empty_folder", "It has a.png"),
    ],
)
def test_archives_that_cannot_be_read(tmp_path: Path, make, code: str, says: str) -> None:  # type: ignore[no-untyped-def]
    make(tmp_path / "export.zip")
    with pytest.raises(InputProblem, match=says) as caught:
        open_source(tmp_path / "export.zip")
    assert caught.value.code == code
    assert "export.zip" in str(caught.value)


@pytest.mark.parametrize("sign", ["\n", "\r\n"])
def test_a_cut_off_gzip_keeps_its_whole_lines(tmp_path: Path, sign: str) -> None:
    # Seen to fail with the half line left in the text.
    text = "".join(f"u{n},2026-01-01 10:{n % 60:02}:00.{n * n % 997:03},visit{n % 7}{sign}" for n in range(3_000))
    data = gzip.compress((HEADER + text).encode())
    for part in (0.3, 0.5, 0.77, 0.999):
        (tmp_path / "e.csv.gz").write_bytes(data[: int(len(data) * part)])
        found = read("e.csv.gz", tmp_path, **SAID)
        kept = found.table.num_rows
        assert 500 < kept < 3_001
        assert rows(found, "user", "kind") == [(f"u{n}", f"visit{n % 7}") for n in range(kept)]
        lost = [(row["line"], row["reason"]) for row in found.rejected.table.to_pylist()]
        assert lost in ([], [(kept + 2, HALF_WRITTEN)])
        assert any(
            note.startswith(f"e.csv.gz was cut off in the middle of the gzip data: {kept + 1:,}")
            for note in found.notes
        )


def test_a_cut_off_gzip_with_its_header_alone(tmp_path: Path) -> None:
    packer = gzip.compress((HEADER + "u1,2026-01-01 10:00:00,visit\n" * 3).encode(), 0)
    (tmp_path / "e.csv.gz").write_bytes(packer[: 10 + 5 + len(HEADER) + 4])
    with pytest.raises(InputProblem, match="half-written at the end of a cut-off file") as caught:
        read("e.csv.gz", tmp_path, **SAID)
    assert caught.value.code == "all_rejected"
    (tmp_path / "e.csv.gz").write_bytes(packer[: 10 + 5 + len(HEADER)])
    with pytest.raises(InputProblem, match=r"no record below it.*cut off") as caught:
        read("e.csv.gz", tmp_path, **SAID)
    assert caught.value.code == "header_only"


def test_a_gzip_with_changed_bytes_is_refused(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(log(0, 60).encode()))
    data[60] ^= 0xFF
    (tmp_path / "e.csv.gz").write_bytes(bytes(data))
    with pytest.raises(InputProblem, match="damaged gzip") as caught:
        read("e.csv.gz", tmp_path, **SAID)
    assert caught.value.code == "broken_gzip"


def test_large_packed_files_are_unpacked_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "_IN_MEMORY", 100)
    text = log(0, 60)
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress(text.encode()))
    archive(tmp_path / "e.zip", {"e.csv": text.encode()})
    for name in ("e.csv.gz", "e.zip"):
        assert [user for (user,) in rows(read(name, tmp_path, **SAID), "user")] == [f"u{n}" for n in range(60)]
    assert business("e.zip", tmp_path, **SAID).source == tmp_path / "e.zip"
