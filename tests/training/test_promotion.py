"""The judge: every situation has one verdict, and the verdict says why, with numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.judging.promotion import Comparison, Segment, Standing, Window, capped, judge, level_of, needed, stretched
from training.measures.bootstrap import Interval, paired
from training.measures.metrics import log_loss

GOOD, NONE = Interval(-0.10, -0.12, -0.08), Interval(0.01, -0.02, 0.03)
DAY = 86_400_000_000
OLD = Standing("left = no order within 45 days", 0, "B", GOOD)
NEW = Standing("left = no order within 45 days", DAY, "B", GOOD)
OTHER = Standing("left = no order within 90 days", 0, "B", GOOD)
BETTER, WORSE, LEVEL = (
    Comparison(Interval(*figures), 900) for figures in ((-0.02, -0.03, -0.01), (0.02, 0.01, 0.03), (0.0, -0.01, 0.01))
)


# Seen to fail with `gap.low < 0` for better, with `>=` for newer, and without the comparison of questions.
@pytest.mark.parametrize(
    ("candidate", "champion", "comparison", "promote", "why"),
    [
        (NEW, None, None, True, "there is no champion yet"),
        (OLD, OTHER, None, True, "the champion answers another question (left = no order within 90 days)"),
        (OLD, OTHER, WORSE, True, "the champion answers another question"),
        (OLD, OLD, BETTER, True, "better than the champion: loss -0.0200 against the champion's on 900 rows, "),
        (NEW, OLD, BETTER, True, "better than the champion"),
        (OLD, OLD, WORSE, False, "worse than the champion: loss +0.0200"),
        (NEW, OLD, WORSE, False, "worse than the champion"),
        (NEW, OLD, LEVEL, True, "level with the champion and learned from newer data"),
        (OLD, OLD, LEVEL, False, "not better than the champion"),
        (OLD, NEW, BETTER, False, "its data end 1970-01-01, before those of the champion (1970-01-02)"),
        (NEW, OLD, None, True, "no labelled rows are new to both models; the candidate has learned from newer data"),
        (OLD, OLD, None, False, "no labelled rows are new to both models, and the candidate has no newer data"),
        (replace(NEW, able=False), None, None, False, "it answers another question (left = no order within 45 days)"),
    ],
)  # fmt: skip
def test_verdicts(
    candidate: Standing, champion: Standing | None, comparison: Comparison | None, promote: bool, why: str
) -> None:
    verdict = judge(candidate, champion, comparison)
    assert verdict.promote is promote
    assert verdict.reasons[0].startswith(why)
    assert "95 % interval" in verdict.reasons[0] or comparison is None or champion in (OTHER, NEW)
    assert verdict.reasons[1].startswith("better than promising everybody")
    assert "evidence grade B" in verdict.reasons[1]


@pytest.mark.parametrize("edge", [Interval(-0.01, -0.02, 0.0), Interval(0.01, 0.0, 0.02)])
def test_touching_zero_proves_nothing(edge: Interval) -> None:
    assert not judge(OLD, OLD, Comparison(edge, 100)).promote
    assert judge(NEW, OLD, Comparison(edge, 100)).promote


def test_a_model_without_skill_says_so() -> None:
    # Seen to fail when the point decided instead of the interval's end.
    for skill in (NONE, Interval(-0.01, -0.03, 0.01)):
        verdict = judge(Standing(NEW.question, 200, "D", skill), None, None)
        assert "NOT shown to be better than promising everybody" in verdict.reasons[1]
        assert "evidence grade D" in verdict.reasons[1]


def test_a_champion_that_can_score_no_more_gives_way_even_to_its_equal() -> None:
    # Seen to fail without the rule: after a change of one's own features nothing could score, and retraining promoted
    # nothing.
    level = Comparison(Interval(0.0, 0.0, 0.0), 900)
    one = Standing("q", 1, "B", Interval(-0.1, -0.2, -0.05))
    assert not judge(one, one, level).promote
    verdict = judge(one, replace(one, able=False), None)
    assert verdict.promote
    assert "cannot score any more" in verdict.reasons[0]


def over(*gaps: float, pooled: Interval = BETTER.difference, held: int = 0, challenger: int = 1) -> Comparison:
    """A comparison on as many windows as there are gaps."""
    windows = tuple(Window(number * DAY, gap, 300) for number, gap in enumerate(gaps))
    return Comparison(pooled, 300 * len(gaps), windows, held or len(gaps), (), challenger)


# Seen to fail with half of the windows instead of two thirds, and with two thirds rounded down.
@pytest.mark.parametrize(
    ("gaps", "promote"),
    [
        ((-0.1, -0.1), True), ((-0.1, 0.01), False), ((-0.1, -0.1, 0.01), True), ((-0.1, 0.01, 0.01), False),
        ((-0.1, -0.1, 0.01, 0.01), False), ((-0.1, -0.1, -0.1, 0.01), True), ((-0.1, -0.1, 0.0), True), ((-0.1, 0.0, 0.0), False),
    ],
)  # fmt: skip
def test_two_windows_of_three_are_needed(gaps: tuple[float, ...], promote: bool) -> None:
    told = judge(OLD, OLD, over(*gaps))
    assert told.promote is promote
    lower = sum(gap < 0 for gap in gaps)
    assert f"lower loss on {lower} of {len(gaps)} windows (needs {needed(len(gaps))})" in told.reasons[0]
    assert f"{gaps[-1]:+.4f}" in told.reasons[0]


def test_lower_on_every_window_is_not_enough_without_significance() -> None:
    told = judge(OLD, OLD, over(-0.001, -0.001, -0.001, pooled=Interval(-0.001, -0.003, 0.001)))
    assert not told.promote
    assert told.reasons[0].startswith("not better than the champion: lower loss on 3 of 3 windows")


def test_windows_that_are_not_fair_to_both_are_counted_aloud() -> None:
    assert "2 more windows are not new to both" in judge(OLD, OLD, over(-0.1, held=3)).reasons[0]


def test_a_suspected_leak_is_refused_with_its_own_words() -> None:
    # Seen to fail with the alarms asked after the champion: the first model of a business leaked.
    leaking = replace(NEW, alarms=("'refund_flag' alone has an AUC of 0.998", "a shuffled future is predicted too"))
    for champion, comparison in ((None, None), (OLD, BETTER), (OTHER, None), (replace(OLD, able=False), None)):
        told = judge(leaking, champion, comparison)
        assert not told.promote
        assert told.reasons[0] == (
            "a leak was found: 'refund_flag' alone has an AUC of 0.998; a shuffled future is predicted too"
        )


def test_a_new_suspicion_needs_a_person_unless_there_is_nothing_to_protect() -> None:
    # Seen to fail with the suspicions among what is only warned of.
    odd = replace(NEW, suspicions=("'order_recency' alone has an AUC of 0.991",))
    told = judge(odd, OLD, BETTER)
    assert not told.promote
    assert told.reasons[0].startswith("a leak is suspected: 'order_recency' alone")
    first = judge(odd, None, None)
    assert first.promote
    assert "warning: 'order_recency' alone has an AUC of 0.991" in first.reasons


def test_drift_needs_a_person_unless_there_is_nothing_to_protect() -> None:
    drifted = replace(NEW, drift="9 of 40 features have drifted (order_recency most)")
    told = judge(drifted, OLD, BETTER)
    assert not told.promote
    assert told.reasons[0].startswith("9 of 40 features have drifted (order_recency most). Look at it, and promote by hand")
    first = judge(drifted, None, None)
    assert first.promote
    assert first.reasons[-1] == "warning: 9 of 40 features have drifted (order_recency most)"


def test_old_data_warn_and_decide_nothing() -> None:
    stale = replace(NEW, stale="the data end 1970-01-02, 400 days ago")
    told = judge(stale, OLD, BETTER)
    assert told.promote
    assert told.reasons[-1] == "warning: the data end 1970-01-02, 400 days ago"


@pytest.mark.parametrize(("many", "promote"), [(1, False), (2, True), (5, True)])
def test_no_segment_may_be_worse_off(many: int, promote: bool) -> None:
    # Bonferroni: what is significant alone is noise among two (0.04 - 2.24 / 1.96 * 0.038 < 0).  Seen to fail with 95 %
    # for each.
    harmed = Segment("tenure: first month", Interval(0.04, 0.002, 0.078), 320)
    same = tuple(Segment(f"tier: {n}", Interval(0.0, -0.01, 0.01), 320) for n in range(many - 1))
    told = judge(NEW, OLD, replace(BETTER, segments=(harmed, *same)))
    assert told.promote is promote
    if not promote:
        assert told.reasons[0].startswith("worse for some customers: tenure: first month (loss +0.0400 on 320 rows, 95 %")
        assert "over all: loss -0.0200" in told.reasons[0]


def test_the_twelfth_challenger_must_be_surer_than_the_first() -> None:
    # Seen to fail with the level of the first for all.
    assert judge(OLD, OLD, replace(BETTER, challenger=1)).promote
    told = judge(OLD, OLD, replace(BETTER, difference=Interval(-0.02, -0.035, -0.005), challenger=12))
    assert not told.promote
    assert "the 12th challenger on this window: judged at 99.936 %" in told.reasons[0]
    assert "99.936 % interval" in told.reasons[0]
    assert judge(OLD, OLD, replace(BETTER, difference=Interval(-0.02, -0.025, -0.015), challenger=12)).promote


def test_all_challengers_together_may_be_wrong_in_five_of_a_hundred_races() -> None:
    assert level_of(1) == pytest.approx(0.95)
    one_sided = sum((1 - level_of(number)) / 2 for number in range(1, 100_000))
    assert one_sided == pytest.approx(0.05, abs=1e-5)


def races(windows: int, customers: int, challengers: int, races: int) -> float:
    """The share of races in which some challenger takes over; all know the truth but for noise of their own."""
    dice, won = np.random.default_rng(7), 0
    for _ in range(races):
        truth = dice.normal(-1, 1.2, (windows, customers))
        y = dice.random(truth.shape) < 1 / (1 + np.exp(-truth))

        def noisy(truth: np.ndarray = truth, y: np.ndarray = y) -> np.ndarray:
            margin = truth + dice.normal(0, 0.3, truth.shape)
            return np.logaddexp(0, margin) - y * margin

        champion = noisy()
        for number in range(1, challengers + 1):
            gap = noisy() - champion
            wide = 1.959964 * gap.mean(axis=0).std() / np.sqrt(customers)
            told = Interval(gap.mean(), gap.mean() - wide, gap.mean() + wide)
            if judge(OLD, OLD, over(*gap.mean(axis=1), pooled=told, challenger=number)).promote:
                won += 1
                break
    return won / races


@pytest.mark.parametrize("windows", [1, 3])
def test_the_luckiest_of_two_hundred_challengers_does_not_win(windows: int) -> None:
    # Planted: the level of the first for all, and half of the races were won; with 0.05 / n it was 7.5 %.
    assert races(windows, 300, 200, 80) <= 0.05


def test_one_window_carries_no_better_grade_than_c() -> None:
    assert [capped(grade, 1) for grade in ("A", "B", "C", "D", "none")] == ["C", "C", "C", "D", "none"]
    assert [capped(grade, 2) for grade in ("A", "D")] == ["A", "D"]


def test_a_stretched_interval_is_what_many_more_draws_would_give() -> None:
    """Oracle: the percentile bootstrap itself at the same level, with draws enough to know its tail."""
    dice = np.random.default_rng(0)
    truth = dice.normal(0, 1, 900)
    y = (dice.random(900) < 1 / (1 + np.exp(-truth))).astype(float)
    one, other = (1 / (1 + np.exp(-truth - dice.normal(0, 0.4, 900))) for _ in range(2))
    who = np.arange(900) // 2
    level = level_of(4)
    found = stretched(paired(log_loss, y, one, other, who), level)
    known = paired(log_loss, y, one, other, who, draws=20_000, level=level)
    width = known.high - known.low
    assert found.low == pytest.approx(known.low, abs=0.08 * width)
    assert found.high == pytest.approx(known.high, abs=0.08 * width)


figure = st.floats(-1, 1)
intervals = st.tuples(figure, figure, figure).map(lambda of: Interval(*(sorted(of)[k] for k in (1, 0, 2))))
standings = st.builds(
    Standing, st.sampled_from(["a", "b"]), st.integers(0, 3), st.sampled_from("ABCD"), intervals, st.booleans(),
    st.lists(st.sampled_from(["one alarm", "another"]), max_size=2).map(tuple), st.sampled_from(["", "it drifts"]),
)  # fmt: skip
comparisons = st.builds(
    Comparison, intervals, st.integers(50, 900),
    st.lists(st.builds(Window, st.integers(0, 9), figure, st.integers(50, 300)), max_size=4).map(tuple), st.integers(1, 4),
    st.lists(st.builds(Segment, st.just("tier: high"), intervals, st.integers(100, 300)), max_size=3).map(tuple), st.integers(1, 200),
)  # fmt: skip


@given(standings, st.none() | standings, st.none() | comparisons)
def test_laws_of_the_judge(candidate: Standing, champion: Standing | None, comparison: Comparison | None) -> None:
    told = judge(candidate, champion, comparison)
    assert told == judge(candidate, champion, comparison)
    assert all(told.reasons)
    if told.promote:
        assert not candidate.alarms
        assert candidate.able
        alive = champion is not None and champion.able and champion.question == candidate.question
        if alive:
            assert champion is not None
            assert candidate.until >= champion.until
            assert not candidate.drift
            assert comparison is None or comparison.difference.low <= 0
            assert candidate.until > champion.until or (comparison is not None and comparison.difference.high < 0)
