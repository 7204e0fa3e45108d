"""Inputs: the features first, the rhythm's verdicts behind them, from parameters that JSON keeps to the bit."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from features.build import build_at
from features.catalog import catalog
from tests import made
from tests.histories_made import Event, past
from training import inputs as rhythm
from training.inputs import BG_RETURN, EXPECTED_DAYS, EXPECTED_VALUE, PARETO_RETURN, Inputs, fit_inputs


def column(inputs: Inputs, x: np.ndarray, name: str) -> np.ndarray:
    return x[:, inputs.position[name]].astype(np.float64)


def test_features_come_first_and_unchanged() -> None:
    table, inputs = made.today(), made.winner("churn").inputs
    x = inputs.matrix(table)
    assert inputs.names == (*table.catalog.names, BG_RETURN, PARETO_RETURN, EXPECTED_DAYS, EXPECTED_VALUE)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x[:, : len(table.catalog.names)], table.values)


def test_the_verdicts_are_the_rhythm_models_own() -> None:
    # Seen to fail with repeat_span and tenure exchanged, and with the horizon of the inputs left out (30 for 45).
    table, inputs = made.today(), made.winner("churn").inputs
    x = inputs.matrix(table)
    customers = table.column("order_count_ever") > 0
    frequency, span, tenure = (
        table.column(f"order_{n}")[customers].astype(float) for n in ("repeat_days", "repeat_span", "tenure")
    )
    seen = (frequency, span, np.maximum(tenure, span), 45)
    for name, p in ((BG_RETURN, inputs.bg.return_probability(*seen)), (PARETO_RETURN, inputs.pareto.return_probability(*seen))):  # fmt: skip
        np.testing.assert_allclose(column(inputs, x[customers], name), np.log(p / (1 - p)), atol=1e-4)
    expected = inputs.pareto.expected_transactions(*seen)
    np.testing.assert_allclose(column(inputs, x[customers], EXPECTED_DAYS), np.log1p(expected), rtol=1e-5)
    assert np.isfinite(x[customers][:, -4:]).all()


def test_who_was_never_active_has_no_rhythm() -> None:
    # Seen to fail when the verdicts started from 0 instead of NaN.
    table, inputs = made.today(), made.winner("churn").inputs
    lookers = table.column("order_count_ever") == 0
    assert lookers.any()
    assert np.isnan(inputs.matrix(table)[lookers, -4:]).all()
    nobody = replace(table, user=table.user[:0], as_of=table.as_of[:0], values=table.values[:0])
    assert inputs.matrix(nobody).shape == (0, len(inputs.names))


def test_json_keeps_every_parameter() -> None:
    # Seen to fail when the flags came back as a list.
    inputs = made.winner("ltv").inputs
    again = Inputs.from_json(inputs.catalog, json.loads(json.dumps(inputs.to_json())))
    assert again == inputs
    np.testing.assert_array_equal(again.matrix(made.today()), inputs.matrix(made.today()))


@pytest.mark.parametrize("worth", [None, -20.0], ids=["no values", "refunds only"])
def test_without_money_there_is_no_verdict_on_money(worth: float | None) -> None:
    events = [Event(e.user, e.time, "order", worth) for e in made.shop(60) if e.kind == "order"]
    log = past(events)
    table = build_at(log, catalog(made.asking(), log.uses()), log.span.last)
    inputs = fit_inputs(table, 45)
    assert (EXPECTED_VALUE in inputs.names) == (worth is not None)
    assert np.isfinite(inputs.matrix(table)[:, len(table.catalog.names) :]).all()


def test_the_same_histories_are_fitted_once_and_others_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[int] = []
    own = rhythm._fitted
    monkeypatch.setattr(rhythm, "_FITTED", {})
    monkeypatch.setattr(rhythm, "_fitted", lambda *parts: fitted.append(len(parts[0])) or own(*parts))
    one, two = made.today(), made.today(120)
    first, again, other = (fit_inputs(table, days) for table, days in ((one, 45), (one, 20), (two, 45)))
    assert len(fitted) == 2
    assert (first.bg, first.pareto, first.spend) == (again.bg, again.pareto, again.spend)
    assert first.pareto != other.pareto
    for number in range(rhythm.MOST_FITTED):
        fit_inputs(made.today(60 + number), 45)
    assert len(rhythm._FITTED) == rhythm.MOST_FITTED
