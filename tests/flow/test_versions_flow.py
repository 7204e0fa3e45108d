"""compare, promote, rollback and retrain as a person types them, on one small shop over time."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

import winback as front_door
from features.business import read_business
from tests import made
from tests.histories_made import DAY
from training.keeping import registry
from training.keeping.versions import versions

SHOP = made.shop(220, 190, seed=3)
CUT = made.START + 140 * DAY


def winback(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One command, in this process: the imports of one of its own take longer than the work."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["winback", *words])
        with pytest.raises(SystemExit) as left:
            front_door.main()
    return subprocess.CompletedProcess(words, int(left.value.code or 0), out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained on the first 140 days, and again when the log had grown."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    folder = tmp_path_factory.mktemp("versions")
    made.write_shop(folder, [event for event in SHOP if event.time <= CUT])
    assert winback(folder, "train", "churn").returncode == 0
    made.write_shop(folder, SHOP)
    assert winback(folder, "train", "churn").returncode == 0
    return folder


def test_retraining_on_the_same_data_gives_the_same_bytes_and_no_version(shop: Path) -> None:
    with registry.connected(read_business(shop / "winback.toml")) as client:
        newest = versions(client, "churn")[-1]
    done = winback(shop, "retrain", newest.run_id)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert "identical to winback-churn/2" in said[-2]
    assert said[-1] == f"  the same model as the run's, byte for byte: bundle {newest.tags['bundle_sha256']}"
    with registry.connected(read_business(shop / "winback.toml")) as client:
        assert len(versions(client, "churn")) == 2


def test_retraining_on_other_data_says_what_differs(shop: Path) -> None:
    done = winback(shop, "retrain", "churn/1")
    assert done.returncode == 0, done.stderr
    assert "identical to winback-churn/2" in done.stdout, "the same configuration on today's data, which is known"
    assert "NOT the same model as the run's" in done.stdout
    before = sum(event.time <= CUT for event in SHOP)
    assert f"    data: {len(SHOP):,} events" in done.stdout
    assert f"({len(SHOP) - before:+,} events)" in done.stdout


def test_compare_tells_two_models_apart(shop: Path) -> None:
    done = winback(shop, "compare", "churn/2", "churn/1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("A = churn/2: ")
    assert "log loss A" in done.stdout
    assert "AUC A" in done.stdout
    assert "What differs, A | B:" in done.stdout
    turned = winback(shop, "compare", "churn/1", "champion")
    assert turned.returncode == 0, turned.stderr
    assert turned.stdout.startswith("A = churn/1: ")


def test_promote_and_rollback_by_hand(shop: Path) -> None:
    business = read_business(shop / "winback.toml")
    held = registry.champions(business)["churn"].version
    other = "1" if held == "2" else "2"
    done = winback(shop, "promote", f"churn/{other}", "--reason", "a trial")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"winback-churn/{other} is now the champion in place of winback-churn/{held}.")
    assert registry.champions(business)["churn"].version == other
    done = winback(shop, "rollback", "churn")
    assert done.returncode == 0, done.stderr
    assert registry.champions(business)["churn"].version == held


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("promote", "churn/22"), "Did you mean 'churn/2'?"),
        (("rollback", "chrun"), "Did you mean 'churn'?"),
        (("retrain", "nothing"), "There is no run 'nothing'"),
        (("compare", "champion", "champion"), "Of which question?"),
        (("compare", "churn/1", "churn-2"), "names no model"),
    ],
)
def test_wrong_input_is_one_paragraph_and_exit_code_2(shop: Path, words: tuple[str, ...], says: str) -> None:
    done = winback(shop, *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
