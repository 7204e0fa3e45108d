"""Stages without a model: the same as in the score file, for businesses on whose data nothing can be learned."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from features.build import build_at
from features.business import read_business
from features.lifecycle import lifecycle
from features.problems import InputProblem
from serving.stages import write_stages
from tests import made
from tests.made import write_shop
from training.learn import weigh


class Silent:
    """Progress that nobody reads."""

    def step(self, _: str) -> Silent:
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


FAR = 4_000_000_000_000_000


def test_everybody_has_the_stage_that_the_rules_give(tmp_path: Path) -> None:
    business = read_business(write_shop(tmp_path, made.shop(60)))
    told = write_stages(business, None, tmp_path / "stages.parquet", FAR, Silent())  # type: ignore[arg-type]
    written = pq.read_table(tmp_path / "stages.parquet")
    assert written.column_names == ["user_id", "as_of", "lifecycle"]
    log = made.known(60)
    table = build_at(log, made.features(60), log.span.last)
    expected = dict(zip(log.users[table.user], lifecycle(made.question("churn"), table), strict=True))
    assert dict(zip(written["user_id"].to_pylist(), written["lifecycle"].to_pylist(), strict=True)) == expected
    assert sum(told.stages.values()) == len(expected) == written.num_rows
    assert told.lines()[0].startswith(f"{len(expected)} users as of ")
    assert not (tmp_path / ".winback" / "mlflow.db").exists()


def test_the_refusal_to_train_points_to_them() -> None:
    line, rows = made.learned("churn")
    few = rows.take(rows.user < 12)
    with pytest.raises(InputProblem, match=r"not enough data to train: .* `winback score --stages --out"):
        weigh(made.question("churn"), line, few)


def test_nobody_before_the_first_event(tmp_path: Path) -> None:
    business = read_business(write_shop(tmp_path, made.shop(20)))
    with pytest.raises(InputProblem, match="before the first event"):
        write_stages(business, 0, tmp_path / "stages.parquet", FAR, Silent())  # type: ignore[arg-type]
    assert not (tmp_path / "stages.parquet").exists()
