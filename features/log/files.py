"""Which files of a source the log has, and which it has not: judged by their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from features.business import Business
from features.log.manifest import FileFacts, Manifest
from features.problems import InputProblem
from features.progress import Progress
from features.sources.columns import source_files
from features.sources.content import unreadable


def new_files(
    business: Business, known: Mapping[str, FileFacts], progress: Progress
) -> tuple[dict[Path, FileFacts], int]:
    """The files whose content is not in the log, and how many are; none and 0 for a source without files."""
    paths = [path.resolve() for path in source_files(business)]
    digests = {facts.digest for facts in known.values()}
    fresh: dict[Path, FileFacts] = {}
    for path in progress.track(paths, f"comparing {business.events.source} with the log") if known else paths:
        facts = facts_of(path)
        if facts.digest in digests:
            continue
        if str(path) in known and not business.events.event_id:
            raise _changed(path)
        fresh[path] = facts
        digests.add(facts.digest)
    return fresh, len(paths) - len(fresh)


def facts_of(path: Path) -> FileFacts:
    """A file as it is now; its digest is of its content alone.  Raises InputProblem: missing_file, unreadable_file."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
        stat = path.stat()
    except OSError as error:
        raise unreadable(path, error) from None
    return FileFacts(digest.hexdigest(), stat.st_size, stat.st_mtime_ns)


def files_behind(manifest: Manifest, paths: Sequence[Path]) -> list[Path]:
    """Files of a source that the log does not have as they are now, judged by size and time of change.

    A file that is gone is no matter: the log has what was in it.
    """
    behind = []
    for path in paths:
        if not path.exists():
            continue
        known, stat = manifest.files.get(str(path.resolve())), path.stat()
        if known is None or (known.size, known.modified) != (stat.st_size, stat.st_mtime_ns):
            behind.append(path)
    return behind


def events_in(files: Mapping[Path, FileFacts]) -> int:
    """About how many events files hold, to choose the number of buckets by."""
    return sum(_events_in(path, facts) for path, facts in files.items())


def _events_in(path: Path, facts: FileFacts) -> int:
    """About how many events a file holds."""
    with path.open("rb") as file:
        magic = file.read(4)
    if magic == b"PAR1":
        return int(pq.read_metadata(path).num_rows)
    packed = magic[:2] in (b"\x1f\x8b", b"PK")
    return facts.size // (8 if packed else 60)


def _changed(path: Path) -> InputProblem:
    return InputProblem(
        f"{path} has changed since it was ingested, and without event ids nobody can tell which of its rows are new: "
        "they would count twice. Set event_id under [events], or bring the new rows as a file of their own.",
        "changed_file",
    )
