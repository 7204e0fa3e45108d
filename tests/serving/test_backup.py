"""Backup and restore: everything acknowledged is in it, nothing half; a damaged one changes nothing."""

from __future__ import annotations

import io
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from features.business import Business, read_business
from features.log.ingest import ingest
from features.online.flush import flush
from features.online.place import URL, open_history, warm
from features.online.store import PostedEvent, Store
from features.past import open_past
from features.problems import InputProblem
from features.progress import Silent
from serving import batch
from serving.upkeep import backup as backing
from serving.upkeep import restore as restoring
from serving.upkeep.archive import CONTENTS
from serving.upkeep.backup import backup
from serving.upkeep.restore import STATE_FOLDER, WORK, exchanged, restore
from tests.features.conftest import emptied
from tests.postgres import Server, running
from tests.serving.conftest import NOW, Shop
from training.keeping.registry import champions

LATER = NOW + 1_000_000


def posted(number: int, user: str = "u1") -> PostedEvent:
    return PostedEvent(f"posted-{number}", user, NOW - number, "order", float(number))


def append(business: Business, *numbers: int) -> list[str]:
    store = open_history(business)
    try:
        return list(store.append([posted(number) for number in numbers], NOW))
    finally:
        store.close()


def saved(business: Business, name: str = "backup.tar.gz") -> Path:
    out = business.root / name
    backup(business, business.root / "winback.toml", out, LATER, Silent())
    return out


def scores(business: Business, name: str) -> bytes:
    batch.score(business, NOW, business.root / name, LATER, "en", Silent())
    return (business.root / name).read_bytes()


def history_times(business: Business, user: str = "u1") -> list[int]:
    store = open_history(business)
    try:
        return list(store.read([user]).histories[user].time.tolist())
    finally:
        store.close()


def everything(folder: Path) -> dict[str, bytes]:
    """What is in a state, the transient aside."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*") if path.is_file() and not path.name.endswith((".lock", "-wal", "-shm", ".tar.gz"))
    }  # fmt: skip


@pytest.fixture
def business(shop: Shop, tmp_path: Path) -> Business:
    """The shop with a log, a warm store and two events that were not flushed."""
    shutil.copytree(shop.config.parent, tmp_path / "shop", ignore=shutil.ignore_patterns("history.sqlite*", "bentoml"))
    own = read_business(tmp_path / "shop" / "winback.toml")
    restoring._moved(own.state, (shop.config.parent / ".winback" / "mlartifacts").resolve().as_uri(), own.state)
    ingest(own, NOW, Silent())
    store = open_history(own)
    warm(own, store, NOW, Silent())
    store.close()
    append(own, 1, 2)
    (own.state / "keys.json").write_text('{"a": "hash"}', "utf-8")
    return own


# Seen to fail when the registry kept the old folder's address.
def test_elsewhere_it_scores_the_same_and_knows_what_was_posted(business: Business, tmp_path: Path) -> None:
    out, before, times = saved(business), scores(business, "a.parquet"), history_times(business)
    assert out.stat().st_mode & 0o077 == 0
    said = restore(out, tmp_path / "elsewhere", False, Silent())
    shutil.rmtree(business.root)  # nothing may lead back there
    other = read_business(tmp_path / "elsewhere" / "winback.toml")
    assert said.files > 10
    assert scores(other, "a.parquet") == before
    assert all(one.folder.is_relative_to(other.state.resolve()) for one in champions(other).values())
    assert history_times(other) == times
    assert append(other, 1, 2, 3) == ["duplicate", "duplicate", "accepted"]
    assert (other.state / "keys.json").read_text() == '{"a": "hash"}'
    assert flush(other, open_history(other), LATER, Silent()).carried == 3
    assert not list((tmp_path / "elsewhere").glob(f"{WORK}*"))


def test_what_is_flushed_in_the_midst_of_it_is_in_it_once(business: Business, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Seen to fail with the log packed before the store: what was flushed in between was in neither.
    copied = backing.copied

    def flushed_around(*places: Any) -> None:
        for number, work in ((20, lambda: copied(*places)), (21, lambda: None)):
            append(business, number)
            flush(business, open_history(business), LATER, Silent())
            work()

    monkeypatch.setattr(backing, "copied", flushed_around)
    restore(saved(business), tmp_path / "there", False, Silent())
    there = read_business(tmp_path / "there" / "winback.toml")
    flush(there, open_history(there), LATER, Silent())
    ids = [one for one in open_past(there, LATER, Silent())[1].event_ids() if one.startswith("posted-")]
    assert sorted(ids) == ["posted-1", "posted-2", "posted-20", "posted-21"]


def test_a_writer_and_a_flush_do_not_disturb_it(business: Business, tmp_path: Path) -> None:
    acknowledged: list[int] = []
    stop = threading.Event()

    def write() -> None:
        store: Store = open_history(business)
        for number in itertools.count(10):
            if stop.is_set():
                break
            store.append([posted(number)], NOW)
            acknowledged.append(number)
            if number % 40 == 0:
                flush(business, store, LATER, Silent())
        store.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(acknowledged) < 50:
            time.sleep(0.01)
        for turn in range(3):
            before = list(acknowledged)
            out = saved(business, f"{turn}.tar.gz")
            after = [*acknowledged, acknowledged[-1] + 1]
            folder = tmp_path / f"turn{turn}"
            restore(out, folder, False, Silent())
            other = read_business(folder / "winback.toml")
            flush(other, open_history(other), LATER, Silent())
            past, account = open_past(other, LATER, Silent())
            ids = [one for one in account.event_ids() if one.startswith("posted-")]
            assert len(ids) == len(set(ids))
            known = {int(one.removeprefix("posted-")) for one in ids}
            assert {1, 2, *before} <= known <= {1, 2, *after}
            assert sum(part.event_count for part in past.buckets()) == past.event_count
    finally:
        stop.set()
        writer.join()


def repacked(archive: Path, change: str, name: str) -> Path:
    """The archive with one member changed, left out, added or linked."""
    out = archive.with_name(f"{change}.tar.gz")
    with tarfile.open(archive) as old, tarfile.open(out, "w:gz") as new:
        for info in old:
            file = old.extractfile(info)
            assert file is not None
            body = file.read()
            if info.name == name and change == "left out":
                continue
            if info.name == name and change == "changed":
                body = body[:-1] + bytes([body[-1] ^ 1])
            if info.name == CONTENTS and change in ("added", "up", "absolute", "linked"):
                extra = tarfile.TarInfo({"up": "../evil", "absolute": "/tmp/evil"}.get(change, "state/evil"))
                extra.size = 4
                if change == "linked":
                    extra.type, extra.linkname, extra.size = tarfile.SYMTYPE, "/etc/passwd", 0
                new.addfile(extra, io.BytesIO(b"evil"))
            info.size = len(body)
            new.addfile(info, io.BytesIO(body))
    return out


# Seen to fail without the comparison of digests, and with `tar.extractall`.
def test_a_damaged_archive_is_refused_by_name_and_changes_nothing(business: Business, tmp_path: Path) -> None:
    out = saved(business)
    before = everything(business.root)
    name = "state/history.sqlite"
    cases = {"changed": name, "left out": name, "added": "state/evil", "up": "../evil", "absolute": "/tmp/evil", "linked": "state/evil"}
    for change, named in cases.items():
        broken = repacked(out, change, name)
        with pytest.raises(InputProblem, match="damaged at") as caught:
            restore(broken, business.root, True, Silent())
        assert (caught.value.code, f"'{named}'" in str(caught.value)) == ("damaged_backup", True)
        broken.unlink()
    whole = out.read_bytes()
    for part in (whole[: len(whole) // 2], whole[:-4], whole[:1000] + b"x" + whole[1001:], b"no archive"):
        (tmp_path / "part.tar.gz").write_bytes(part)
        with pytest.raises(InputProblem, match="Nothing was changed"):
            restore(tmp_path / "part.tar.gz", business.root, True, Silent())
    with pytest.raises(InputProblem, match="does not exist"):
        restore(tmp_path / "none", business.root, True, Silent())
    assert everything(business.root) == before
    assert not (tmp_path / "evil").exists()


def test_a_state_is_replaced_only_by_force_and_then_whole(business: Business) -> None:
    out, before = saved(business), history_times(business)
    append(business, 5)
    with pytest.raises(InputProblem, match="--force") as caught:
        restore(out, business.root, False, Silent())
    assert caught.value.code == "existing_state"
    assert len(history_times(business)) == len(before) + 1
    (business.state / "stale").write_text("of the state before")
    restore(out, business.root, True, Silent())
    assert history_times(business) == before
    assert not (business.state / "stale").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from features.progress import Silent
from serving.upkeep import restore
def killed(*_): os.kill(os.getpid(), signal.SIGKILL)
place, name = sys.argv[1:3]
before = getattr(restore, name)
setattr(restore, name, killed if sys.argv[3] == "before" else lambda *a: (before(*a), killed()))
restore.restore(Path(place) / "backup.tar.gz", Path(place), True, Silent())
"""


@pytest.mark.parametrize(("name", "when", "new"), [
    ("_moved", "after", False), ("exchanged", "after", True),
])  # fmt: skip
def test_a_kill_leaves_the_old_state_or_the_new_one(business: Business, name: str, when: str, new: bool) -> None:
    saved(business)
    append(business, 5)
    command = [sys.executable, "-c", KILLED, str(business.root), name, when]
    done = subprocess.run(command, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert (NOW - 5 in history_times(business)) != new
    restore(business.root / "backup.tar.gz", business.root, True, Silent())
    assert NOW - 5 not in history_times(business)
    assert not list(business.root.glob(f"{WORK}*"))


def test_two_folders_change_places_also_where_the_system_has_no_call_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "is").write_text(name)
    exchanged(tmp_path / "new", tmp_path / "old")
    assert [(tmp_path / name / "is").read_text() for name in ("new", "old")] == ["old", "new"]
    monkeypatch.setattr(restoring.ctypes, "CDLL", lambda *_: object())
    exchanged(tmp_path / "new", tmp_path / "old")
    assert [(tmp_path / name / "is").read_text() for name in ("new", "old")] == ["new", "old"]
    exchanged(tmp_path / "new", tmp_path / STATE_FOLDER)
    assert (tmp_path / STATE_FOLDER / "is").read_text() == "new"


@pytest.fixture
def postgres() -> Iterator[Server]:
    with running() as server:
        yield server


def test_from_either_engine_into_the_other(business: Business, tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    times = history_times(business)
    out = saved(business)
    monkeypatch.setenv(URL, emptied(postgres))
    restore(out, tmp_path / "there", False, Silent())
    there = read_business(tmp_path / "there" / "winback.toml")
    assert history_times(there) == times
    assert not (there.state / "history.sqlite").exists()
    assert append(there, 1, 7) == ["duplicate", "accepted"]
    times = history_times(there)
    out = saved(there)
    with pytest.raises(InputProblem, match="PostgreSQL at 127"):
        restore(out, tmp_path / "again", False, Silent())
    monkeypatch.delenv(URL)
    restore(out, tmp_path / "back", False, Silent())
    back = read_business(tmp_path / "back" / "winback.toml")
    assert history_times(back) == times
    assert append(back, 1, 7, 8) == ["duplicate", "duplicate", "accepted"]
    assert os.environ.get(URL) is None
