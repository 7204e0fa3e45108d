"""Two at a time: every part once, in its order, and a failure is not lost."""

from __future__ import annotations

import threading

import pytest

from training.in_pairs import AT_ONCE, in_pairs


def test_results_keep_the_order_of_their_parts() -> None:
    met = threading.Barrier(2, timeout=30)

    def work(part: int) -> int:
        met.wait()  # ends only when two are under way at the same time
        return part * part

    assert in_pairs(work, range(4)) == [0, 1, 4, 9]


def test_no_more_than_two_are_under_way() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.01)
        with lock:
            running -= 1

    in_pairs(work, range(8))
    assert most <= AT_ONCE


def test_a_failure_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        in_pairs(lambda part: 1 // part, [1, 0])
