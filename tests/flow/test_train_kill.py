"""A kill at any step of registering leaves whole, judged versions and the old champion or the new; then training works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from features.business import read_business
from tests import made
from training.keeping import registry
from training.keeping.versions import versions

ROOT = Path(__file__).parents[2]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != registry.TRACKING_VARIABLE} | {
        "PYTHONPATH": str(ROOT)
    }


def test_a_kill_at_any_step_leaves_no_half_registered_version(tmp_path: Path) -> None:
    config = made.write_shop(tmp_path, made.shop())
    done = subprocess.run(
        [sys.executable, "-m", "tests.flow.killing_training", str(config)],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    tries = [line.split() for line in done.stdout.splitlines()]
    assert len(tries) == 5, done.stderr
    reigning, known = 1, 1
    for step, when, ended, champion, count, whole, _, then, count_then, whole_then, running, again in tries:
        at = f"killed {when} {step}"
        assert int(ended) == -signal.SIGKILL, at
        registered = (step, when) not in [("log_bundle", "after"), ("create_model_version", "before")]
        assert int(count) == known + registered, at
        assert whole == count, f"{at}: a version without its files or its verdict"
        crowned = (step, when) == ("set_registered_model_alias", "after")
        assert int(champion) == (known + 1 if crowned else reigning), at
        assert again == "0", f"{at}: the next training failed: {done.stderr}"
        assert then == count_then == whole_then, f"{at}: the next one is newer and takes over"
        assert int(then) == int(count) + 1, at
        assert running == "0", f"{at}: runs that the killed training left"
        reigning, known = int(then), int(count_then)


def test_two_trainings_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Both see no champion when they start; the one that registers later must meet the other as champion."""
    config = made.write_shop(tmp_path, made.shop(150, 150, seed=3))
    first = [subprocess.Popen(
        [sys.executable, "-m", "winback", "train", task], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) for task in ("churn", "churn", "conversion")]  # fmt: skip
    said = [process.communicate(timeout=400) for process in first]
    assert [process.returncode for process in first] == [0, 0, 0], said
    churn = sorted(out.splitlines()[-1].strip() for out, _ in said[:2])
    assert churn[0].startswith("identical to winback-churn/1; nothing new is registered: it is the champion already")
    assert churn[1].startswith("winback-churn/1 is now the champion: there is no champion yet")
    business = read_business(config)
    assert {held.version for held in registry.champions(business).values()} == {"1"}
    with registry.connected(business) as client:
        assert [len(versions(client, task)) for task in ("churn", "conversion")] == [1, 1]
