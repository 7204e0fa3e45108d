"""Each detector of leaks sees its leak, says what it saw, and says nothing of an honest training.

`python -m experiments.leaks` plants many more on real data; here is one for each, small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from features.build import FeatureTable, build
from features.catalog import Catalog, catalog
from features.histories import Histories
from tests import made
from tests.histories_made import DAY, Event, past
from training.calibration import fit_beta
from training.labels import labels
from training.leaks.alarm import Searched
from training.leaks.columns import Tried, flags, telling
from training.leaks.encoding import encoded
from training.leaks.future import future, own_code, today
from training.leaks.identity import meeting, stamped, turnover, twins, two_ways
from training.leaks.moments import held_apart, on_time, unfinished
from training.leaks.permuted import dealt, permutation
from training.leaks.promised import promised, scored
from training.leaks.rebuilt import match, outcomes, population, rebuilt, relabelled, verdicts
from training.leaks.sample import another_future, keep, known_by, look
from training.leaks.search import search
from training.rows import Rows
from training.splits import Fold, Timeline, folds

ASKED = made.question("churn")
KNOWN, CATALOG = made.known(), made.features()
LINE, ROWS = made.learned("churn")
FOLDS = folds(LINE, LINE.test, ROWS.as_of, ROWS.group)
FIT = made.rungs("churn")["rfm"].fit


@lru_cache(maxsize=4)
def clean(task: str, users: int = 300) -> Searched:
    line, rows = made.learned(task, users)  # type: ignore[arg-type]
    log, features = made.known(users), made.features(users)
    asked = made.question(task)  # type: ignore[arg-type]
    fit = made.rungs(task)["rfm"].fit  # type: ignore[arg-type]
    return search(asked, log, features, line, rows, folds(line, line.test, rows.as_of, rows.group), fit)


def with_column(name: str, values: np.ndarray, rows: Rows = ROWS) -> Rows:
    return replace(rows, names=(*rows.names, name), x=np.column_stack([rows.x, values]).astype(np.float32))


def orders(changed: Callable[[Event], Event]) -> Histories:
    return past([changed(event) for event in made.shop()])


@pytest.mark.parametrize(("task", "users"), [("churn", 300), ("conversion", 120), ("ltv", 120)])
def test_an_honest_training_raises_no_alarm(task: str, users: int) -> None:
    found = clean(task, users)
    assert found.alarms == ()
    assert {turn.kind for turn in found.ran if turn.why_not} == {"own code", "today", "score", "promise"}
    assert all(turn.rows > 0 for turn in found.ran if not turn.why_not)


def test_what_did_not_run_is_said() -> None:
    lines = clean("churn").lines()
    assert lines[0] == "16 leak detectors ran, and found nothing"
    assert "not looked for: promise, nothing was promised" in lines


def test_the_same_search_gives_the_same_answer() -> None:
    wrong = replace(ROWS, y=1 - ROWS.y)
    one, two = (search(ASKED, KNOWN, CATALOG, LINE, wrong, FOLDS[:1], FIT) for _ in range(2))
    assert one == two
    assert one.alarms


def test_outcomes_of_contracts_are_counted_apart_too() -> None:
    # Every user, every moment: two ways to walk the same events must agree, and a wrong one is seen.
    contract = replace(ASKED, contract=("order", "visit"), kinds=("order",), term_days=40, grace_days=3)
    endless = replace(contract, contract=("order",), cancel=("visit",), term_days=0, grace_days=0)
    everybody = np.arange(len(KNOWN))
    for question in (contract, endless):
        for at in LINE.cutoffs:
            theirs = labels(question, KNOWN, everybody, at)
            assert 0 < theirs.mean() < 1 or question is endless
            ours = outcomes(question, KNOWN, everybody, np.full(len(everybody), at))
            np.testing.assert_array_equal(ours, theirs)


def test_another_future_keeps_the_past() -> None:
    at = LINE.test
    some = another_future(KNOWN, at)
    before = keep(KNOWN, known_by(KNOWN, at))
    again = keep(some, known_by(some, at))
    for column in ("time", "kind", "item", "hour", "offsets"):
        assert getattr(before, column).tolist() == getattr(again, column).tolist()
    assert (np.diff(some.offsets) == np.diff(KNOWN.offsets)).all()
    assert all((np.diff(some.time[a:b]) >= 0).all() for a, b in zip(some.offsets, some.offsets[1:], strict=False))


def test_features_that_see_a_day_too_much_are_named() -> None:
    def late(histories: Histories, made_of: Catalog, users: np.ndarray, as_of: np.ndarray) -> FeatureTable:
        honest, peeking = (build(histories, made_of, users, as_of + days * DAY) for days in (0, 1))
        honest.values[:, made_of.position["order_count_7d"]] = peeking.column("order_count_7d")
        return honest

    (alarm,) = future(look(KNOWN).some, CATALOG, LINE.cutoffs, late)
    assert alarm.columns == ("order_count_7d",)
    assert "Cut the history at as_of" in alarm.says
    assert future(look(KNOWN).some, CATALOG, LINE.cutoffs) == ()


def test_late_arrivals_count_as_the_future() -> None:
    delayed = past([event._replace(arrived=event.time + 10 * DAY) for event in made.shop(80)])

    def naive(histories: Histories, made_of: Catalog, users: np.ndarray, as_of: np.ndarray) -> FeatureTable:
        return build(histories.as_known_today(), made_of, users, as_of)

    assert future(delayed, CATALOG, LINE.cutoffs[-1:], naive)
    assert future(delayed, CATALOG, LINE.cutoffs[-1:]) == ()


@pytest.mark.parametrize(("days", "says"), [(7, "7 days later"), (-3, "3 days earlier")])
def test_features_of_another_moment_are_told_apart(days: int, says: str) -> None:
    some = look(KNOWN).some
    x = ROWS.x.copy()
    x[:, : len(CATALOG.names)] = build(KNOWN, CATALOG, ROWS.user, ROWS.as_of + days * DAY).values
    rows = replace(ROWS, x=x)
    (alarm,) = rebuilt(rows, match(rows, some), some, CATALOG)
    assert says in alarm.says
    assert rebuilt(ROWS, match(ROWS, some), some, CATALOG) == ()


def test_outcomes_counted_apart_are_those_of_the_labels() -> None:
    """Two ways to count, written apart, agree on every task, with a gap and a cancellation among them."""
    for task in made.TASKS:
        for asked in (made.question(task), replace(made.question(task), gap_days=5, cancel=("visit",))):
            at = LINE.cutoffs[1]
            users = KNOWN.seen(at)
            own = outcomes(asked, KNOWN, users, np.full(len(users), at))
            assert own == pytest.approx(labels(asked, KNOWN, users, at))


def test_labels_of_another_window_are_told_apart() -> None:
    some = look(KNOWN).some
    early = replace(ROWS, y=outcomes(ASKED, KNOWN, ROWS.user, ROWS.as_of - 7 * DAY))
    (alarm,) = relabelled(early, match(early, some), some, ASKED)
    assert "a window 7 days earlier" in alarm.says
    assert 0 < alarm.figure < 1


def test_a_gap_that_labels_ignore_is_said() -> None:
    some, asked = look(KNOWN).some, replace(ASKED, gap_days=5)
    (alarm,) = relabelled(ROWS, match(ROWS, some), some, asked)
    assert "They ignore the gap of 5 days" in alarm.says


def test_survivors_are_missed() -> None:
    alive = KNOWN.time[KNOWN.offsets[1:] - 1] > KNOWN.span.last - 30 * DAY
    rows, some = ROWS.take(alive[ROWS.user]), look(KNOWN).some
    (alarm,) = population(rows, match(rows, some), some, ASKED, CATALOG, LINE)
    assert "have no row" in alarm.says


def test_rhythm_models_of_the_end_are_seen() -> None:
    x = ROWS.x.copy()
    x[:, ROWS.names.index("btyd_pareto_return")] += 0.1
    (alarm,) = verdicts(replace(ROWS, x=x), KNOWN, CATALOG, ASKED, LINE.cutoffs[0])
    assert alarm.columns == ("btyd_pareto_return",)


def folded(train: np.ndarray, valid: np.ndarray) -> list[str]:
    fold = Fold(np.flatnonzero(train), np.flatnonzero(valid), LINE.test)
    return [alarm.says for alarm in held_apart(ROWS, (fold,), ASKED)]


def test_customers_on_both_sides_are_counted() -> None:
    valid = ROWS.as_of == LINE.test
    (said,) = folded(ROWS.as_of + LINE.reach <= LINE.test, valid)
    assert "judged customers are also learned from" in said


def test_windows_that_are_not_over_are_counted() -> None:
    mine = ROWS.group == 0
    (said,) = folded(~mine & (ROWS.as_of < LINE.test), mine & (ROWS.as_of == LINE.test))
    assert "days past the moment they are judged at" in said


def test_without_an_earlier_window_the_judged_one_may_be_shared() -> None:
    """The library's own way out when history is short raises no alarm; later windows still do."""
    line = Timeline(LINE.cutoffs[:2], LINE.reach)
    rows = ROWS.take(np.isin(ROWS.as_of, line.cutoffs))
    shared = folds(line, line.test, rows.as_of, rows.group)
    assert held_apart(rows, shared, ASKED) == ()
    first = folds(replace(line, cutoffs=line.cutoffs[:1]), line.cutoffs[0], rows.as_of, rows.group)
    later = [Fold(np.flatnonzero(rows.group != 0), fold.valid, fold.judged_at) for fold in first[:1]]
    assert held_apart(rows, later, ASKED)


def test_a_row_twice_is_counted() -> None:
    twice = ROWS.take(np.r_[np.arange(len(ROWS)), np.arange(10)])
    (alarm,) = held_apart(twice, (), ASKED)
    assert alarm.says.startswith("10 of")


@pytest.mark.parametrize(("line", "rows", "says"), [
    (replace(LINE, reach=LINE.reach - DAY), ROWS, "windows are held 44 days apart"),
    (replace(LINE, cutoffs=(*LINE.cutoffs, LINE.test + DAY)), ROWS, "end after the log is complete"),
    (LINE, replace(ROWS, as_of=ROWS.as_of + 1), "as of moments that are no cut-off"),
])  # fmt: skip
def test_moments_that_do_not_fit_are_said(line: Timeline, rows: Rows, says: str) -> None:
    assert any(says in alarm.says for alarm in on_time(rows, line, ASKED, KNOWN, CATALOG))


def test_what_no_past_can_give_is_named() -> None:
    x = ROWS.x.copy()
    x[::50, ROWS.names.index("order_recency")] = -1
    (alarm,) = on_time(replace(ROWS, x=x), LINE, ASKED, KNOWN, CATALOG)
    assert alarm.columns == ("order_recency",)


def test_copies_across_the_split_learn_dealt_outcomes() -> None:
    """Groups by row and each row three times over: the trees know the copies."""
    rows = ROWS.take(np.repeat(np.arange(len(ROWS)), 3))
    group = np.random.default_rng(0).integers(0, 3, len(rows))
    test = rows.as_of == LINE.test
    parts = [Fold(np.flatnonzero(test & (group != g)), np.flatnonzero(test & (group == g)), LINE.test) for g in range(3)]
    assert permutation(rows, parts, FIT)
    assert permutation(ROWS, FOLDS, FIT) == ()


def test_dealing_keeps_each_moment_s_outcomes_and_a_customer_s_lot() -> None:
    played = dealt(ROWS, 1)
    for at in LINE.cutoffs:
        here = ROWS.as_of == at
        assert sorted(played.y[here]) == sorted(ROWS.y[here])
    order = np.argsort(ROWS.user, kind="stable")
    same = (np.diff(ROWS.user[order]) == 0)
    assert np.mean((np.diff(played.y[order]) == 0)[same]) > 0.8
    assert abs(np.corrcoef(played.y, ROWS.y)[0, 1]) < 0.15


def test_a_column_of_the_outcome_is_named() -> None:
    flip = np.random.default_rng(0).random(len(ROWS)) < 0.02
    rows = with_column("status", np.where(flip, 1 - ROWS.y, ROWS.y))
    (alarm,) = telling(Tried.of(rows, CATALOG))
    assert alarm.columns == ("status",)


def test_a_form_that_only_leavers_fill_in_is_a_flag() -> None:
    # A weak column: an AUC of .6 at most.
    filled = (ROWS.y == 1) & (np.random.default_rng(0).random(len(ROWS)) < 0.2)
    (alarm,) = flags(Tried.of(with_column("reason", np.where(filled, 1.0, np.nan)), CATALOG))
    assert alarm.columns == ("reason",)


@pytest.mark.parametrize("pull", [0.0, 10.0])
def test_an_encoding_by_outcomes_is_closer_than_chance(pull: float) -> None:
    region = (np.random.default_rng(0).permutation(len(ROWS.people)) // 6)[ROWS.user]
    count, total = np.bincount(region)[region], np.bincount(region, ROWS.y)[region]
    rate = (total + pull * ROWS.y.mean()) / (count + pull)
    (alarm,) = encoded(with_column("region_rate", rate), CATALOG)
    assert alarm.columns == ("region_rate",)
    honest = np.bincount(region, np.random.default_rng(1).permutation(ROWS.y))[region] / count
    assert encoded(with_column("region_rate", honest), CATALOG) == ()


def test_spend_of_the_window_is_the_outcome_itself() -> None:
    _, rows = made.learned("ltv", 120)
    (alarm,) = encoded(with_column("spend", rows.y, rows), made.features(120))
    assert "is the outcome itself" in alarm.says


def test_an_id_among_the_columns_is_named() -> None:
    number = np.random.default_rng(0).permutation(len(ROWS.people))[ROWS.user]
    (alarm,) = encoded(with_column("number", number), CATALOG)
    assert alarm.columns == ("number",)


MIDDLE = made.START + 80 * DAY


def test_ids_that_change_are_seen() -> None:
    renamed = orders(lambda e: e._replace(user=f"x{int(e.user[1:]) * 7919 % 10007:x}") if e.time > MIDDLE else e)
    assert "vanish and others take their place" in turnover(renamed, ASKED, LINE.test + LINE.reach)[0].says
    padded = orders(lambda e: e._replace(user=f"U-{int(e.user[1:])}") if e.time > MIDDLE else e)
    assert "one person written in two ways" in two_ways(padded)[0].says
    assert turnover(KNOWN, ASKED, LINE.test + LINE.reach) == two_ways(KNOWN) == ()


def test_two_people_with_similar_ids_may_live_side_by_side() -> None:
    both = past([*made.shop(), *(e._replace(user=e.user.replace("u", "U")) for e in made.shop(seed=2))])
    assert two_ways(both) == ()


def test_people_who_are_there_twice_are_counted() -> None:
    copies = [e._replace(user=e.user + "b") for e in made.shop(60)]
    assert twins(past([*made.shop(), *copies]))
    assert twins(KNOWN) == ()


def test_kinds_that_never_meet_are_named() -> None:
    apart = orders(lambda e: e._replace(user="d" + e.user) if e.kind == "visit" else e)
    assert meeting(apart, ASKED)[0].says.startswith("of 2")
    assert meeting(KNOWN, ASKED) == ()


def test_totals_in_place_of_amounts_are_seen() -> None:
    total: dict[str, float] = {}
    for e in made.shop():
        total[e.user] = total.get(e.user, 0.0) + (e.value or 0.0)
    assert stamped(orders(lambda e: e._replace(value=total[e.user]) if e.kind == "order" else e))
    assert stamped(KNOWN) == ()


def test_one_wrong_date_does_not_end_the_log() -> None:
    log = past([*made.shop(), Event("u00001", KNOWN.span.last + 400 * DAY, "visit")])
    line = Timeline((log.span.last - 45 * DAY,), 45 * DAY)
    early = Timeline((KNOWN.span.last - 10 * DAY,), 45 * DAY)
    assert unfinished(log, early, ASKED)
    assert unfinished(KNOWN, LINE, ASKED) == ()
    assert unfinished(log, line, ASKED)  # nothing right before it either


def honest(n: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(0)
    p = dice.beta(2, 3, n)
    return (dice.random(n) < p).astype(np.float64), p


def test_a_calibration_on_the_judged_rows_is_too_good() -> None:
    y, p = honest()
    assert promised(y, p) == ()
    assert promised(y, fit_beta(y, p).apply(p))
    cells = np.searchsorted(np.quantile(p, np.linspace(0, 1, 21)[1:-1]), p)
    assert promised(y, (np.bincount(cells, y) / np.bincount(cells))[cells] + 1e-4)
    assert promised(y * 10.0, p * 10.0 * y.sum() / p.sum())


def test_a_score_that_says_nothing_is_seen_where_something_could_be_said() -> None:
    y, p = honest()
    shuffled = np.random.default_rng(1).permutation(p)
    assert "no better than chance" in scored(y, shuffled, 0.75)[0].says
    assert scored(y, shuffled, 0.52) == ()  # a hard question
    assert scored(y, p, 0.75) == ()
    assert "the same for" in scored(y, np.full(len(y), 0.3), 0.5)[0].says


HEAD = 'from features.custom import feature\n\n@feature(unit="x", concept="rhythm", says="own")\n'


def own(folder: Path, code: str) -> Catalog:
    (folder / "mine.py").write_text(HEAD + code, "utf-8")
    asked = made.asking(features={"windows_days": [7], "custom": "mine.py"}).model_copy(update={"root": folder})
    return catalog(asked, KNOWN.uses())


@pytest.mark.parametrize(("code", "says"), [
    ("def f(past, as_of):\n    import time\n    return time.time_ns() * 0.0\n", "looks at the clock (time_ns in line 6)"),
    ("def f(past, as_of):\n    return len(open('/dev/null').read())\n", "files or databases"),
    ("def f(past, as_of, seen=[]):\n    seen.append(1)\n    return len(seen)\n", "when asked a second time"),
    ("def f(past, as_of):\n    return int(past.time[0]) % 1009\n", "moved by one second"),
])  # fmt: skip
def test_own_features_that_know_more_than_the_history(tmp_path: Path, code: str, says: str) -> None:
    made_of = own(tmp_path, code)
    assert made_of.custom is not None
    found = own_code(made_of.custom, look(KNOWN).some, made_of, LINE.test)
    assert any(says in alarm.says for alarm in found)


def test_honest_own_features_raise_no_alarm(tmp_path: Path) -> None:
    """A season's feature moves from cut-off to cut-off, and is no leak."""
    season = "def f(past, as_of):\n    return (as_of // 86_400_000_000) % 365 + float(past.age_days.min())\n"
    made_of = own(tmp_path, season)
    assert made_of.custom is not None
    some = look(KNOWN).some
    assert own_code(made_of.custom, some, made_of, LINE.test) == ()
    assert today(some, made_of, LINE.cutoffs) == future(some, made_of, LINE.cutoffs) == ()


def test_an_own_feature_that_fails_today_is_seen(tmp_path: Path) -> None:
    ends = KNOWN.span.last
    made_of = own(tmp_path, f"def f(past, as_of):\n    return (as_of < {ends}) * (len(past) % 7 + 1)\n")
    (alarm,) = today(look(KNOWN).some, made_of, LINE.cutoffs)
    assert alarm.columns == ("custom_f",)
