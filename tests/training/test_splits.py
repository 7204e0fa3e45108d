"""No model learns from what it is judged on: neither from its customers nor from its time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.definitions import Definition
from features.histories import Histories
from tests.histories_made import DAY, Event, at, past
from training.labels import labels, last_cutoff
from training.splits import FOLDS, MOST_CUTOFFS, Timeline, customer_groups, folds, origins, timeline

START = at("2020-01-01T00:00")
QUICK = settings(deadline=None, max_examples=150, derandomize=True, database=None)
USERS = np.array([f"u{n}" for n in range(60)], dtype=object)


def span(days: float) -> Histories:
    return past([Event("u", START), Event("v", START + int(days * DAY))])


def churn(horizon: int, gap: int = 0) -> Definition:
    return Definition("churn", ("order",), horizon, gap)


questions = st.builds(churn, st.integers(1, 400), st.integers(0, 40))


@QUICK
@given(questions, st.floats(0, 3000))
def test_every_cutoff_can_be_labelled_and_has_a_past(asked: Definition, days: float) -> None:
    # Seen to fail with MOST_CUTOFFS counted from the first cut-off on, and with a step past the last one.
    known = span(days)
    line = timeline(asked, known)
    reach, step = asked.reach_days * DAY, -(-asked.reach_days // 3) * DAY
    assert len(line.cutoffs) <= MOST_CUTOFFS
    assert line.reach == reach
    assert all(later - earlier == step for earlier, later in zip(line.cutoffs, line.cutoffs[1:], strict=False))
    past_days = min(asked.horizon_days / 2, 90)
    assert bool(line.cutoffs) == (int(days * DAY) >= reach + int(past_days * DAY))
    if line.cutoffs:
        assert line.test == line.cutoffs[-1] == last_cutoff(asked, known)
        assert line.cutoffs[0] - known.span.first >= int(past_days * DAY)
        for cutoff in line.cutoffs:
            labels(asked, known, np.array([0, 1]), cutoff)


@QUICK
@given(questions, st.floats(0, 3000), st.integers(0, 2**32 - 1))
def test_folds_hold_customers_and_windows_apart(asked: Definition, days: float, seed: int) -> None:
    # Seen to fail with `cutoff <= at` and `cutoff < at` in learnable, and with `group == g` for both sides.
    line = timeline(asked, span(days))
    dice = np.random.default_rng(seed)
    user = dice.integers(0, len(USERS), 200)
    as_of = dice.choice(np.array(line.cutoffs or [0]), 200)
    group = customer_groups(USERS)[user]
    for at_ in line.cutoffs:
        made = folds(line, at_, as_of, group)
        judged = np.concatenate([fold.valid for fold in made])
        assert sorted(judged) == np.flatnonzero(as_of == at_).tolist()
        for fold in made:
            assert fold.judged_at == at_
            assert not set(user[fold.train]) & set(user[fold.valid])
            assert (as_of[fold.train] <= at_).all()
            if line.learnable(at_):
                assert (as_of[fold.train] + line.reach <= at_).all()


@QUICK
@given(questions, st.floats(0, 3000))
def test_the_test_window_is_opened_last(asked: Definition, days: float) -> None:
    # Seen to fail with the origins that have nothing to learn from among them.
    line = timeline(asked, span(days))
    if not line.cutoffs:
        return
    asked_at = origins(line, 3)
    assert 1 <= len(asked_at) <= 3
    assert list(asked_at) == sorted(asked_at)
    assert asked_at[-1] == line.test
    assert all(line.learnable(cutoff) for cutoff in asked_at) or asked_at == (line.test,)
    assert line.out_of_time == (line.test - line.cutoffs[0] >= line.reach)
    assert line.windows >= 1
    apart = [line.cutoffs[0]]
    for cutoff in line.cutoffs:
        if cutoff - apart[-1] >= line.reach:
            apart.append(cutoff)
    assert line.windows >= len(apart)
    if asked.reach_days % 3 == 0:
        assert line.windows == len(apart)


@pytest.mark.parametrize(("days", "cutoffs", "windows", "out_of_time", "asked_at"), [
    (44, 0, 0, False, []),  # 30 ahead and 15 behind do not fit
    (45, 1, 1, False, [0]),
    (54.9, 1, 1, False, [0]),
    (55, 2, 1, False, [1]),
    (65, 3, 1, False, [2]),
    (75, 4, 2, True, [3]),  # the first window is over at the test
    (105, 7, 3, True, [4, 5, 6]),  # number 3, which learned from number 0, is one too many for three
    (115, 8, 3, True, [5, 6, 7]),
    (9999, 8, 3, True, [5, 6, 7]),
])  # fmt: skip
def test_how_much_a_history_holds(
    days: float, cutoffs: int, windows: int, out_of_time: bool, asked_at: list[int]
) -> None:
    """Horizon 30: windows a third apart, the earliest with half a horizon behind it."""
    # Seen to fail with a step of a whole reach.
    line = timeline(churn(30), span(days))
    assert (len(line.cutoffs), line.windows) == (cutoffs, windows)
    if cutoffs:
        assert line.out_of_time == out_of_time
        assert origins(line, 3) == tuple(line.cutoffs[n] for n in asked_at)


def test_a_window_that_ends_at_the_moment_is_learnable_and_one_a_microsecond_later_is_not() -> None:
    # Seen to fail with < in learnable.
    line = Timeline((0, 10 * DAY, 20 * DAY, 30 * DAY), 30 * DAY)
    assert line.learnable(30 * DAY) == (0,)
    assert line.learnable(30 * DAY - 1) == ()


def test_the_gap_is_purged_too() -> None:
    # Seen to fail with the reach taken for the horizon alone.
    line = timeline(churn(30, gap=10), span(1000))
    assert line.reach == 40 * DAY
    assert max(line.learnable(line.test)) + 40 * DAY <= line.test


def test_one_instant_and_one_event() -> None:
    instant = past([Event("u", START), Event("v", START)])
    line = timeline(churn(30), instant)
    assert (line.cutoffs, line.windows, line.out_of_time) == ((), 0, False)


def test_without_a_window_before_it_the_judged_one_is_learned_from_by_other_customers() -> None:
    line = timeline(churn(30), span(45))
    as_of, group = np.full(60, line.test), customer_groups(USERS)
    for fold in folds(line, line.test, as_of, group):
        assert len(fold.train) + len(fold.valid) == 60
        assert not set(fold.train) & set(fold.valid)


def test_a_single_customer_has_nobody_to_learn_from() -> None:
    line = timeline(churn(30), span(45))
    (fold,) = folds(line, line.test, np.array([line.test]), np.array([2]))
    assert (fold.train.tolist(), fold.valid.tolist()) == ([], [0])


@QUICK
@given(st.data())
def test_a_customers_group_is_their_own(data: st.DataObject) -> None:
    """Neither the order of rows nor the company kept decides it."""
    # Seen to fail with np.arange(n) % groups.
    users = data.draw(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), unique=True, max_size=40))
    shuffled = data.draw(st.permutations(users))
    group = dict(zip(users, customer_groups(np.array(users, dtype=object)), strict=True))
    again = dict(zip(shuffled, customer_groups(np.array(shuffled, dtype=object)), strict=True))
    assert group == again
    assert set(group.values()) <= set(range(FOLDS))
    for user in users[:3]:
        assert customer_groups(np.array([user], dtype=object))[0] == group[user]


def test_groups_are_even_and_the_same_for_ever() -> None:
    many = np.array([f"customer {n}" for n in range(9000)], dtype=object)
    assert np.bincount(customer_groups(many), minlength=3).min() > 2850
    assert customer_groups(USERS[:10]).tolist() == customer_groups(USERS)[:10].tolist()
    assert (customer_groups(many, salt="other") != customer_groups(many)).any()
