"""What callers send and what they get back, as strict models; the OpenAPI document is made of these."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from features.problems import did_you_mean

MOST_USERS = 10_000
MOST_EVENTS = 5_000
SHOWN = 3  # faults named in one message


class Refusal(Exception):  # noqa: N818 the caller's mistake, not ours
    """A caller's mistake: status 4xx, a stable code, what is wrong, and what to send instead."""

    def __init__(self, status: int, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.hint = status, code, message, hint


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
    """What is known of one user at as_of; a question is null where it is not asked, absent where there is no model.

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


class Fault(Strict):
    """code: stable, for programs.  message, hint: what is wrong and what to do, for people."""

    code: str
    message: str
    hint: str


class ErrorResponse(Strict):
    """The body of every 4xx and 5xx."""

    error: Fault


Request = TypeVar("Request", bound=BaseModel)
_CODES = {
    "missing": "missing_field",
    "extra_forbidden": "unknown_field",
    "too_long": "too_many",
    "too_short": "too_few",
}


def parse(model: type[Request], body: bytes) -> Request:
    """Read a request body; raises Refusal that names field, position and what to send instead."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
    first = faults[0]
    if first["type"] == "json_invalid":
        said = first["msg"].removeprefix("Invalid JSON: ")
        raise Refusal(400, "bad_json", f"The body is not JSON: {said}.", f"Send a JSON object: {_wanted(model)}.")
    said = "; ".join(_fault(fault) for fault in faults[:SHOWN])
    more = f"; and {len(faults) - SHOWN:,} more" if len(faults) > SHOWN else ""
    raise Refusal(422, _CODES.get(first["type"], "bad_field"), f"{said}{more}.", _hint(model, first))


def _fault(fault: Any) -> str:
    where = _where(fault["loc"])
    if fault["type"] == "missing":
        return f"{where} is missing"
    if fault["type"] == "extra_forbidden":
        return f"{where} is not a known field"
    return f"{where}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def _where(loc: tuple[str | int, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:60]}" for part in loc)
    return path.removeprefix(".") or "the body"


def _hint(model: type[BaseModel], fault: Any) -> str:
    """What to send instead, in the words of the field's own description."""
    loc: tuple[str | int, ...] = fault["loc"]
    level = model if len(loc) < 2 or fault["type"] != "extra_forbidden" else EventRequest
    if fault["type"] == "extra_forbidden":
        return did_you_mean(str(loc[-1])[:60], level.model_fields)
    fields = EventRequest.model_fields | model.model_fields
    for name in reversed(loc):
        if name in fields:
            return f"Send {fields[str(name)].description}."
    return f"Send a JSON object: {_wanted(model)}."


def _wanted(model: type[BaseModel]) -> str:
    return ", ".join(
        f"{name} = {field.description}" for name, field in model.model_fields.items() if field.is_required()
    )
