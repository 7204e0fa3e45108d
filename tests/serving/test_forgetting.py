"""`winback forget`: gone from every file that winback keeps or wrote, with a receipt that tells no id."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features import outputs
from features.business import Business, read_business
from features.clock import parse_instant
from features.log.compaction import compact
from features.log.ingest import ingest
from features.online.place import open_history, warm
from features.online.store import PostedEvent
from features.past import open_past
from features.problems import InputProblem
from features.progress import Silent
from features.pseudonyms import KEY
from serving.stages import write_stages
from serving.upkeep.forgetting import forget
from tests.serving.conftest import CONFIG, NOW, Shop, write_log
from training.keeping import forgetting, runs

USER, OTHER = "u7", "u8"
LATER = NOW + 1_000_000


def user_ids(path: Path) -> list[str]:
    return list(pq.read_table(path)["user_id"].to_pylist())


@pytest.fixture
def business(shop: Shop, tmp_path: Path) -> Business:
    """The shop with a log, a warm store and posted events, and files with rows of users."""
    shutil.copytree(shop.config.parent, tmp_path / "shop", ignore=shutil.ignore_patterns("history.sqlite*", "bentoml"))
    own = read_business(tmp_path / "shop" / "winback.toml")
    ingest(own, NOW, Silent())
    store = open_history(own)
    warm(own, store, NOW, Silent())
    posted = [PostedEvent(f"p-{user}", user, NOW - 5, "order", 3.0) for user in (USER, OTHER)]
    store.append(posted, NOW)
    store.close()
    return own


def with_files(business: Business) -> dict[str, Path]:
    """One of each sort of file, and one that is gone."""
    root = business.root / "out"
    files = {name: root / name for name in ("stages.parquet", "list.csv", "report.html", "gone.parquet")}
    write_stages(business, None, files["stages.parquet"], NOW, Silent())
    rows = [[1, OTHER, "a,b"], [2, USER, "line\nbreak"], [3, f"{USER}0", ""]]
    with files["list.csv"].open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([["rank", "user_id", "reasons"], *rows])
    files["report.html"].write_text(f"<td>{USER}</td>", "utf-8")
    outputs.remember(business, *files.values())
    return files


def test_gone_from_everything_that_winback_keeps(business: Business) -> None:
    files = with_files(business)
    before = user_ids(files["stages.parquet"])
    test = business.state / "mlartifacts" / "run" / runs.HOLDOUT
    test.parent.mkdir(parents=True)
    pd.DataFrame({"user_id": [USER, OTHER, USER], "y": [0, 1, 1]}).to_parquet(test)
    had = sum(user == USER for part in open_past(business, NOW, Silent())[0].buckets() for user in part.users[part.owner])
    receipt = forget(business, USER, LATER, False, Silent())
    assert (receipt.log_events, receipt.posted_events, receipt.online_history) == (had, 1, True)
    assert [(Path(one.path).name, one.fate, one.rows) for one in receipt.files] == [
        ("stages.parquet", "erased", 1), ("list.csv", "erased", 1), ("report.html", "to be written anew", 1), ("gone.parquet", "gone", 0),
    ]  # fmt: skip
    assert user_ids(files["stages.parquet"]) == [user for user in before if user != USER]
    assert files["list.csv"].read_bytes() == '\ufeffrank,user_id,reasons\r\n1,u8,"a,b"\r\n3,u70,\r\n'.encode()
    assert pd.read_parquet(test)["user_id"].tolist() == [OTHER]
    assert list(receipt.tests.values()) == [2]
    assert {one.name for one in receipt.models} == {f"winback-{task}/1" for task in ("churn", "conversion", "ltv")}
    assert all(one.champion for one in receipt.models)
    store = open_history(business)
    assert set(store.read([USER, OTHER]).histories) == {OTHER}
    store.close()
    text = receipt.written.with_suffix(".txt").read_text()
    assert "winback compact" in text
    assert "write it anew with `winback report`" in text
    assert USER not in receipt.written.read_text().replace(str(business.root), "")
    assert json.loads(receipt.written.read_text())["log_events"] == had
    assert compact(business, Silent()).erased == had


def test_asking_twice_is_fine_and_a_stranger_is_refused(business: Business) -> None:
    with_files(business)
    first = forget(business, USER, LATER, True, Silent())
    assert not first.remains
    again = forget(business, USER, LATER + 1, False, Silent())
    assert (again.log_events, again.posted_events, again.online_history) == (0, 0, False)
    assert {one.fate for one in again.files} == {"without the user", "gone", "to be written anew"}
    with pytest.raises(InputProblem, match="nothing to forget") as caught:
        forget(business, "a stranger", LATER, False, Silent())
    assert caught.value.code == "unknown_user"


def test_a_kill_after_the_tombstone_is_made_good_by_asking_again(business: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    # Seen to fail with `before` taken from the tombstones instead of the manifest: the counts kept the user for ever.
    expected = open_past(business, NOW, Silent())[0].event_count

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("serving.upkeep.forgetting.hide", killed)
        with pytest.raises(KeyboardInterrupt):
            forget(business, USER, LATER, False, Silent())
    receipt = forget(business, USER, LATER + 1, False, Silent())
    past = open_past(business, NOW, Silent())[0]
    assert receipt.log_events > 0
    assert past.event_count == expected - receipt.log_events == sum(part.event_count for part in past.buckets())


def test_what_cannot_be_rewritten_is_named(tmp_path: Path) -> None:
    (tmp_path / "winback.toml").write_text(CONFIG, "utf-8")
    own = read_business(tmp_path / "winback.toml")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and then nothing")
    folder = tmp_path / "spark"
    folder.mkdir()
    pq.write_table(pa.table({"user_id": [USER, OTHER]}), folder / "part-0.parquet")
    (folder / ".part-0.parquet.crc").write_bytes(b"of the old bytes")
    outputs.remember(own, tmp_path / "broken.parquet", folder, "s3a://bucket/scores", folder)
    assert [one.fate for one in outputs.erase(own, USER)] == ["out of reach", "erased", "out of reach"]
    assert user_ids(folder / "part-0.parquet") == [OTHER]
    assert not (folder / ".part-0.parquet.crc").exists()


def test_metadata_and_compression_of_a_score_file_stay(tmp_path: Path) -> None:
    (tmp_path / "winback.toml").write_text(CONFIG, "utf-8")
    own, path = read_business(tmp_path / "winback.toml"), tmp_path / "scores.parquet"
    reasons = [[{"task": "churn", "effect": 0.5}], None, []]
    table = pa.table({"user_id": [OTHER, USER, "x"], "reasons": reasons}).replace_schema_metadata({"winback": "{}"})
    pq.write_table(table, path, row_group_size=2, compression="lz4")
    outputs.remember(own, path)
    outputs.erase(own, USER)
    kept = pq.ParquetFile(path)
    assert kept.read().to_pylist() == table.take([0, 2]).to_pylist()
    assert kept.schema_arrow.metadata[b"winback"] == b"{}"
    assert kept.metadata.row_group(0).column(0).compression == "LZ4"
    assert forgetting.HOLDOUT == runs.HOLDOUT


def winback(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command: Sequence[str] = [sys.executable, "-m", "winback", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)


def test_the_command_forgets_by_the_clear_id_where_ids_are_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "a secret of 16 letters or more")
    write_log(tmp_path / "events.csv", 30)
    (tmp_path / "winback.toml").write_text(CONFIG.replace('event_id = "id"', 'event_id = "id"\nhash_users = true'), "utf-8")
    assert winback(tmp_path, "ingest").returncode == 0
    written = winback(tmp_path, "score", "--stages", "--out", "scores.parquet")
    assert written.returncode == 0, written.stderr
    done = winback(tmp_path, "forget", USER, "--now")
    assert done.returncode == 0, done.stderr
    assert "scores.parquet: 1 row erased" in done.stdout
    assert "Receipt:" in done.stdout
    assert len(user_ids(tmp_path / "scores.parquet")) == 33
    unknown = winback(tmp_path, "forget", "a stranger")
    assert unknown.returncode == 2
    assert "nothing to forget" in unknown.stderr
    business = read_business(tmp_path / "winback.toml")
    assert open_past(business, parse_instant("2026-02-01"), Silent())[0].user_count == 33
    assert replace(forget(business, OTHER, LATER, False, Silent()), written=Path()).log_events > 0
