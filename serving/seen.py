"""What is known of some users at the moment that a caller asks about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from features.build import History
from features.clock import format_instant, parse_instant
from features.problems import InputProblem
from serving.interface.requests import Refusal
from serving.posting import EARLIEST


@dataclass(frozen=True)
class Seen:
    """What was known of some users at one moment.

    histories: up to as_of (microseconds UTC), of those who had an event by then.  kinds: what their codes mean.
    lag_seconds: how long ago the newest event of anybody happened.
    """

    histories: Mapping[str, History]
    kinds: tuple[str, ...]
    as_of: int
    lag_seconds: float

    def about(self, user: str, named: str) -> dict[str, Any]:
        """What an answer says of a user beside the scores; named: the id that the caller uses."""
        history = self.histories[user]
        return {
            "user_id": named, "events_seen": history.events, "last_event_at": format_instant(history.last),
            "as_of": format_instant(self.as_of), "lag_seconds": self.lag_seconds,
        }  # fmt: skip


def past_moment(text: str, zone: str, now: int) -> int:
    """A moment of the past as a caller writes it; raises Refusal: bad_as_of, as_of_in_the_future."""
    hint = "Send ISO 8601, such as 2026-07-15T08:30:00Z, or leave as_of out."
    try:
        moment = parse_instant(text, zone)
    except InputProblem as problem:
        raise Refusal(422, "bad_as_of", f"as_of: {problem}", hint) from None
    if moment < EARLIEST:
        raise Refusal(422, "bad_as_of", "as_of is before 1900.", hint)
    if moment > now:
        said = f"as_of: {format_instant(moment)} has not come yet; it is {format_instant(now)}."
        hint = "Send a past moment, or leave as_of out for the newest state."
        raise Refusal(422, "as_of_in_the_future", said, hint)
    return moment
