"""Bytes out of gzip files and ZIP archives; what is large goes to a temporary file instead of memory."""

from __future__ import annotations

import mmap
import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.problems import InputProblem

Bytes = npt.NDArray[np.uint8]

GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_IN_MEMORY = 1 << 28
_PIECE = 1 << 18


def gunzip(raw: Bytes, path: Path) -> tuple[Bytes, bool]:
    """The unpacked bytes, and whether the file was cut off; several members one after the other are one.

    Raises InputProblem (code broken_gzip) when the packed bytes are not what was written.
    """
    view, at, whole = memoryview(raw.data), 0, True
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as out:
        try:
            while whole and raw[at : at + 2].tobytes() == GZIP:
                unpacker = zlib.decompressobj(wbits=31)
                while not unpacker.eof and at < len(raw):
                    out.write(unpacker.decompress(view[at : at + _PIECE]))
                    at = min(at + _PIECE, len(raw))
                whole = unpacker.eof
                at -= len(unpacker.unused_data)
            if not whole:
                out.write(unpacker.flush())
        except zlib.error as error:
            raise broken_gzip(path, str(error)) from None
        return _taken(out), not whole


def broken_gzip(path: Path, why: str) -> InputProblem:
    return InputProblem(
        f"{path} is a damaged gzip file: {why}. Fetch it again, or unpack what can be saved.", "broken_gzip"
    )


def is_archive(path: Path) -> bool:
    """Whether a file is a ZIP archive that is not a workbook."""
    try:
        with path.open("rb") as file:
            return file.read(4) in _ZIP and "[Content_Types].xml" not in _names(path)
    except (OSError, ValueError):
        return False  # opening it as a file will say why


def members(path: Path) -> tuple[str, ...]:
    """The files of an archive by name, those left out that systems add for themselves."""
    return tuple(
        sorted(
            name
            for name in _names(path)
            if not name.endswith("/") and not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
        )
    )


def member(path: Path, name: str) -> Bytes:
    """The bytes of one file of an archive.

    Raises InputProblem (code broken_zip) when it is damaged or has a password.
    """
    try:
        with (
            zipfile.ZipFile(path) as archive,
            archive.open(name) as packed,
            tempfile.SpooledTemporaryFile(_IN_MEMORY) as out,
        ):
            shutil.copyfileobj(packed, out, _PIECE)
            return _taken(out)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise _broken_zip(path, f"{name}: {error}") from None


def _names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except zipfile.BadZipFile as error:
        raise _broken_zip(path, str(error)) from None


def _broken_zip(path: Path, why: str) -> InputProblem:
    return InputProblem(
        f"{path} is a ZIP archive that cannot be unpacked: {why.rstrip('.')}. "
        "Fetch it again, or unpack it and name the folder.",
        "broken_zip",
    )


def _taken(out: tempfile.SpooledTemporaryFile[bytes]) -> Bytes:
    size = out.tell()
    if size > _IN_MEMORY:
        out.flush()
        return np.frombuffer(mmap.mmap(out.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    out.seek(0)
    return np.frombuffer(out.read(), np.uint8)
