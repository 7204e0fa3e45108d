"""One file with everything in it: members with sizes and digests; nothing is used before all of it is checked."""

from __future__ import annotations

import gzip
import json
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

from features.problems import InputProblem

FORMAT, CONTENTS = 1, "contents.json"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Member:
    """size: bytes.  digest: BLAKE2b-256 of the content."""

    size: int
    digest: str


class Reading:
    """A file that is hashed while somebody reads it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest = file, blake2b(digest_size=32)

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self._digest.update(block)
        return block

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()


class Packing:
    """Writes an archive; what is in it is told by its last member."""

    def __init__(self, file: IO[bytes], about: Mapping[str, Any]) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w:gz", compresslevel=1)  # noqa: SIM115 closed by `finish`
        self._about, self.members = about, dict[str, Member]()

    def add(self, path: Path, name: str) -> None:
        """Add a file; raises OSError when it shrinks meanwhile."""
        with path.open("rb") as file:
            size = path.stat().st_size
            reading = Reading(file)
            self._tar.addfile(_plain(name, size), reading)  # type: ignore[arg-type]
        self.members[name] = Member(size, reading.digest)

    def finish(self) -> None:
        contents = {"format": FORMAT, **self._about, "members": {n: asdict(m) for n, m in self.members.items()}}
        body = json.dumps(contents, indent=1, ensure_ascii=False).encode()
        self._tar.addfile(_plain(CONTENTS, len(body)), BytesIO(body))
        self._tar.close()


def _plain(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info


def unpacked(path: Path, folder: Path) -> Mapping[str, Any]:
    """Take an archive out into an empty folder; returns what it says of itself once every byte is known to be right.

    Raises InputProblem: missing_file, damaged_backup (with the member's name), backup_format.
    """
    found: dict[str, Member] = {}
    contents: Mapping[str, Any] | None = None
    last = "its beginning"
    try:
        with gzip.open(path) as whole, tarfile.open(fileobj=whole, mode="r:") as tar:
            for info in tar:
                last = f"'{info.name}'"
                if info.name == CONTENTS:
                    contents = json.loads(_taken(tar, info).read())
                    continue
                found[info.name] = _written(tar, info, _place(info, folder, found, path))
            last = "its end"
            while whole.read(_BLOCK):  # to the last byte, behind which the checksum of all stands
                pass
    except FileNotFoundError:
        raise InputProblem(f"{path} does not exist. Name a file that `winback backup` wrote.", "missing_file") from None
    except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError) as error:
        raise _damaged(path, last, str(error)) from None
    return _checked(path, contents, found)


def _place(info: tarfile.TarInfo, folder: Path, found: Mapping[str, Member], path: Path) -> Path:
    """Where a member goes; nothing but plain files with plain names below the folder is taken."""
    name = PurePosixPath(info.name)
    if not info.isreg() or name.is_absolute() or ".." in name.parts or "\\" in info.name or info.name in found:
        raise _damaged(path, f"'{info.name}'", "no file of a backup is called so")
    return folder.joinpath(*name.parts)


def _taken(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(info)
    if file is None:
        raise tarfile.ReadError("not a file")
    return file


def _written(tar: tarfile.TarFile, info: tarfile.TarInfo, place: Path) -> Member:
    place.parent.mkdir(parents=True, exist_ok=True)
    reading, size = Reading(_taken(tar, info)), 0
    with place.open("xb") as out:
        place.chmod(0o600)
        for block in iter(lambda: reading.read(_BLOCK), b""):
            size += out.write(block)
    return Member(size, reading.digest)


def _checked(path: Path, contents: Mapping[str, Any] | None, found: Mapping[str, Member]) -> Mapping[str, Any]:
    if contents is None or not isinstance(contents, dict):
        raise _damaged(path, f"'{CONTENTS}'", "it is missing: the backup was not finished, or is none of winback's")
    if contents.get("format") != FORMAT:
        raise InputProblem(
            f"{path} is of format {contents.get('format')}, and this version of winback reads format {FORMAT}. Use the "
            "version that wrote it.",
            "backup_format",
        )
    told = {name: Member(**one) for name, one in contents["members"].items()}
    for name in (*told, *found):
        if told.get(name) != found.get(name):
            why = "missing" if name not in found else "not in the list" if name not in told else "not what was put in"
            raise _damaged(path, f"'{name}'", f"it is {why}")
    return contents


def parts(folder: Path, pattern: str = "*") -> Iterator[Path]:
    """The files below a folder, in order; none where there is no folder."""
    yield from sorted(path for path in folder.rglob(pattern) if path.is_file())


def _damaged(path: Path, where: str, why: str) -> InputProblem:
    return InputProblem(
        f"{path} is damaged at {where}: {why}. Nothing was changed. Take another backup.", "damaged_backup"
    )
