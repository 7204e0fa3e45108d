"""`winback status`: what it says is so, what is missing is said with what to do, and nothing is changed by looking."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from features.business import read_business
from features.clock import format_instant
from features.log.ingest import ingest
from features.log.manifest import MANIFEST, log_folder
from features.online.flush import flush
from features.online.place import URL, open_history, warm
from features.online.store import PostedEvent
from features.progress import Silent
from serving.upkeep.restore import _moved
from serving.upkeep.status import Status, status
from tests.serving.conftest import CONFIG, NOW, Shop, write_log
from training.keeping.registry import champions

LATER = NOW + 3_600_000_000


def missing(found: Status) -> list[str]:
    return [one.what for one in found.missing]


def test_an_empty_business_is_told_what_to_do_and_stays_empty(tmp_path: Path) -> None:
    # Seen to fail when looking made a store.
    (tmp_path / "winback.toml").write_text(CONFIG, "utf-8")
    found = status(read_business(tmp_path / "winback.toml"), NOW)
    assert missing(found) == ["no event log", "no store of histories", *(f"no champion for {task}" for task in ("churn", "conversion", "ltv"))]
    assert all("`winback " in one.do for one in found.missing)
    assert [path.name for path in tmp_path.iterdir()] == ["winback.toml"]
    assert (found.newest_event, found.lag_seconds, found.champions) == (None, None, ())


def test_it_says_what_is_so(shop: Shop, tmp_path: Path) -> None:
    shutil.copytree(shop.config.parent, tmp_path / "shop", ignore=shutil.ignore_patterns("history.sqlite*", "bentoml", "serving"))
    own = read_business(tmp_path / "shop" / "winback.toml")
    _moved(own.state, (shop.config.parent / ".winback" / "mlartifacts").resolve().as_uri(), own.state)
    log = ingest(own, NOW, Silent()).log
    store = open_history(own)
    assert missing(status(own, NOW)) == ["the store is behind the event log"]
    past, _ = warm(own, store, NOW, Silent())
    store.append([PostedEvent("p1", "u1", NOW - 5_000_000, "order", 1.0), PostedEvent("p2", "u2", NOW - 9_000_000, "order", 1.0)], NOW)
    found = status(own, LATER)
    assert found.missing == ()
    assert found.log is not None
    assert found.store is not None
    assert (found.log.events, found.log.segments, found.log.last_flush) == (log.events, 1, None)
    assert found.log.last_ingest == format_instant(NOW)
    assert (found.store.engine, found.store.users, found.store.waiting) == ("SQLite", past.user_count, 2)
    assert found.store.oldest_waiting_seconds == 3600.0
    assert (found.newest_event, found.lag_seconds) == (format_instant(NOW - 5_000_000), 3605.0)
    held = champions(own)
    assert [(one.version, one.grade, one.until) for one in found.champions] == [
        (f"{one.name}/{one.version}", one.bundle.grade, format_instant(one.bundle.origin.until)) for one in held.values()
    ]
    flush(own, store, LATER, Silent())
    store.close()
    (own.root / "events.csv").write_text("id,who,at,what,worth,page\n", "utf-8")
    after = status(own, LATER)
    assert after.log is not None
    assert after.store is not None
    assert (after.log.last_flush, after.log.last_ingest, after.log.behind) == (format_instant(LATER), format_instant(NOW), 1)
    assert after.store.waiting == 0
    text = "\n".join(after.lines())
    assert "1 file of the source not in it yet (`winback ingest`)" in text
    assert "no posted event waits" in text
    (own.state / "mlflow.db").write_bytes(b"no database")
    (log_folder(own) / MANIFEST).write_text("{", "utf-8")
    (own.state / "history.sqlite").write_bytes(b"no database" * 100)
    assert missing(status(own, LATER))[:3] == ["event log", "store of histories", "the registry of models"]


def test_a_database_that_is_away_is_said_and_not_waited_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "winback.toml").write_text(CONFIG, "utf-8")
    monkeypatch.setenv(URL, "postgresql://nobody@127.0.0.1:1/none")
    found = status(read_business(tmp_path / "winback.toml"), NOW)
    assert found.store is None
    assert "store of histories" in missing(found)


def test_the_command_imports_no_mlflow_and_speaks_json(tmp_path: Path) -> None:
    write_log(tmp_path / "events.csv", 5)
    (tmp_path / "winback.toml").write_text(CONFIG, "utf-8")
    (tmp_path / ".winback").mkdir()
    code = "import sys, winback\ntry:\n winback.main()\nfinally:\n assert 'mlflow' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code, "status", "--json"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["log"] is None
    assert found["disk"]["free"] > 0
    assert {"what", "do"} == set(found["missing"][0])
