"""Scoring killed at any file operation goes on where it was: nobody is lost, nobody is there twice, nothing differs."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from features.business import read_business
from features.progress import Silent
from serving import batch
from serving.parts import ORIGIN, Parts
from tests import made
from tests.flow.killing_scoring import CROWD, NOW, champions

ROOT = Path(__file__).parents[2]


def test_a_kill_at_any_file_operation_loses_and_repeats_nobody(tmp_path: Path) -> None:
    config = made.write_shop(tmp_path, made.shop())
    command = [sys.executable, "-m", "tests.flow.killing_scoring", str(config), str(tmp_path), "200"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    whole = pq.read_table(tmp_path / "whole" / "s.parquet")
    crowds = -(-len(whole) // CROWD)
    tries = [line.split() for line in ran.stdout.splitlines()]
    assert len(tries) > 4 * crowds >= 12
    assert {ended for _, ended, *_ in tries[:-1]} == {"-9"}
    assert tries[-1][1] == "0"
    scored_again = []
    for number, _, there, scored, again in tries:
        assert again == "0", ran.stderr
        found = pq.read_table(tmp_path / f"{number}.parquet")
        assert found.equals(whole, check_metadata=True)
        scored_again.append(int(scored))
        assert there in ("True", "False")
    assert set(range(crowds + 1)) <= set(scored_again)  # what was finished is not scored again
    assert sorted(path.name for path in (tmp_path / "killed").iterdir() if path.name.endswith(".parts")) == []


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(batch, "champions", champions)
    monkeypatch.setattr(batch, "MOST_USERS", CROWD)
    return made.write_shop(tmp_path, made.shop())


def broken_off(config: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scoring that fails after two crowds."""
    keep, kept = Parts.keep, []

    def twice(parts: Parts, number: int, *rest: object) -> None:
        if number == 2:
            raise KeyboardInterrupt
        kept.append(number)
        keep(parts, number, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as planted:
        planted.setattr(Parts, "keep", twice)
        with pytest.raises(KeyboardInterrupt):
            batch.score(read_business(config), None, out, NOW, "en", Silent())
    assert kept == [0, 1]
    assert not out.exists()


# Planted and seen to fail, together: the origin without the language, and without the bundles' fingerprints.
@pytest.mark.parametrize("differing", ["nothing", "language", "model", "as_of", "log"])
def test_parts_of_another_origin_are_not_used(
    differing: str, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, calls = tmp_path / "out" / "s.parquet", []
    broken_off(shop, out, monkeypatch)
    told = json.loads((out.with_name("s.parquet.parts") / ORIGIN).read_text("utf-8"))
    assert set(told) == {"winback", "as_of", "language", "reasons", "log", "arrivals", "models"}
    as_of, language = None, "zh" if differing == "language" else "en"
    if differing == "model":
        changed = champions(read_business(shop))
        changed["churn"] = replace(changed["churn"], bundle=replace(changed["churn"].bundle, grade="D"))
        monkeypatch.setattr(batch, "champions", lambda business: changed)
    if differing == "as_of":
        as_of = told["as_of"] - 1
    if differing == "log":
        made.write_shop(tmp_path, [event for event in made.shop() if event.time != made.shop()[7].time])
    scored = batch.Asked.scored

    def counted(asked: batch.Asked, *rest: object) -> batch.Scored:
        calls.append(1)
        return scored(asked, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(batch.Asked, "scored", counted)
    batch.score(read_business(shop), as_of, out, NOW, language, Silent())  # type: ignore[arg-type]
    crowds = -(-pq.read_metadata(out).num_rows // CROWD)
    assert len(calls) == (crowds - 2 if differing == "nothing" else crowds)
    assert [path.name for path in out.parent.iterdir()] == ["s.parquet"]


def test_a_torn_part_is_scored_again(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out" / "s.parquet"
    broken_off(shop, out, monkeypatch)
    torn = out.with_name("s.parquet.parts") / "000001.parquet"
    torn.write_bytes(torn.read_bytes()[:-100])
    batch.score(read_business(shop), None, out, NOW, "en", Silent())
    other = tmp_path / "other" / "s.parquet"
    batch.score(read_business(shop), None, other, NOW, "en", Silent())
    assert pq.read_table(out).equals(pq.read_table(other), check_metadata=True)
