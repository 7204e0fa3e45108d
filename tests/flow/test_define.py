"""`winback define` as a person types it: an answer on a good log, and a paragraph where it cannot answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.made import shop, write_shop

ROOT = Path(__file__).parents[2]


def winback(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "winback", *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_it_compares_recommends_and_writes_every_figure(tmp_path: Path) -> None:
    write_shop(tmp_path, shop(300, 300))
    done = winback(tmp_path, "define", "--out", "definitions.json")
    assert (done.returncode, "asking" in done.stderr) == (0, True), done.stderr
    found = json.loads((tmp_path / "definitions.json").read_text("utf-8"))
    used = [row for row in found["churn"]["alternatives"] if row["in_use"]]
    assert [row["definition"]["horizon_days"] for row in used] == [45]
    last = used[0]["moments"][-1]
    assert f"{last['outcome']:,}/{last['asked']:,}" in done.stdout
    assert "Recommended" in done.stdout
    chinese = winback(tmp_path, "define", "--lang", "zh")
    assert (chinese.returncode, "推荐" in chinese.stdout, "Recommended" in chinese.stdout) == (0, True, False)


def test_a_kind_that_the_log_lacks_is_the_callers_mistake(tmp_path: Path) -> None:
    config = write_shop(tmp_path, shop(60, 100))
    config.write_text(config.read_text("utf-8").replace('activity = ["order"]', 'activity = ["ordr"]'), "utf-8")
    done = winback(tmp_path, "define")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'ordr'" in done.stderr
    assert "Did you mean" in done.stderr or "order" in done.stderr
