"""Calls that wait for the same thing share it: while one commit is on its way, the next gathers all who wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from features.online.database import StoreUnavailable

C = TypeVar("C")
A = TypeVar("A")


@dataclass
class _Waiting(Generic[C, A]):
    call: C
    size: int
    done: bool = False
    alone: bool = False
    answer: A | None = None
    unavailable: str = ""


class Together(Generic[C, A]):
    """Hands the calls of several threads to one `work`, which does all of them or none."""

    def __init__(self, work: Callable[[Sequence[C]], Sequence[A]], most: int) -> None:
        """work: answers, in order.  most: what the sizes of its calls add up to at most, one large call aside."""
        self._work, self._most = work, most
        self._queue: list[_Waiting[C, A]] = []
        self._arriving, self._working = threading.Lock(), threading.Lock()

    def __call__(self, call: C, size: int) -> A:
        """The answer to this call.  Raises StoreUnavailable, together with all who shared the commit."""
        mine: _Waiting[C, A] = _Waiting(call, size)
        with self._arriving:
            self._queue.append(mine)
        with self._working:
            while not mine.done:
                self._do([mine] if mine.alone else self._gathered(), mine)
        if mine.unavailable:
            raise StoreUnavailable(mine.unavailable)
        assert mine.answer is not None
        return mine.answer

    def _gathered(self) -> list[_Waiting[C, A]]:
        with self._arriving:
            count, size = 0, 0
            for waiting in self._queue:
                size += waiting.size
                if count and size > self._most:
                    break
                count += 1
            some, self._queue = self._queue[:count], self._queue[count:]
        return some

    def _do(self, some: list[_Waiting[C, A]], mine: _Waiting[C, A]) -> None:
        again = [waiting for waiting in some if waiting is not mine]
        try:
            answers = self._work([waiting.call for waiting in some])
            again = []
        except StoreUnavailable as error:
            again = []
            for waiting in some:
                waiting.unavailable, waiting.done = str(error), True
            return
        finally:  # what else goes wrong is the matter of one call, which nobody knows until each is tried
            for waiting in again:
                waiting.alone = True
        for waiting, answer in zip(some, answers, strict=True):
            waiting.answer, waiting.done = answer, True
