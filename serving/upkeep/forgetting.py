"""Forget a user: erased wherever winback keeps events, scores or tests, with a receipt of what was and what was not."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa

from features import outputs
from features.business import Business
from features.clock import format_instant
from features.forgotten import Forgotten, bury, forgotten
from features.log.compaction import compact
from features.log.forgetting import Traces, hide, traces
from features.log.manifest import SEGMENTS, log_folder, read_manifest
from features.online import forgetting as online
from features.online.place import open_history
from features.outputs import Output
from features.past import open_past
from features.problems import InputProblem
from features.progress import Progress
from features.pseudonyms import pseudonyms_of
from features.rejects import SCHEMA, mentions
from features.whole_file import whole_file
from training.keeping.forgetting import Learned, holdouts, learned_from
from training.keeping.registry import is_own, tracking_uri

FOLDER = "forgotten"
_BACKUPS = "Backups (`winback backup`, and others) made before now have the user: throw them away, or forget again "


@dataclass(frozen=True)
class Receipt:
    """What was erased where.  user: a salted hash, never the id.  at: ISO 8601.

    log_events, rejected_rows, posted_events: how many.  online_history: whether there was one.  files, tests: with rows
    of the user.  remains: what is still there, and until when.  out_of_reach: what winback cannot erase.
    models: that may have learned from the user.
    """

    user: str
    at: str
    log_events: int
    rejected_rows: int
    posted_events: int
    online_history: bool
    files: tuple[Output, ...]
    tests: dict[str, int]
    remains: tuple[str, ...]
    out_of_reach: tuple[str, ...]
    models: tuple[Learned, ...]
    written: Path = field(default=Path())

    def lines(self) -> list[str]:
        """For a person to read, and to keep."""
        history = "the history and" if self.online_history else "no history and"
        said = [
            f"Forgotten at {self.at} (the user as a salted hash: {self.user}).",
            f"Event log: {self.log_events:,} events hidden from every reader.",
            f"Rejected rows: {self.rejected_rows:,} erased.",
            f"Online store: {history} {self.posted_events:,} posted events erased, and the ids of all these events.",
        ]
        said += [f"File {one.path}: {_fate(one)}" for one in self.files if one.fate != "without the user"]
        said += [f"Test of a model {path}: {rows:,} rows erased." for path, rows in self.tests.items()]
        said += [f"Remains: {one}" for one in self.remains]
        said += [f"Out of reach: {one}" for one in self.out_of_reach]
        if self.models:
            said.append("Models that may have learned from the user, among others (retrain to be sure):")
            said += [f"  {_named(one)}" for one in self.models]
        return [*said, *([f"Receipt: {self.written}"] if self.written != Path() else [])]


def _fate(one: Output) -> str:
    if one.fate == "erased":
        return f"{one.rows:,} row{'s' if one.rows != 1 else ''} erased."
    if one.fate == "gone":
        return "no longer there; a copy elsewhere still has the user."
    if one.fate == "to be written anew":
        return "names the user; write it anew with `winback report`."
    return f"not changed, {one.why}; erase the user there yourself."


def _named(one: Learned) -> str:
    return f"{one.name}, data until {one.until}{', the champion of today' if one.champion else ''}"


def forget(business: Business, named: str, now: int, at_once: bool, progress: Progress) -> Receipt:
    """Erase a user; what is too large to rewrite now is hidden at once and goes at the next compaction.

    named: the id as sources and callers write it.  now: microseconds UTC.  at_once: compact the log too.
    To ask twice, or again after a kill, is fine.
    Raises InputProblem (unknown_user) when nothing of the user is known anywhere, StoreUnavailable.
    """
    user = pseudonyms_of(business).of(named)
    stones = forgotten(business)
    with progress.step("looking for the user"):
        found, first = _found(business, user, stones, now, progress)
    with progress.step("forgetting"):
        stones = bury(business, user, max(now, found.last or now))
        store = open_history(business)
        there = online.erase(store, user, stones, found.event_ids)  # first: from then on no flush carries any more
        in_log = hide(business, user, stones, progress)
        if carried := set(in_log.event_ids) - set(found.event_ids):
            online.erase(store, user, stones, carried)
        store.close()
        files, tests = outputs.erase(business, user), holdouts(business, user)
        rejected = in_log.rejected + _drop_from_rejects(business, user)
        if at_once and read_manifest(log_folder(business)) is not None:
            compact(business, progress)
    receipt = Receipt(
        stones.mark(user), format_instant(now), in_log.count, rejected, len(there.posted), there.known, tuple(files),
        {str(path): rows for path, rows in tests.items()}, _remains(business, in_log.count, at_once),
        _out_of_reach(business, named), tuple(learned_from(business, first) if first is not None else ()),
    )  # fmt: skip
    return _written(business, receipt, now)


def _found(business: Business, user: str, stones: Forgotten, now: int, progress: Progress) -> tuple[Traces, int | None]:
    """What the log has, and when the first event of the user was as far as anybody knows."""
    found = traces(business, user, stones)
    store = open_history(business)
    there = online.held(store, user)
    store.close()
    first = found.first
    if read_manifest(log_folder(business)) is None:
        first = _first_in_source(business, user, now, progress)
    if first is None:
        first = there.newest
    seen = found.count or found.rejected or there.known or there.posted or first is not None
    if not seen and stones.until(user) is None and not _in_files(business, user):
        raise InputProblem(
            "No event, score file or test knows this user, so there is nothing to forget. Write the id as the source "
            "writes it. Nothing was changed.",
            "unknown_user",
        )
    return found, first


def _in_files(business: Business, user: str) -> bool:
    return bool(holdouts(business, user, dry=True)) or any(one.rows for one in outputs.erase(business, user, dry=True))


def _first_in_source(business: Business, user: str, now: int, progress: Progress) -> int | None:
    """Without an event log, the source is what is read; a source that cannot be read knows nobody."""
    try:
        past, _ = open_past(business, now, progress)
    except InputProblem:
        return None
    for part in past.buckets():
        for at in (part.users == user).nonzero()[0].tolist():
            return int(part.time[part.offsets[at]])
    return None


def _drop_from_rejects(business: Business, user: str) -> int:
    """Rewrite the file of rejected rows that `winback check` left."""
    path = business.state / "rejected.csv"
    if not path.exists():
        return 0
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = pa.table({"text": [row.get("text") or "" for row in rows]})
    named = mentions(table, user)
    if named.any():
        with whole_file(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
            out = csv.DictWriter(file, SCHEMA.names, quoting=csv.QUOTE_NONNUMERIC)
            out.writeheader()
            out.writerows(row for row, gone in zip(rows, named, strict=True) if not gone)
    return int(named.sum())


def _remains(business: Business, events: int, at_once: bool) -> tuple[str, ...]:
    manifest = read_manifest(log_folder(business))
    if manifest is None:
        return ()
    named = {segment.name for segment in manifest.segments}
    held = [one.name for one in (log_folder(business) / SEGMENTS).glob("*") if one.name not in named]
    if held:
        return ("old segments of the log that another process reads at this moment; they go at the next `winback "
                "compact` or `winback ingest`.",)  # fmt: skip
    if at_once or not events:
        return ()
    return (f"{events:,} events in the files of the event log, unseen by every reader; `winback compact` takes them "
            "from the disk.",)  # fmt: skip


def _out_of_reach(business: Business, named: str) -> tuple[str, ...]:
    said = [
        f"the source itself ({business.events.source}); what is read from it again is left out, but it has the user.",
        f"{_BACKUPS}after each restore.",
    ]
    if not is_own(business):
        said.append(f"the tests of models in {tracking_uri(business)} (holdout.parquet of each run).")
    if business.events.hash_users:
        said.append("what others wrote down under the clear id.")
    return tuple(said)


def _written(business: Business, receipt: Receipt, now: int) -> Receipt:
    """Keep the receipt as JSON and as text."""
    place = business.state / FOLDER / f"{receipt.user[:16]}-{format_instant(now)[:19].replace(':', '')}.json"
    body = asdict(receipt)
    del body["written"]
    with whole_file(place) as draft:
        draft.write_text(json.dumps(body, indent=1, ensure_ascii=False), "utf-8")
    with whole_file(place.with_suffix(".txt")) as draft:
        draft.write_text("\n".join(receipt.lines()) + "\n", "utf-8")
    return Receipt(**{**vars(receipt), "written": place})


def receipts(business: Business) -> Sequence[Path]:
    """Every receipt, the oldest first by name of the user's hash."""
    return sorted((business.state / FOLDER).glob("*.json"))
