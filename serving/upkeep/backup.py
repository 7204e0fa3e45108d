"""Everything that a business cannot make again, in one file, while the service goes on: log, store, models, keys."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from features.business import Business
from features.clock import format_instant
from features.log.locks import reading
from features.log.manifest import FOLDER, MANIFEST, REJECTED, SEGMENTS, log_folder, read_manifest
from features.online.carrying import copied
from features.online.place import FILE as STORE
from features.online.place import open_history
from features.progress import Progress
from features.pseudonyms import KEY
from features.whole_file import whole_file
from serving.upkeep.archive import Packing, parts
from training.keeping.registry import is_own

CONFIG, STATE, BESIDE = "winback.toml", "state", "beside"
REGISTRY, ARTIFACTS = "mlflow.db", "mlartifacts"
KEPT = (  # files and folders
    "keys.json", "forgotten.json", "outputs.json", "id_key.json", "rejected.csv", "forgotten", "serving",
)  # fmt: skip


@dataclass(frozen=True)
class BackedUp:
    """What a backup has in it.  size: bytes of the file.  missing: what could not be in it, and why."""

    out: Path
    members: int
    size: int
    missing: tuple[str, ...]

    def lines(self) -> list[str]:
        """For a person to read."""
        said = [f"{self.out}: {self.members:,} files, {self.size / 1e6:,.1f} MB. Bring it back with `winback restore`."]
        return [*said, *(f"Not in it: {one}" for one in self.missing)]


def backup(business: Business, config: Path, out: Path, now: int, progress: Progress) -> BackedUp:
    """Write one consistent archive; every event that was acknowledged before is in it, once.

    The store is copied before the log is looked at: an event that is flushed in between is in both, and is known by its
    id when the backup is used.  Raises InputProblem: unwritable_file, damaged_log; StoreUnavailable.
    """
    about = {"at": format_instant(now), "artifacts": (business.state / ARTIFACTS).resolve().as_uri()}
    business.state.mkdir(parents=True, exist_ok=True)
    with whole_file(out, 0o600) as draft, tempfile.TemporaryDirectory(dir=business.state, prefix="backup-") as name:
        with draft.open("wb") as file, progress.step(f"writing {out}"):
            packing = Packing(file, about)
            _pack(business, config, packing, Path(name))
            packing.finish()
        size = draft.stat().st_size
    return BackedUp(out, len(packing.members), size, tuple(_missing(business)))


def _pack(business: Business, config: Path, packing: Packing, work: Path) -> None:
    packing.add(config, CONFIG)
    custom = business.root / business.features.custom if business.features.custom else None
    if custom and custom.is_file() and custom.resolve().is_relative_to(business.root.resolve()):
        packing.add(custom, f"{BESIDE}/{custom.resolve().relative_to(business.root.resolve()).as_posix()}")
    store = open_history(business)
    copied(store.database, work / STORE)
    store.close()
    packing.add(work / STORE, f"{STATE}/{STORE}")
    with contextlib.ExitStack() as held:
        for path, under in _log(business, held):
            packing.add(path, f"{STATE}/{FOLDER}/{under}")
        for kept in KEPT:
            place = business.state / kept
            for path in [place] if place.is_file() else parts(place):
                packing.add(path, f"{STATE}/{path.relative_to(business.state).as_posix()}")
    if is_own(business) and (business.state / REGISTRY).exists():
        _copy(business.state / REGISTRY, work / REGISTRY)  # first: what it names is on disk already
        packing.add(work / REGISTRY, f"{STATE}/{REGISTRY}")
        for path in parts(business.state / ARTIFACTS):
            packing.add(path, f"{STATE}/{path.relative_to(business.state).as_posix()}")


def _log(business: Business, held: contextlib.ExitStack) -> Iterator[tuple[Path, str]]:
    """The files of the log as it is at one moment; no segment goes while `held` is open."""
    folder = log_folder(business)
    if read_manifest(folder) is None:
        return
    held.enter_context(reading(folder))
    work = Path(held.enter_context(tempfile.TemporaryDirectory(dir=business.state, prefix="backup-")))
    (work / MANIFEST).write_bytes((folder / MANIFEST).read_bytes())
    manifest = read_manifest(work)
    assert manifest is not None, "it was there a moment ago"
    yield work / MANIFEST, MANIFEST
    for segment in manifest.segments:
        for path in parts(folder / SEGMENTS / segment.name):
            yield path, f"{SEGMENTS}/{segment.name}/{path.name}"
    for path in sorted((folder / REJECTED).glob("*.parquet")):
        yield path, f"{REJECTED}/{path.name}"


def _copy(source: Path, target: Path) -> None:
    """A SQLite database at one moment."""
    with contextlib.closing(sqlite3.connect(source)) as old, contextlib.closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _missing(business: Business) -> Iterator[str]:
    if not is_own(business):
        yield "the registry of models, which is not beside winback.toml; back MLflow up where it is."
    if business.events.hash_users:
        yield f"the secret of {KEY}; without it nobody's history can be found again."
    yield "the sources of events; the log has what was ingested."
