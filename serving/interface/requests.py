"""What callers send and what they get back, as strict models; the OpenAPI document is made of these."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from features.definitions import TaskName

MOST_USERS = 10_000
MOST_EVENTS = 5_000
Headers = tuple[tuple[bytes, bytes], ...]
SOON: Headers = ((b"retry-after", b"1"),)


class Refusal(Exception):  # noqa: N818 the caller's mistake, or bad luck, not ours
    """An answer other than the one asked for: status, a stable code, what is wrong, and what to send instead.

    headers: those that HTTP asks of the status, such as SOON.
    """

    def __init__(self, status: int, code: str, message: str, hint: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.hint, self.headers = status, code, message, hint, headers


class Strict(BaseModel):
    """No unknown field, no guessed type, no blanks around a text."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True, frozen=True)


Id = Annotated[str, Field(min_length=1, max_length=512)]


class ScoreRequest(Strict):
    """Ask for the scores of some users."""

    user_ids: Annotated[list[Id], Field(min_length=1, max_length=MOST_USERS)] = Field(
        description=f"a list of 1 to {MOST_USERS:,} user ids, each a non-empty string", examples=[["u1", "u2"]]
    )
    reasons: Annotated[int, Field(ge=0, le=10)] = Field(
        3, description="how many reasons a score gets: a whole number from 0 to 10"
    )
    tasks: Annotated[list[TaskName], Field(min_length=1, max_length=3)] | None = Field(
        None,
        description='a non-empty list out of "churn", "conversion", "ltv"; leave it out for all that have a model',
        examples=[["churn"]],
    )
    lang: Literal["en", "zh"] = Field("en", description='the language of the reasons: "en" or "zh"')
    as_of: str | None = Field(
        None,
        description="a past moment in ISO 8601, such as 2026-07-15T08:30:00Z; leave it out for the newest state",
        max_length=64,
    )


class EventRequest(Strict):
    """One event; with its id it may be sent twice and counts once."""

    event_id: Id = Field(description="a non-empty string that is the same whenever this event is sent again")
    user_id: Id = Field(description="a non-empty string: whose event it is")
    time: str = Field(
        description="when it happened, in ISO 8601, such as 2026-07-15T08:30:00Z; without offset: business time",
        min_length=1, max_length=64,
    )  # fmt: skip
    kind: str = Field(
        description='a non-empty string that names what happened, such as "order"', min_length=1, max_length=200
    )
    value: float | None = Field(None, description="a finite number, or null when the event has no value")
    item: str | None = Field(None, description="a string such as a product or page, or null", max_length=1_000)


class EventsRequest(Strict):
    """Tell what happened."""

    events: Annotated[list[EventRequest], Field(min_length=1, max_length=MOST_EVENTS)] = Field(
        description=f"a list of 1 to {MOST_EVENTS:,} events, each an object with event_id, user_id, time, kind"
    )


class Reason(Strict):
    """One cause of a score in words; effects and the base add up to the score."""

    concept: str
    effect: float
    text: str
    actionable: bool


class Estimate(Strict):
    """What every score says of itself: base + the effects of the reasons + other_effect = the score.

    percentile: the share of customers, in percent, who scored lower when the model was made; not a probability.
    grade: A to D, how much evidence the model had.
    """

    percentile: float
    grade: str
    horizon_days: int
    base: float
    other_effect: float
    reasons: list[Reason]


class Probability(Estimate):
    """How likely it is within the horizon, from 0 to 1, and which third that is: low, medium or high.

    uncertainty: how far the probability could move for want of evidence, 0 to 1; null where the model does not know.
    """

    probability: float
    uncertainty: float | None
    band: Literal["low", "medium", "high"]


class Amount(Estimate):
    """How much to expect within the horizon; the share `interval` of customers ended between low and high.

    low_90, high_90: the same for nine customers in ten, so they enclose low and high.
    """

    expected: float
    low: float
    high: float
    low_90: float
    high_90: float
    interval: float


class Score(Strict):
    """What is known of one user at as_of.

    A question is null where it does not concern this user, absent where there is no model or `tasks` left it out.

    lag_seconds: how long ago the newest event of anybody happened; if it grows, the feed of events has stalled.
    models: the model behind each question, such as winback-churn/3.
    """

    user_id: str
    as_of: str
    events_seen: int
    last_event_at: str
    lag_seconds: float
    lifecycle: Literal["prospect", "new", "active", "returning", "slipping", "lapsed", "left"]
    churn: Probability | None = None
    conversion: Probability | None = None
    ltv: Amount | None = None
    models: dict[str, str]


class ScoreResponse(Strict):
    """One score a known user, in the order asked; users without an event are `missing`, not scored as zero."""

    scores: list[Score]
    missing: list[str]


class Rejected(Strict):
    """Why the event at `index` of the request was not taken."""

    index: int
    reason: str


class EventsResponse(Strict):
    """What became of the events: accepted + duplicates + rejected are all that were sent."""

    accepted: int
    duplicates: int
    rejected: list[Rejected]


class Listing(Strict):
    """What there is, by method and path."""

    service: Literal["winback"]
    endpoints: dict[str, str]


class Fault(Strict):
    """code: stable, for programs.  message, hint: what is wrong and what to do, for people."""

    code: str
    message: str
    hint: str


class ErrorResponse(Strict):
    """The body of every 4xx and 5xx."""

    error: Fault
