"""How late events arrive, by the source's own clock of ingestion; what a window shorter than that delay misses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.past import Past

SECOND, MINUTE, HOUR, DAY = 1, 60, 3_600, 86_400
EDGES = np.array(
    [0, SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR]
    + [days * DAY for days in (1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 180, 365, 730)]
)
USUAL = 0.9  # the usual delay is the one within which this share of the events has arrived


@dataclass(frozen=True)
class Lateness:
    """counts: (k, e + 1) events by kind and delay, EDGES[i - 1] < delay <= EDGES[i] seconds in column i, longer ones
    last.  kinds: (k,).  latest: the longest delay in seconds."""

    kinds: tuple[str, ...]
    counts: NDArray[np.int64]
    latest: float

    def within(self, share: float, kind: str = "") -> float:
        """The shortest of EDGES within which that share of the events (of a kind) has arrived, or the longest delay."""
        counts = self.counts[self.kinds.index(kind)] if kind else self.counts.sum(axis=0)
        enough = np.flatnonzero(np.cumsum(counts) >= share * counts.sum())
        return min(float(EDGES[enough[0]]), self.latest) if enough[0] < len(EDGES) else self.latest

    @property
    def slowest(self) -> str:
        """The kind that usually arrives latest, of those with any event."""
        known = [kind for kind, counts in zip(self.kinds, self.counts, strict=True) if counts.sum()]
        return max(known, key=lambda kind: self.within(USUAL, kind))

    def lines(self) -> Iterator[str]:
        """For a person to read."""
        half, most, nearly = (span_words(self.within(share)) for share in (0.5, USUAL, 0.99))
        yield f"half of the events arrive within {half}, 90 % within {most}, 99 % within {nearly}; the latest took " + (
            f"{span_words(self.latest)}"
        )
        if self.within(USUAL, self.slowest) > self.within(USUAL):
            yield f"slowest: '{self.slowest}', 90 % within {span_words(self.within(USUAL, self.slowest))}"

    def warnings(self, windows_days: Sequence[int]) -> list[str]:
        """What to know when a window is shorter than the usual delay of all events, or else of the slowest kind."""
        found: list[str] = []
        for what, kind in (("events", ""), (f"'{self.slowest}' events", self.slowest)):
            delay = self.within(USUAL, kind)
            short = [days for days in windows_days if days * DAY < delay]
            if short and not found:
                named = " and ".join(str(days) for days in short)
                found.append(
                    f"{what} take up to {span_words(delay)} to arrive (90 % of them), so windows of {named} days miss "
                    f"most of what happened in them; leave {named} out of windows_days, or bring events in sooner."
                )
        return found


def lateness(past: Past) -> Lateness | None:
    """How late the events of a past arrived; None when it does not say when they did."""
    if not past.arrivals:
        return None
    counts = np.zeros((len(past.kinds), len(EDGES) + 1), dtype=np.int64)
    latest = 0.0
    for histories in past.buckets():
        delay = (histories.arrived - histories.time) / 1_000_000
        cell = histories.kind.astype(np.int64) * counts.shape[1] + np.searchsorted(EDGES, delay, side="left")
        counts += np.bincount(cell, minlength=counts.size).reshape(counts.shape)
        latest = max(latest, float(delay.max()))
    return Lateness(past.kinds, counts, latest)


def span_words(seconds: float) -> str:
    """A length of time in the unit in which a person would say it."""
    for size, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count:,} {name}{'' if count == 1 else 's'}"
    return "a second" if seconds > 0 else "no time at all"
