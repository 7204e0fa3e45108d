"""Features of the business's own: they see the past alone, say what they are, and fail by name."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.build import build, build_one, try_custom
from features.business import Business
from features.catalog import Catalog, bind, catalog
from features.custom import CustomCode, PastEvents, load_custom
from features.problems import InputProblem
from features.spec import Reduction
from tests.histories_made import DAY, Event, at, business, one, past
from tests.laws.strategies import OWN

NOW = at("2024-03-01T00:00")
HEAD = "from features.custom import PastEvents, feature\n\n"
MARK = '@feature(unit="events", concept="rhythm", says="what I count", missing="never")\n'


def shop(folder: Path, code: str, file: str = "mine.py") -> Business:
    (folder / file).write_text(HEAD + code, "utf-8")
    made = business(churn={"activity": ["order"], "horizon_days": 30}, features={"windows_days": [7], "custom": file})
    return made.model_copy(update={"root": folder})


def own(folder: Path, body: str) -> Business:
    return shop(folder, f"{MARK}def mine(past, as_of):\n    {body}\n")


def log() -> list[Event]:
    return [
        Event("u", NOW - 3 * DAY, "order", 5.0, "a"), Event("u", NOW - DAY, "view", None, None, NOW + DAY),
        Event("u", NOW + 1, "order", 7.0, "b"), Event("v", NOW, "view"),
    ]  # fmt: skip


def values(shop: Business, events: list[Event] | None = None) -> list[float]:
    known = past(events or log())
    made = catalog(shop, known.uses())
    return [float(v) for v in build(known, made, np.arange(2), np.full(2, NOW)).column("custom_mine")]


def problem(shop: Business) -> str:
    with pytest.raises(InputProblem) as raised:
        values(shop)
    assert raised.value.code == "custom_feature"
    return str(raised.value)


def test_it_is_computed_in_a_batch_and_for_one(tmp_path: Path) -> None:
    shop = own(tmp_path, "return len(past)")
    assert values(shop) == [1.0, 1.0]
    known = past(log())
    made = catalog(shop, known.uses())
    assert build_one(one(known, 0), made.plan(known.kinds), NOW)[-1] == 1.0
    assert made.names[-1] == "custom_mine"
    feature = made.features[-1]
    assert (feature.unit, feature.concept, feature.says, feature.missing) == ("events", "rhythm", "what I count", "never")


def test_the_view_holds_what_was_known_and_nothing_else(tmp_path: Path) -> None:
    # Seen to fail with the comparison with as_of left out of past_events, and with that of `arrived`.
    body = "return float(past.age_days.min())"
    assert values(own(tmp_path, body)) == [3.0, 0.0]
    assert values(own(tmp_path, body), [event._replace(arrived=None) for event in log()]) == [1.0, 0.0]


def test_the_view_tells_kinds_ages_and_windows() -> None:
    columns = (
        np.array([0, DAY, 2 * DAY]), np.array(["a", "b", "a"], dtype=object), np.array([1.0, np.nan, 3.0]),
        np.array([7, 0, 7]), np.zeros(3, np.uint8),
    )  # fmt: skip
    view = PastEvents.of_columns(3 * DAY, *columns)
    assert view.age_days.tolist() == [3.0, 2.0, 1.0]
    assert view.of("a").value.tolist() == [1.0, 3.0]
    assert len(view.of("a", "b")) == 3
    assert view.within(2).kind.tolist() == ["a"], "(as_of - days, as_of]"
    assert len(view.of("none").within(9)) == 0


@pytest.mark.parametrize("column", ["time", "kind", "value", "item", "hour"])
def test_the_view_cannot_be_written_to(tmp_path: Path, column: str) -> None:
    # Seen to fail without setflags: the next feature would have seen what the one before wrote.
    said = problem(own(tmp_path, f"past.{column}[0] = past.{column}[0]; return 1.0"))
    assert "custom feature mine failed for user 'u' as of 2024-03-01T00:00:00Z: ValueError: " in said
    assert "read-only" in said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return 1 / 0", "ZeroDivisionError: division by zero"),
        ("raise KeyError('x')", "KeyError: 'x'"),
        ("return None", "gave None for user 'u'"),
        ("return 'many'", "gave 'many' for user 'u'"),
        ("return float('inf')", "gave inf for user 'u'"),
        ("return 1e39", "gave 1e+39 for user 'u'"),
        ("return 1j", "gave 1j for user 'u'"),
        ("return past.value", "gave array"),
    ],
)
def test_a_failure_names_function_user_and_moment(tmp_path: Path, body: str, said: str) -> None:
    # Seen to fail on 1e39, which is infinite as float32, and on a complex number.
    found = problem(own(tmp_path, body))
    assert "custom feature mine" in found
    assert said in found
    assert "as of 2024-03-01T00:00:00Z" in found


def test_a_gap_and_whole_numbers_are_fine(tmp_path: Path) -> None:
    assert np.isnan(values(own(tmp_path, "return float('nan')"))).all()
    assert values(own(tmp_path, "return True")) == [1.0, 1.0]
    assert values(own(tmp_path, "import numpy; return numpy.int64(3)")) == [3.0, 3.0]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def half(past, as_of): return 1.0\n", "holds no feature. Mark a function"),
        ("import nothing_like_it\n", "cannot be run: ModuleNotFoundError"),
        ("def broken(:\n", "cannot be run: SyntaxError"),
        (MARK.replace("says=", "sais=") + "def mine(past, as_of): return 1\n", "cannot be run: TypeError"),
    ],
)
def test_a_module_that_is_none_is_refused(tmp_path: Path, code: str, said: str) -> None:
    assert said in problem(shop(tmp_path, code))


def test_a_missing_module_is_named(tmp_path: Path) -> None:
    gone = own(tmp_path, "return 1.0")
    (tmp_path / "mine.py").unlink()
    assert f"{tmp_path / 'mine.py'} cannot be read" in problem(gone)


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    # Seen to fail without _distinct: two columns of one name.
    code = f"{MARK}def order_recency(past, as_of): return 1.0\n"
    taken = shop(tmp_path, code).model_copy(update={"churn": business(churn={"activity": ["custom order"], "horizon_days": 3}).churn})
    assert "custom_order_recency is the name of a feature of winback's own" in problem(taken)


def test_a_saved_catalogue_holds_a_digest_and_no_code(tmp_path: Path) -> None:
    shop = own(tmp_path, "return len(past)")
    made = catalog(shop, past(log()).uses())
    text = json.dumps(made.to_json())
    assert "def mine" not in text
    saved = Catalog.from_json(json.loads(text))
    assert saved == made
    assert saved.fingerprint() == made.fingerprint()
    with pytest.raises(InputProblem, match="the module is not loaded") as raised:
        saved.plan(("order",))
    assert raised.value.code == "custom_unbound"
    assert bind(saved, shop).plan(("order",)).custom


def test_changed_or_absent_code_is_refused_by_name(tmp_path: Path) -> None:
    # Seen to fail without the comparison of digests: scores under changed code.
    shop = own(tmp_path, "return len(past)")
    saved = Catalog.from_json(catalog(shop, past(log()).uses()).to_json())
    for changed, said in (
        (own(tmp_path, "return len(past) + 1"), "mine.py has changed since"),
        (business(churn={"activity": ["order"], "horizon_days": 30}), "winback.toml names none"),
    ):
        with pytest.raises(InputProblem, match=said) as raised:
            bind(saved, changed)
        assert raised.value.code == "custom_changed"
        assert "mine.py" in str(raised.value)
    plain = replace(saved, custom=None, features=saved.features[:-1])
    assert bind(plain, business(churn={"activity": ["order"], "horizon_days": 30})) is plain


def test_it_travels_to_another_process_with_its_code(tmp_path: Path) -> None:
    # What Spark does with a catalogue. Seen to fail with functions kept in the place of their source.
    shop = own(tmp_path, "return len(past)")
    made = catalog(shop, past(log()).uses())
    sent = pickle.loads(pickle.dumps(made))
    assert sent == made
    known = past(log())
    assert build(known, sent, np.arange(2), np.full(2, NOW)).values[:, -1].tolist() == [1.0, 1.0]


def test_a_few_are_tried_before_anything_is_trained(tmp_path: Path) -> None:
    known = past(log())
    tried = try_custom(catalog(own(tmp_path, "return len(past)"), known.uses()), known, NOW)
    assert tried == ("custom_mine: 1 to 1 for 2 users tried, missing for 0",)
    with pytest.raises(InputProblem, match="custom feature mine failed"):
        try_custom(catalog(own(tmp_path, "return 1 / 0"), known.uses()), known, NOW)
    assert try_custom(OWN.catalog, past([Event("u", NOW, "order")]), NOW - DAY) == ()


def test_it_is_nothing_when_nothing_is_named() -> None:
    assert load_custom(business(churn={"activity": ["order"], "horizon_days": 30})) is None
    assert CustomCode.from_json({"file": "a.py", "digest": "0"}).functions == {}
    assert [f.name for f in OWN.catalog.features if f.reduction is Reduction.CUSTOM] == list(OWN.catalog.custom.functions)  # type: ignore[union-attr]
