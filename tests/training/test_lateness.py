"""How late events arrive, worked out by hand and against NumPy's own quantiles."""

from __future__ import annotations

import numpy as np
import pytest

from tests.histories_made import DAY, HOUR, Event, past
from training.checking.lateness import EDGES, lateness, span_words

SECOND = 1_000_000


def late(delays: list[int], kind: str = "order") -> list[Event]:
    """Events an hour apart, each arriving so many microseconds after it happened."""
    return [Event("u", n * HOUR, kind, arrived=n * HOUR + delay) for n, delay in enumerate(delays)]


def test_by_hand() -> None:
    # Ten events: five arrive at once, four within a minute, one after nine days.
    found = lateness(past(late([0] * 5 + [40 * SECOND] * 4 + [9 * DAY])))
    assert found is not None
    assert [found.within(share) for share in (0.5, 0.9, 0.91, 1.0)] == [0, 60, 9 * 86_400, 9 * 86_400]
    assert found.latest == 9 * 86_400
    assert found.warnings([7, 30]) == []
    assert list(found.lines()) == [
        "half of the events arrive within no time at all, 90 % within 1 minute, 99 % within 9 days; the latest took 9 days"
    ]


def test_a_log_without_arrivals_says_nothing() -> None:
    assert lateness(past([Event("u", 0), Event("v", DAY)])) is None


@pytest.mark.parametrize("seed", range(5))
def test_the_usual_delay_is_the_next_edge_above_the_quantile(seed: int) -> None:
    # Seen to fail with side="right" in the search of the edges.
    dice = np.random.default_rng(seed)
    edges = [int(edge) * SECOND for edge in EDGES[:12]]
    delays = [int(d) for d in np.r_[dice.exponential(5 * HOUR, 200), dice.choice(edges, 50)].astype(np.int64)]
    found = lateness(past(late(delays)))
    assert found is not None
    for share in (0.1, 0.5, 0.9, 0.99):
        exact = np.quantile(np.array(delays) / SECOND, share, method="inverted_cdf")
        assert found.within(share) == min(EDGES[np.searchsorted(EDGES, exact)], max(delays) / SECOND)


def test_a_window_shorter_than_the_delay_is_named() -> None:
    events = late([DAY // 24] * 80) + [
        Event("v", n * HOUR, "refund", arrived=n * HOUR + 20 * DAY) for n in range(5)
    ]
    found = lateness(past(events))
    assert found is not None
    assert found.slowest == "refund"
    [warning] = found.warnings([7, 14, 30])
    assert warning.startswith("'refund' events take up to 20 days to arrive")
    assert "windows of 7 and 14 days" in warning


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "no time at all"), (1, "a second"), (60, "1 minute"), (7_200, "2 hours"), (86_400, "1 day"), (864_000, "10 days")],
)
def test_spans_in_words(seconds: float, said: str) -> None:
    assert span_words(seconds) == said
