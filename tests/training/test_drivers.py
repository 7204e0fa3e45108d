"""What moves the scores, against pandas, SciPy and the effects themselves."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from tests import made
from training.attribution import attribute, concepts
from training.drivers import DOTS, SWARMED, driver_report, strongest
from training.measures.segments import fit_segmentation


@pytest.fixture(scope="module", params=["churn", "ltv"])
def seen(request: pytest.FixtureRequest) -> tuple:  # type: ignore[type-arg]
    bundle, table = made.bundle(request.param, "blend"), made.today()
    x = bundle.matrix(table)
    told = fit_segmentation(table, bundle.definition).assign(table)
    return bundle, x, told, driver_report(bundle, x, told), attribute(bundle, x).effects


# Seen to fail: signed effects averaged, which cancel; a segment's rows taken from all.
def test_by_concept_and_segment_they_are_what_pandas_adds_up(seen: tuple) -> None:  # type: ignore[type-arg]
    bundle, _, told, report, effects = seen
    by_concept = pd.DataFrame(effects.T).groupby(np.asarray(concepts(bundle))).sum().T.abs()
    for concept, size in report["drivers"].items():
        assert size == pytest.approx(by_concept[concept].mean(), abs=1e-12)
    assert {(one["by"], one["name"]) for one in report["drivers_by_segment"]} == {
        (by, name) for by, names in told.items() for name in names
    }
    for one in report["drivers_by_segment"]:
        mine = told[one["by"]] == one["name"]
        assert one["rows"] == mine.sum()
        assert one["drivers"] == pytest.approx(by_concept[mine].mean().to_dict(), abs=1e-12)


# Seen to fail: ranks among the drawn customers alone; NaN ranked as the largest value.
def test_a_swarm_shows_the_strongest_inputs_of_the_same_customers(seen: tuple) -> None:  # type: ignore[type-arg]
    bundle, x, _, report, effects = seen
    swarm, names = report["beeswarm"], list(bundle.inputs.names)
    sizes = np.abs(effects).mean(axis=0)
    assert [one["size"] for one in swarm["inputs"]] == pytest.approx(np.sort(sizes)[::-1][:SWARMED])
    some = np.linspace(0, len(x) - 1, min(DOTS, len(x))).astype(int)
    assert swarm["rows"] == len(some)
    for one in swarm["inputs"]:
        column = names.index(one["name"])
        np.testing.assert_allclose(one["effects"], effects[some, column], rtol=1e-3)
        known = ~np.isnan(x[:, column])
        assert [rank is None for rank in one["ranks"]] == [not known[row] for row in some]
        expected = (rankdata(x[:, column], nan_policy="omit")[some] - 0.5) / known.sum()
        np.testing.assert_allclose(np.array(one["ranks"], dtype=float), expected, atol=0.0051)


def test_dependence_holds_values_and_effects_of_the_very_strongest(seen: tuple) -> None:  # type: ignore[type-arg]
    bundle, x, _, report, effects = seen
    some = np.linspace(0, len(x) - 1, min(DOTS, len(x))).astype(int)
    assert [one["name"] for one in report["dependence"]["inputs"]] == [
        one["name"] for one in report["beeswarm"]["inputs"][:4]
    ]
    for one in report["dependence"]["inputs"]:
        column = list(bundle.inputs.names).index(one["name"])
        np.testing.assert_allclose(np.array(one["values"], dtype=float), x[some, column], rtol=1e-3)
        np.testing.assert_allclose(one["effects"], effects[some, column], rtol=1e-3)


def test_how_far_probabilities_could_move_is_told_by_quantile(seen: tuple) -> None:  # type: ignore[type-arg]
    bundle, x, _, report, _ = seen
    if bundle.doubt is None:
        assert "uncertainty" not in report
        return
    low, high = bundle.doubt.between(bundle.model.margin(x))
    assert report["uncertainty"]["p90"] == pytest.approx(np.quantile(high - low, 0.9))
    assert report["uncertainty"]["widest"] == pytest.approx((high - low).max())


def test_nobody_has_no_pictures_and_everything_is_json(seen: tuple) -> None:  # type: ignore[type-arg]
    bundle, x, told, report, _ = seen
    json.dumps(report, allow_nan=False)
    nobody = driver_report(bundle, x[:0], {by: names[:0] for by, names in told.items()})
    assert set(nobody) == {"drivers"}
    assert set(nobody["drivers"].values()) == {0.0}


def test_an_input_without_effect_is_never_among_the_strongest() -> None:
    effects = np.array([[0.0, -3.0, 1.0], [0.0, 3.0, 1.0]])
    assert strongest(effects, 3) == [1, 2]
    assert strongest(effects, 1) == [1]
