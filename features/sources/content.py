"""The bytes of one file: unpacked, known to be text or a named binary format, and in UTF-8."""

from __future__ import annotations

import codecs
import difflib
import mmap
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.problems import InputProblem
from features.sources.packed import GZIP, broken_gzip, gunzip, member

Bytes = npt.NDArray[np.uint8]

_PIECE = 1 << 24
_MUCH = 1 << 28
_HEAD = 1 << 16
_CONTROL_SHARE = 0.3  # a text with stray NULs stays a text: its rows are judged one by one
_CONTROL_SHARE_NOT_UTF8 = 0.02
_MAGIC = (
    (b"PK\x03\x04", "an Excel workbook or an archive in an archive", "Save the sheet as CSV, or unpack it."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Save the sheet as CSV."),
    (b"SQLite format 3\x00", "a SQLite database", "Export the table as CSV."),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard", "Decompress it, or use gzip."),
    (b"BZh", "compressed with bzip2", "Decompress it, or use gzip."),
    (b"\xfd7zXZ", "compressed with xz", "Decompress it, or use gzip."),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it."),
    (b"Obj\x01", "an Avro file", "Convert it to Parquet."),
    (b"ORC", "an ORC file", "Convert it to Parquet."),
    (b"ARROW1", "an Arrow (Feather) file", "Convert it to Parquet."),
    (b"%PDF", "a PDF document", "Export the table as CSV."),
    (b"\x89PNG", "an image", "Name the file that has the events."),
)
_CONTROL = np.array([code < 32 and code not in (9, 10, 11, 12, 13, 26, 28, 29, 30, 31) for code in range(256)])


@dataclass(frozen=True, eq=False)
class Content:
    """The unpacked bytes of a file.

    bytes: (n,) uint8, without a byte order mark; UTF-8 unless `binary`.  damaged: the text is UTF-8, with a few
    lines that are not.  notes: how the encoding was found.  packed: whether the bytes are an unpacked copy.
    cut: whether what followed the last line is lost.
    """

    path: Path
    bytes: Bytes
    damaged: bool = False
    notes: tuple[str, ...] = ()
    packed: bool = False
    cut: bool = False

    def release(self) -> None:
        """Let the system take back the memory of a mapped file; what is read again comes from the disk."""
        _release(self.bytes)

    @property
    def parquet(self) -> bool:
        """Whether the bytes start as a Parquet file does."""
        return self.bytes[:4].tobytes() == b"PAR1"


def _release(raw: Bytes) -> None:
    base: object = raw
    while isinstance(base, (np.ndarray, memoryview)):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    if isinstance(base, mmap.mmap):
        base.madvise(mmap.MADV_DONTNEED)


def load(path: Path) -> Content:
    """Map a file into memory, unpack gzip, and bring text into UTF-8. The file itself stays as it is.

    Raises InputProblem: missing_file, unreadable_file, empty_file, binary_file, broken_gzip.
    """
    return content_of(_map(path), path)


def load_member(path: Path, name: str) -> Content:
    """As `load`, for one file of a ZIP archive; raises also broken_zip."""
    return replace(content_of(member(path, name), path / name), packed=True)


def content_of(raw: Bytes, path: Path) -> Content:
    """Bytes with gzip unpacked and text in UTF-8; see `load`."""
    packed, cut = raw[:2].tobytes() == GZIP, False
    if packed:
        raw, cut = gunzip(raw, path)
        if cut and not (raw == 10).any() and raw[:1].tobytes() != b"[":
            raise broken_gzip(path, "it ends in the middle, and no whole line is left")
    if not len(raw):
        raise InputProblem(f"{path} is empty (0 bytes). Export it again, or name another source.", "empty_file")
    content = Content(path, raw) if raw[:4].tobytes() == b"PAR1" else _as_utf8(raw, path)
    if not cut:
        return replace(content, packed=packed)
    lines = int((content.bytes == 10).sum())
    note = (
        f"{path.name} was cut off in the middle of the gzip data: {lines:,} whole lines are left, and what "
        "followed is lost. Fetch it again."
    )
    return replace(content, packed=True, cut=True, notes=(*content.notes, note))


def _map(path: Path) -> Bytes:
    try:
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                return np.empty(0, np.uint8)
            return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> InputProblem:
    """The problem that a file is not there, or may not be read."""
    if not isinstance(error, FileNotFoundError):
        why = getattr(error, "strerror", None) or error
        return InputProblem(
            f"{path} cannot be read: {why}. Give this account the right to read it (chmod a+r), or name another file.",
            "unreadable_file",
        )
    near = difflib.get_close_matches(path.name, [one.name for one in path.parent.glob("*")], n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    if re.match(r"[a-z0-9]+:", path.name):
        hint += " (A format is named in front as amplitude:, ga4:, mixpanel:, segment: or shopify:.)"
    return InputProblem(
        f"{path} does not exist.{hint} Correct `source` under [events] in winback.toml.", "missing_file"
    )


def _as_utf8(raw: Bytes, path: Path) -> Content:
    head = raw[:_HEAD].tobytes()
    for magic, name, advice in _MAGIC:
        if head.startswith(magic):
            raise InputProblem(f"{path} is {name}, not an event log in text or Parquet. {advice}", "binary_file")
    if encoding := _utf16(head):
        text = _from_utf16(raw, encoding, path)
        _refuse_binary(text, path)
        return Content(path, text, notes=(f"{path.name} is in UTF-16.",))
    if head.startswith(codecs.BOM_UTF8):
        raw = raw[3:]
        if not len(raw):
            raise InputProblem(f"{path} is empty but for a byte order mark. Export it again.", "empty_file")
    _refuse_binary(raw, path)
    at = _first_not_utf8(raw)
    return Content(path, raw) if at is None else _not_utf8(raw, at, path)


def _refuse_binary(raw: Bytes, path: Path) -> None:
    share = _CONTROL[raw[:_HEAD]].mean()
    if share > _CONTROL_SHARE or (
        share > _CONTROL_SHARE_NOT_UTF8 and _first_not_utf8(raw[:_HEAD], final=False) is not None
    ):
        raise InputProblem(
            f"{path} is a binary file, not text or Parquet. Export the events as CSV, JSON lines or Parquet.",
            "binary_file",
        )


def _utf16(head: bytes) -> str:
    if head[:2] == codecs.BOM_UTF16_LE or (len(head) > 3 and head[1::2].count(0) > 0.9 * len(head[1::2])):
        return "utf-16-le"
    if head[:2] == codecs.BOM_UTF16_BE or (len(head) > 3 and head[::2].count(0) > 0.9 * len(head[::2])):
        return "utf-16-be"
    return ""


def _from_utf16(raw: Bytes, encoding: str, path: Path) -> Bytes:
    text = raw.tobytes().decode(encoding, errors="replace").removeprefix("\ufeff")
    if not text:
        raise InputProblem(f"{path} is empty but for a byte order mark. Export it again.", "empty_file")
    return np.frombuffer(text.encode("utf-8", errors="replace"), np.uint8)


def _first_not_utf8(raw: Bytes, final: bool = True) -> int | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    held = 0  # bytes of an unfinished character that the decoder carries into the next piece
    for start in range(0, len(raw), _PIECE):
        if start and start % _MUCH == 0:
            _release(raw)
        piece = raw[start : start + _PIECE].tobytes()
        last = final and start + _PIECE >= len(raw)
        if not held and piece.isascii():
            continue
        try:
            decoder.decode(piece, final=last)
            held = len(decoder.getstate()[0])
        except UnicodeDecodeError as error:
            return start - held + error.start
    return None


def _not_utf8(raw: Bytes, at: int, path: Path) -> Content:
    """Text with bytes that UTF-8 does not allow: damaged UTF-8 when most other characters fit, else Windows-1252."""
    around = raw[max(0, at - _PIECE) : at + _PIECE].tobytes()
    good = len(re.findall(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}", around))
    high = int((np.frombuffer(around, np.uint8) >= 0xC0).sum())
    line = int((raw[:at] == 10).sum()) + 1
    if good and 2 * good >= high:  # Windows-1252 text hardly ever has a pair that UTF-8 would allow
        note = f"{path.name} is UTF-8 with damaged characters (first at line {line:,}); the damaged rows are rejected."
        return Content(path, raw, damaged=True, notes=(note,))
    text = raw.tobytes()
    try:
        decoded = text.decode("cp1252")
    except UnicodeDecodeError:
        decoded = text.decode("latin-1")
    note = f"{path.name} is not UTF-8 (first at line {line:,}); it was read as latin-1 (Windows-1252)."
    return Content(path, np.frombuffer(decoded.encode("utf-8"), np.uint8), notes=(note,))
