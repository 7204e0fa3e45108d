"""What `POST /explain` takes and gives, as strict models: everything behind the scores of one user."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from features.definitions import TaskName
from serving.interface.requests import Id, Strict

Format = Literal["json", "png", "svg"]


class ExplainRequest(Strict):
    """Ask for everything behind the scores of one user."""

    user_id: Id = Field(description="a non-empty string: whose scores", examples=["u1"])
    task: TaskName | None = Field(
        None, description='"churn", "conversion" or "ltv"; leave it out for every question that has a model'
    )
    lang: Literal["en", "zh"] = Field("en", description='the language of the sentences: "en" or "zh"')
    as_of: str | None = Field(
        None,
        description="a past moment in ISO 8601, such as 2026-07-15T08:30:00Z; leave it out for the newest state",
        max_length=64,
    )
    format: Format = Field("json", description='"json" for everything, "png" or "svg" for the waterfall as a picture')


class Contribution(Strict):
    """What one input adds to the score.  value: as the model reads it; null where it is not known.

    name: of the feature, as `winback features --describe` explains it.  effect: in the unit of the score.
    """

    name: str
    concept: str
    value: float | None
    effect: float
    text: str
    actionable: bool


class ConceptEffect(Strict):
    """What one concept adds: the sum over its inputs; `text` is of the input that speaks for it.

    name: the concept in the language asked for.
    """

    concept: str
    name: str
    effect: float
    text: str
    actionable: bool
    inputs: int


class Step(Strict):
    """One step of the waterfall: start + effect = end, and each starts where the one before ended.

    concept: null for the last step, which puts together what the others leave.
    """

    concept: str | None
    label: str
    text: str
    start: float
    effect: float
    end: float


class TaskExplanation(Strict):
    """One score from the base, where everybody starts, to where this user stands.

    score: the calibrated probability, or the expected amount, as `unit` says; `probability` repeats it or is null.
    percentile: the share of customers, in percent, who scored lower when the model was made; not a probability.
    base + all effects of `contributions` = base + all effects of `concepts` = the last `end` = score, to 1e-9.
    """

    score: float
    unit: Literal["probability", "amount"]
    probability: float | None
    percentile: float
    base: float
    grade: str
    horizon_days: int
    model: str
    contributions: list[Contribution]
    concepts: list[ConceptEffect]
    waterfall: list[Step]


class ExplainResponse(Strict):
    """What is known of one user; a question is null where it is not asked of them, absent where there is no model."""

    user_id: str
    as_of: str
    events_seen: int
    last_event_at: str
    lag_seconds: float
    lifecycle: str
    churn: TaskExplanation | None = None
    conversion: TaskExplanation | None = None
    ltv: TaskExplanation | None = None
