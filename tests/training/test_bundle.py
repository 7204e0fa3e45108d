"""The bundle: text alone, the same bytes for the same model, and a clear refusal of whatever is not one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.build import build_at
from features.catalog import KindUse, catalog
from features.problems import InputProblem
from tests import made
from training.bundle import FILE, Bundle, load_bundle

Tamper = Callable[[dict[str, Any]], None]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    made.bundle("churn", "blend").save(tmp_path)
    return tmp_path


def test_the_folder_holds_text_and_nothing_that_can_be_executed(saved: Path) -> None:
    assert [path.name for path in saved.iterdir()] == [FILE]
    assert isinstance(json.loads((saved / FILE).read_text("utf-8")), dict)


def refusal(folder: Path) -> InputProblem:
    with pytest.raises(InputProblem) as raised:
        load_bundle(folder)
    assert "Retrain with `winback train`" in str(raised.value)
    assert str(folder) in str(raised.value)
    return raised.value


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "null", '"x"', '{"format": 3}', "\x00\x01", '{"format": 3, "definition": "left"}']
)
def test_what_is_no_bundle_is_refused(saved: Path, text: str) -> None:
    # Failed before for the last: an AttributeError came through.
    (saved / FILE).write_text(text, "utf-8")
    assert refusal(saved).code == "bad_bundle"


def test_a_missing_bundle_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path).code == "bad_bundle"
    assert refusal(tmp_path / "nowhere").code == "bad_bundle"


def _drop_column(body: dict[str, Any]) -> None:
    body["columns"].remove("order_count_30d")


def _drop_feature(body: dict[str, Any]) -> None:
    body["catalog"]["features"] = [f for f in body["catalog"]["features"] if f["name"] != "order_count_30d"]


def _other_window(body: dict[str, Any]) -> None:
    body["catalog"]["features"][0]["days"] = 30


def _other_model(body: dict[str, Any]) -> None:
    body["model"]["type"] = "forest"


def _wrong_format(body: dict[str, Any]) -> None:
    body["format"] = 1


def _unknown_reduction(body: dict[str, Any]) -> None:
    body["catalog"]["features"][0]["reduction"] = 99


def _no_slope(body: dict[str, Any]) -> None:
    body["calibration"]["a"] = -1.0


def _unknown_key(body: dict[str, Any]) -> None:
    body["definition"]["surprise"] = 1


# Seen to fail without the fingerprint's comparison, without the columns' comparison and without the format's.
@pytest.mark.parametrize(
    ("tamper", "code", "said"),
    [
        (_drop_column, "bad_bundle", "unexpected order_count_30d"),
        (_drop_feature, "bad_bundle", "the catalogue does not match its fingerprint"),
        (_other_window, "bad_bundle", "the catalogue does not match its fingerprint"),
        (_other_model, "bad_bundle", "model type 'forest' is unknown"),
        (_wrong_format, "bundle_format", "bundle format 1, this version of winback reads 3"),
        (_unknown_reduction, "bad_bundle", "99"),
        (_no_slope, "bad_bundle", "beta calibration"),
        (_unknown_key, "bad_bundle", "surprise"),
    ],
)
def test_a_changed_bundle_is_refused(saved: Path, tamper: Tamper, code: str, said: str) -> None:
    body = json.loads((saved / FILE).read_text("utf-8"))
    tamper(body)
    (saved / FILE).write_text(json.dumps(body), "utf-8")
    problem = refusal(saved)
    assert problem.code == code
    assert said in str(problem)


def test_another_catalogue_is_refused_by_the_columns_names() -> None:
    # Seen to fail when only the number of columns was compared.
    bundle, log = made.bundle("churn"), made.known()
    other = made.asking(features={"windows_days": [7, 28, 90]})
    table = build_at(log, catalog(other, [KindUse("order", 9, True, True), KindUse("visit", 9, True, False)]), log.span.last)
    with pytest.raises(InputProblem) as raised:
        bundle.matrix(table)
    assert raised.value.code == "catalog_mismatch"
    for part in (
        f"the model expects {len(bundle.catalog.names)} columns",
        "missing any_count_30d",
        "any_count_28d",
        "retrain",
    ):
        assert part in str(raised.value)


def test_columns_of_the_same_name_and_another_meaning_are_refused() -> None:
    bundle, table = made.bundle("churn"), made.today()
    other = tuple(replace(s, kinds=("page view",)) if s.kinds == ("visit",) else s for s in table.catalog.selectors)
    elsewhere = replace(table, catalog=replace(table.catalog, selectors=other))
    assert elsewhere.catalog.fingerprint() != bundle.catalog.fingerprint()
    with pytest.raises(InputProblem, match="another meaning"):
        bundle.matrix(elsewhere)


def test_percentiles_rise_and_stay_within_bounds() -> None:
    # Seen to fail without the clip, and with side="left" for both ends.
    bundle = made.bundle("ltv")
    asked = np.sort(np.r_[-1.0, 0.0, bundle.quantiles, np.random.default_rng(0).gamma(1.0, 50.0, 500), 1e9])
    found = bundle.percentile(asked)
    assert (np.diff(found) >= 0).all()
    assert found[0] == 0.0
    assert found[-1] == 100.0
    own = replace(bundle, quantiles=tuple(np.linspace(0, 50, 101)))
    assert own.percentile(np.array([0.0, 12.5, 25.0, 50.0])).tolist() == [0.0, 25.0, 50.0, 100.0]
    flat = replace(bundle, quantiles=(3.0,) * 101)
    assert flat.percentile(np.array([2.0, 3.0, 4.0])).tolist() == [0.0, 50.0, 100.0]


def test_half_of_the_customers_lie_below_the_middle() -> None:
    bundle: Bundle = made.winner("churn")
    asked = made.today().column("order_count_ever") > 0
    found = bundle.percentile(bundle.predict(bundle.matrix(made.today())[asked]))
    assert np.mean(found) == pytest.approx(50.0, abs=2.0)
    assert np.mean(found < 20) == pytest.approx(0.2, abs=0.05)


def test_broken_trees_are_found_when_the_bundle_is_read(tmp_path: Path) -> None:
    # Seen to fail while the booster was read lazily: the first caller met LightGBM's own error.
    made.bundle("churn", "boosted").save(tmp_path)
    saved = json.loads((tmp_path / FILE).read_text("utf-8"))
    saved["model"]["text"] = saved["model"]["text"][:300]
    (tmp_path / FILE).write_text(json.dumps(saved), "utf-8")
    with pytest.raises(InputProblem, match="no readable model"):
        load_bundle(tmp_path)
