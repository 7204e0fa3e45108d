"""Which model it is, byte for byte: the same data give the same bundle, in any process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests import made
from training.keeping.identity import bundle_sha256, folder_sha256

ROOT = Path(__file__).parents[2]
SCRIPT = "from tests import made; from training.keeping.identity import bundle_sha256; print(bundle_sha256(made.winner('churn')))"


def in_a_process(seed: str) -> str:
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_two_processes_make_the_same_bundle_whatever_their_hash_seed() -> None:
    first, second = in_a_process("1"), in_a_process("2")
    assert re.fullmatch("[0-9a-f]{64}", first)
    assert first == second == bundle_sha256(made.winner("churn"))


def test_trees_know_no_place_and_no_time(tmp_path: Path) -> None:
    made.bundle("churn", "boosted").save(tmp_path)
    text = (tmp_path / "bundle.json").read_text("utf-8")
    assert "tree_sizes" in text
    for word in (str(ROOT), str(tmp_path), os.getcwd(), "/tmp", "time:", "date:"):
        assert word not in text


def test_a_name_a_byte_or_a_border_makes_another_folder(tmp_path: Path) -> None:
    # Seen to fail with the contents alone joined: a name, or a byte that moved to the next file, was not noticed.
    def of(**files: str) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
        return folder_sha256(folder)

    assert of(a="1", b="2") == of(b="2", a="1")
    assert len({of(a="1", b="2"), of(a="12", b=""), of(a="1", c="2"), of(a="1", b="3"), of(a="1")}) == 5
