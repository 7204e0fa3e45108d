"""Survival against a published table, scipy and a loop; and the hazard that a generated business was given."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import CensoredData, ecdf

from training.define.survival import Durations, Survival, kaplan_meier

# Weeks in remission of the 21 patients who were given 6-MP; + means still in remission when last seen.
# Freireich et al. 1963; the table is in Klein, Moeschberger 2003, Survival Analysis, table 4.1 (and Cox 1972).
ENDED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
OPEN = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
PUBLISHED = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
AT_RISK = {6: 21, 7: 17, 10: 15, 13: 12, 16: 11, 22: 7, 23: 6}


def fitted(ended: list[float], still: list[float]) -> Survival:
    return kaplan_meier(Durations.of(np.array(ended, dtype=float), np.array(still, dtype=float)))


def test_the_published_remissions() -> None:
    # Seen to fail with the open ones not at risk on the day they were last seen, and with them counted as ended.
    found = fitted(ENDED, OPEN)
    for week, share in PUBLISHED.items():
        assert found.at(week)[0] == pytest.approx(share, abs=0.0006)
        assert found.at_risk[week] == AT_RISK[week]
    assert found.at(5)[0] == 1
    assert (found.median(), found.ended, found.open) == (23, 9, 12)


def test_intervals_are_scipys() -> None:
    # Seen to fail with the variance of the binomial, S(1-S)/n, in place of Greenwood's sum.
    found = fitted(ENDED, OPEN)
    theirs = ecdf(CensoredData(uncensored=ENDED, right=OPEN)).sf
    between = theirs.confidence_interval(method="log-log")
    for at, week in enumerate(theirs.quantiles.astype(int)):
        low, high = between.low.probabilities[at], between.high.probabilities[at]
        assert found.at(week) == pytest.approx((theirs.probabilities[at], low, high))


def test_parts_add_up_to_the_whole() -> None:
    parts = [Durations.of(np.array(ENDED[n::3], float), np.array(OPEN[n::3], float)) for n in range(3)]
    whole = kaplan_meier(sum(parts, Durations.none()))
    assert whole.lasts.tolist() == fitted(ENDED, OPEN).lasts[: len(whole.lasts)].tolist()


def test_a_constant_monthly_hazard_is_found_again_under_heavy_censoring() -> None:
    """One in ten leaves each month; customers come all the time, so most contracts are open at the end."""
    # Seen to fail with the open ones left out of those at risk.
    dice = np.random.default_rng(4)
    begun = dice.uniform(0, 720, 20_000)
    lasts = 30 * dice.geometric(0.1, 20_000)
    gone = begun + lasts <= 720
    found = fitted(lasts[gone].tolist(), (720 - begun[~gone]).tolist())
    months = found.hazard(30)
    assert [start for start, _, _ in months[:3]] == [0, 30, 60]
    for month, (_, reached, share) in enumerate(months[:12]):
        assert share == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / reached)), month
        low, high = found.at(30 * (month + 1))[1:]
        assert low - 0.01 < 0.9 ** (month + 1) < high + 0.01
    assert found.median() == 210  # the month in which .9^k falls below a half is the seventh


def test_nothing_ended_lasts_for_certain_and_the_median_is_not_known() -> None:
    found = fitted([], [5.9, 7.2])
    assert (found.at(5), found.median(), found.known_until(), found.hazard(1)) == ((1.0, 1.0, 1.0), None, 0, ())
