"""The ladder: simplest first, no trees on little evidence, and the direction that common sense knows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests import made
from training.inputs import BG_RETURN, EXPECTED_VALUE
from training.ladder import ENOUGH_FOR_TREES, _direction, ageing, ladder
from training.models.blend import Blend
from training.models.boosted import Boosted


@pytest.mark.parametrize("task", made.TASKS)
def test_simplest_first_and_trees_only_on_enough(task: str) -> None:
    # Seen to fail with `rarer <= ENOUGH_FOR_TREES`.
    rhythm = ("pareto_nbd",) if task == "ltv" else ("bg_nbd", "pareto_nbd")
    assert tuple(made.rungs(task, ENOUGH_FOR_TREES)) == ("recency", *rhythm, "rfm", "boosted", "blend", "blend_btyd")
    assert tuple(made.rungs(task, ENOUGH_FOR_TREES - 1)) == ("recency", *rhythm, "rfm")


def test_members_come_before_the_mean_of_them() -> None:
    names = list(made.rungs("churn"))
    assert made.rungs("churn")["blend"].members == ("rfm", "boosted")
    assert all(names.index(member) < names.index("blend") for member in ("rfm", "boosted"))
    assert made.rungs("churn")["blend_btyd"].members == ("pareto_nbd", "rfm", "boosted")


def test_the_mean_is_of_the_very_members() -> None:
    # Judging takes the mean of the members' margins and does not fit them again.
    blend = made.model("churn", "blend")
    assert isinstance(blend, Blend)
    assert blend.members == (made.model("churn", "rfm"), made.model("churn", "boosted"))


def test_the_rhythm_answers_only_questions_about_itself() -> None:
    # Seen to fail without the comparison of kinds.
    other = replace(made.question("conversion"), kinds=("visit",))
    assert [rung.name for rung in ladder(other, made.features(), 20, 0.0)] == ["recency", "rfm"]


def test_the_rhythms_sign_follows_the_question() -> None:
    # Seen to fail with the same sign for leaving and for coming.
    rows = made.learned("churn")[1]
    coming = rows.x[:, rows.names.index(BG_RETURN)].astype(float)
    np.testing.assert_allclose(made.model("churn", "bg_nbd").margin(rows.x), -coming, atol=1e-9)
    rows = made.learned("ltv")[1]
    worth = rows.x[:, rows.names.index(EXPECTED_VALUE)].astype(float)
    known = ~np.isnan(worth)
    np.testing.assert_allclose(made.model("ltv", "pareto_nbd").margin(rows.x)[known], worth[known], atol=1e-9)


def test_trees_do_not_split_on_age_where_customers_are_older_than_any_learned_from() -> None:
    # Seen to fail with `<` for `>` in the ladder's comparison with EXTRAPOLATION.
    rows, features = made.learned("churn")[1], made.features()
    ages = {number for number, feature in enumerate(features.features) if feature.ages}
    assert ages
    young, old = (made.rungs("churn", 1_000, share)["boosted"].fit(rows) for share in (0.1, 0.3))
    assert isinstance(young, Boosted)
    assert isinstance(old, Boosted)
    assert ages <= set(young.columns)
    assert not ages & set(old.columns)


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("order_recency", 1), ("order_overdue", 1), ("order_count_30d", -1), ("order_sum_90d", -1), (BG_RETURN, -1),
        ("visit_count_30d", 0), ("order_count_ever", 0), ("order_mean_30d", 0), ("order_tenure", 0),
    ],
)  # fmt: skip
def test_directions(name: str, direction: int) -> None:
    # Seen to fail when silence counted as a good sign.
    assert _direction(made.question("churn"), made.features(), name) == direction
    assert _direction(made.question("ltv"), made.features(), name) == -direction


def test_ageing_counts_who_is_older_than_everybody_learned_from() -> None:
    rows = made.learned("churn")[1]
    tenure = rows.x[:, made.features().activity("tenure")]
    judged = tenure > np.quantile(tenure, 0.75)
    assert ageing(tenure[~judged], tenure[judged]) == 1.0
    assert ageing(tenure[judged], tenure[~judged]) == 0.0
    assert ageing(tenure[:0], tenure) == 0.0
    unknown = np.array([np.nan, 5.0], np.float32)
    assert ageing(unknown, np.array([np.nan, 6.0], np.float32)) == 0.5
