"""A flush that is killed at any step, again and again, while events go on being posted."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from features.business import read_business
from features.log.ingest import ingest
from features.log.manifest import SEGMENTS, log_folder, read_manifest
from features.online.flush import flush
from features.online.place import warm
from features.online.store import PostedEvent, Store
from features.past import open_past
from features.progress import Silent
from tests.features.conftest import NewStore, new_store, server  # noqa: F401 fixtures
from tests.features.test_log import CONFIG, END, NOW, made, shop
from tests.features.test_store import journal_size, processes

_WATCHED = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}
SOURCE = 60


@pytest.fixture
def url(new_store: NewStore) -> str:  # noqa: F811
    return new_store()


def posted(low: int, high: int) -> list[PostedEvent]:
    return [PostedEvent(f"p{n}", f"u{n % 11}", END + n, ("order", "login")[n % 2], 0.25 * n) for n in range(low, high)]


def killed_at(number: int, folder: str) -> None:
    """Kill this process at its `number`-th operation on a file in `folder`, statement or commit."""
    count = 0

    def step(*_: object) -> None:
        nonlocal count
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1

    def watch(event: str, args: tuple[object, ...]) -> None:
        if event in _WATCHED and args and isinstance(args[0], str | bytes | os.PathLike) and folder in os.fsdecode(args[0]):
            step()

    sys.addaudithook(watch)
    sa.event.listen(sa.Engine, "before_cursor_execute", step)
    sa.event.listen(sa.Engine, "commit", step)


def _flush(url: str, config: str, number: int | None) -> None:
    business = read_business(Path(config))
    if number is not None:
        killed_at(number, str(log_folder(business)))
    flush(business, Store(url, "UTC"), NOW, Silent())


def flushed(url: str, config: Path, number: int | None = None, seconds: float | None = None) -> int:
    """Flush in a process that dies at a step, or after so many seconds; how it ended."""
    process = processes().Process(target=_flush, args=(url, str(config), number))
    process.start()
    if seconds is not None:
        time.sleep(seconds)
        process.kill()
    process.join(120)
    assert process.exitcode is not None
    return process.exitcode


def prepared(folder: Path, url: str) -> tuple[Path, Store]:
    business = shop(folder, made(events=SOURCE), CONFIG)
    ingest(business, NOW, Silent())
    store = Store(url, "UTC")
    warm(business, store, NOW, Silent())
    return folder / "winback.toml", store


def all_there(config: Path, url: str, count: int) -> None:
    """Every posted event is in the log once and in the store once, and neither is taken for another's."""
    business, store = read_business(config), Store(url, "UTC")
    past, account = open_past(business, NOW, Silent())
    ids = sorted(account.event_ids())
    assert ids == sorted([f"id{n}" for n in range(SOURCE)] + [f"p{n}" for n in range(count)])
    assert past.event_count == SOURCE + count
    known = store.read([f"u{n}" for n in range(11)]).histories
    assert sum((history.time >= END).sum() for history in known.values()) == count
    assert journal_size(url) == 0
    assert not warm(business, store, NOW, Silent())[1], "the store knows this log as its own"
    manifest = read_manifest(log_folder(business))
    assert manifest is not None
    assert len(list((log_folder(business) / SEGMENTS).iterdir())) == len(manifest.segments)


def _kill_at_steps(tmp_path: Path, url: str, stride: int) -> None:
    """Every try finds what the one before left behind, and a few more events."""
    config, store = prepared(tmp_path, url)
    step, count, ended = 0, 0, -signal.SIGKILL
    while ended == -signal.SIGKILL:
        assert step < 300
        assert store.append(posted(count, count + 3), END) == ["accepted"] * 3
        count += 3
        ended = flushed(url, config, number=step)
        step += stride
        assert store.append(posted(0, count), END) == ["duplicate"] * count
    assert ended == 0
    assert step > 30, "too few steps to speak of any instant"
    all_there(config, url, count)


# Seen to fail with the journal forgotten before the log is published.
def test_a_flush_killed_at_some_of_its_steps(tmp_path: Path, url: str) -> None:
    _kill_at_steps(tmp_path, url, 9)


@pytest.mark.soak
def test_a_flush_killed_at_each_of_its_steps(tmp_path: Path, url: str) -> None:
    _kill_at_steps(tmp_path, url, 1)


def _kill_at_random(tmp_path: Path, url: str, laps: int) -> None:
    config, store = prepared(tmp_path, url)
    dice = random.Random(laps)
    for lap in range(laps):
        assert store.append(posted(400 * lap, 400 * lap + 400), END) == ["accepted"] * 400
        assert flushed(url, config, seconds=dice.uniform(0.05, 0.6)) in (0, -signal.SIGKILL)
    assert flushed(url, config) == 0
    all_there(config, url, 400 * laps)


def test_a_flush_killed_by_the_clock(tmp_path: Path, url: str) -> None:
    _kill_at_random(tmp_path, url, 6)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_flush_killed_by_the_clock_many_times(tmp_path: Path, url: str) -> None:
    _kill_at_random(tmp_path, url, 150)
