"""The score file: its columns are a promise, it appears whole or not at all, and the future changes nothing in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.build import build_at
from features.business import read_business
from features.catalog import catalog
from features.problems import InputProblem
from features.progress import Silent
from serving import batch
from serving.batch import Scored, origin_of, score, score_columns, score_everybody, write_scores
from serving.scores import bands
from tests import made
from tests.histories_made import DAY, Event
from training.amounts import AmountInterval
from training.inputs import fit_inputs
from training.keeping.registry import Champion
from training.models.linear import as_it_is

NOW = made.START + 400 * DAY
# What the file says of each question, in columns such as churn_probability, by the names of the answer.
FIGURES: dict[str, tuple[str, ...]] = {
    "churn": ("probability", "band", "grade", "uncertainty"), "conversion": ("probability", "grade", "uncertainty"),
    "ltv": ("expected", "low", "high", "low_90", "high_90", "grade"),
}  # fmt: skip
REASON = pa.struct({"task": pa.string(), "concept": pa.string(), "effect": pa.float64(), "text": pa.string()})
SCHEMA = pa.schema({
    "user_id": pa.string(), "as_of": pa.timestamp("us", tz="UTC"), "lifecycle": pa.string(),
    "churn_probability": pa.float64(), "churn_band": pa.string(), "churn_grade": pa.string(),
    "churn_uncertainty": pa.float64(),
    "conversion_probability": pa.float64(), "conversion_grade": pa.string(), "conversion_uncertainty": pa.float64(),
    "ltv_expected": pa.float64(), "ltv_low": pa.float64(), "ltv_high": pa.float64(), "ltv_low_90": pa.float64(),
    "ltv_high_90": pa.float64(), "ltv_grade": pa.string(), "reasons": pa.list_(REASON),
})  # fmt: skip


@pytest.fixture(autouse=True)
def champions(monkeypatch: pytest.MonkeyPatch) -> dict[str, Champion]:
    """Real bundles, without a registry around them; each of a grade of its own, and amounts with four bounds."""
    bounds = AmountInterval((0.8, 0.9), (0.0,), ((0.4,), (0.2,)), ((1.9,), (2.6,)), 0.0)
    held = {
        task: Champion(task, f"winback-{task}", str(n + 1), Path("/nowhere"), replace(made.bundle(task, "rfm"), grade=grade))
        for n, (task, grade) in enumerate(zip(made.TASKS, "ABC", strict=True))
    }
    held["ltv"] = replace(held["ltv"], bundle=replace(held["ltv"].bundle, interval=bounds))
    monkeypatch.setattr(batch, "champions", lambda business: held)
    return held


def everybody(folder: Path, events: list[Event] | None = None, as_of: int | None = None) -> Scored:
    business = read_business(made.write_shop(folder, made.shop() if events is None else events))
    return score_everybody(business, as_of, NOW, "en", Silent())


def written(scored: Scored, out: Path) -> pa.Table:
    write_scores([pa.table(score_columns(scored))], origin_of(scored), out)
    return pq.read_table(out)


# Seen to fail with reasons without their task, and with NaN in the place of null.
def test_columns_types_and_nulls(tmp_path: Path) -> None:
    scored = everybody(tmp_path)
    table = written(scored, tmp_path / "deep" / "down" / "scores.parquet")
    assert table.schema.remove_metadata() == SCHEMA
    assert table["user_id"].to_pylist() == scored.users() == sorted(set(scored.users()))
    assert len(table) == len(scored.table) > 250
    orders = scored.table.column("order_count_ever")
    frame = table.to_pydict()
    for name in ("conversion_probability", "conversion_grade", "conversion_uncertainty"):
        assert [p is None for p in frame[name]] == (orders >= 3).tolist()
    for name in ("churn_probability", "churn_band", "churn_grade", "churn_uncertainty"):
        assert [p is None for p in frame[name]] == (orders == 0).tolist()
    assert [band for band in frame["churn_band"] if band] == [
        str(band) for band in bands(np.array([p for p in frame["churn_probability"] if p is not None]))
    ]
    for low, expected, high in zip(frame["ltv_low"], frame["ltv_expected"], frame["ltv_high"], strict=True):
        assert low <= expected <= high
    assert [set(frame[f"{task}_grade"]) - {None} for task in made.TASKS] == [{"A"}, {"B"}, {"C"}]
    for name in (field.name for field in SCHEMA if field.type == pa.float64()):
        assert not any(p is not None and np.isnan(p) for p in frame[name])
    assert set(table["as_of"].cast(pa.int64()).to_pylist()) == {scored.as_of} == {scored.past.span.last}


def test_metadata_names_the_models(tmp_path: Path) -> None:
    table = written(everybody(tmp_path), tmp_path / "s.parquet")
    told = json.loads(table.schema.metadata[b"winback"])
    assert told["models"] == {"churn": "winback-churn/1", "conversion": "winback-conversion/2", "ltv": "winback-ltv/3"}
    assert told["as_of"].endswith("Z")


# Planted and seen to fail: the narrow lower bound in ltv_low_90, everybody's grade that of churn.
def test_the_file_says_what_the_answer_says(tmp_path: Path) -> None:
    scored = everybody(tmp_path)
    frame = written(scored, tmp_path / "s.parquet").to_pylist()
    for row in range(0, len(frame), 13):
        answer, line = scored.scores.answer(row), frame[row]
        assert line["lifecycle"] == answer["lifecycle"]
        own = {task: [r for r in line["reasons"] if r["task"] == task] for task in made.TASKS}
        for task, part in answer.items():
            if task == "lifecycle":
                continue
            assert [r["text"] for r in own[task]] == [r["text"] for r in (part["reasons"] if part else [])]
            assert [r["effect"] for r in own[task]] == [r["effect"] for r in (part["reasons"] if part else [])]
            for name in FIGURES[task]:
                assert line[f"{task}_{name}"] == (part[name] if part else None)
    assert sum(line["churn_uncertainty"] is not None for line in frame[::13]) > 10


def test_a_model_that_does_not_know_its_uncertainty_says_nothing(
    tmp_path: Path, champions: dict[str, Champion]
) -> None:
    champions["churn"] = replace(champions["churn"], bundle=replace(champions["churn"].bundle, doubt=None))
    table = written(everybody(tmp_path), tmp_path / "s.parquet")
    assert table["churn_uncertainty"].null_count == len(table) > table["churn_probability"].null_count


def test_questions_that_nobody_asks_are_null_throughout(tmp_path: Path, champions: dict[str, Champion]) -> None:
    del champions["conversion"], champions["ltv"]
    table = written(everybody(tmp_path), tmp_path / "s.parquet")
    assert table.schema.remove_metadata() == SCHEMA
    for task in ("conversion", "ltv"):
        for name in FIGURES[task]:
            assert table[f"{task}_{name}"].null_count == len(table)


# Seen to fail when the table was written straight to its place.
def test_a_failing_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored, out = everybody(tmp_path), tmp_path / "out" / "s.parquet"
    written(scored, out)
    before = out.read_bytes()

    def half(writer: pq.ParquetWriter, table: pa.Table) -> None:
        writer.file_handle.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", half)
    with pytest.raises(InputProblem, match="No space left on device"):
        written(scored, out)
    assert out.read_bytes() == before
    assert [path.name for path in out.parent.iterdir()] == ["s.parquet"]


def test_a_folder_as_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputProblem, match="is a folder"):
        written(everybody(tmp_path), tmp_path)


def test_a_moment_before_the_first_event_is_refused(tmp_path: Path) -> None:
    # Seen to fail without the check: an empty table came out.
    first = min(event.time for event in made.shop())
    with pytest.raises(InputProblem, match=r"is before the first event .* nobody has a history yet") as raised:
        everybody(tmp_path, as_of=first - 1)
    assert raised.value.code == "as_of_too_early"
    assert len(everybody(tmp_path, as_of=first).table) == 1


# Seen to fail with the newest event as the moment in spite of as_of.
def test_what_comes_after_as_of_changes_nothing(tmp_path: Path) -> None:
    moment = made.START + 100 * DAY + 12_345
    until = [event for event in made.shop() if event.time <= moment]
    tables = []
    for name, events in (("whole", made.shop()), ("cut", until)):
        (tmp_path / name).mkdir()
        tables.append(written(everybody(tmp_path / name, events, moment), tmp_path / name / "s.parquet"))
    assert len(tables[0]) < len({event.user for event in made.shop()})
    assert tables[0].equals(tables[1], check_metadata=True)


def test_the_lines_count_everybody(tmp_path: Path) -> None:
    business = read_business(made.write_shop(tmp_path, made.shop()))
    stages, risk = score(business, None, tmp_path / "s.parquet", NOW, "zh", Silent()).lines()
    table = pq.read_table(tmp_path / "s.parquet")
    assert stages.startswith(f"{table.num_rows} users as of 2024-")
    at_risk = sum(int(part.split()[0]) for part in risk.split(": ")[1].split(", "))
    assert at_risk == table.num_rows - table["churn_probability"].null_count > 0
    reasons = pq.read_table(tmp_path / "s.parquet")["reasons"].to_pylist()
    assert all(any("一" <= letter <= "鿿" for letter in reason["text"]) for row in reasons for reason in row)


def test_champions_of_different_catalogues_are_refused_by_name(tmp_path: Path, champions: dict[str, Champion]) -> None:
    log, narrow = made.known(), made.asking(features={"windows_days": [7, 30]})
    table = build_at(log, catalog(narrow, log.uses()), log.span.last)
    inputs = fit_inputs(table, 45)
    own = as_it_is(inputs.matrix(table), len(inputs.names) - 1)
    champions["ltv"] = replace(champions["ltv"], bundle=replace(champions["ltv"].bundle, inputs=inputs, model=own))
    with pytest.raises(InputProblem, match=r"unexpected|missing"):
        everybody(tmp_path)
