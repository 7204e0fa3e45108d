"""What several definitions of leaving and of converting give on one log, side by side, and which one to take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from features.clock import DAY, format_instant
from features.definitions import Definition
from training.define.survival import Survival
from training.return_curve import ReturnCurve

Rule = Literal["silence", "decline", "no_purchase", "no_second", "cancel", "contract", "conversion"]
SHOWN_DAYS = (7, 14, 30, 60, 90, 180, 365)


@dataclass(frozen=True)
class Alternative:
    """One way to ask the question.

    silence: none of the activity.  decline: less than half of the own baseline.  no_purchase: no purchase, whatever
    else happens.  no_second: of those who bought once, nobody who buys again.  cancel, contract: the end of a contract.
    """

    rule: Rule
    definition: Definition
    in_use: bool = False


@dataclass(frozen=True)
class Moment:
    """One cut-off.  asked, outcome: of whom it was asked, who left (or converted).

    followed: of the outcome, those watched for the whole follow-up after the window, which is all or none of them.
    back: of those, who came back in it.
    """

    as_of: int
    asked: int
    outcome: int
    followed: int = 0
    back: int = 0

    @property
    def rate(self) -> float:
        return self.outcome / self.asked if self.asked else math.nan

    @property
    def rarer(self) -> int:
        """Users with the rarer outcome, of whom a model learns most."""
        return min(self.outcome, self.asked - self.outcome)


@dataclass(frozen=True)
class Row:
    """One alternative in figures.

    moments: the cut-offs with a whole window ahead of them, oldest first.  certain_days: median days from the question
    until its answer is certain: the whole window for a silence, the end of the contract for one, the target for a
    conversion.  silent_days: median days of silence already behind those who then left.
    returns: P(comes back later | silent for the horizon), NaN where it is not about silence or cannot be told.
    """

    alternative: Alternative
    moments: tuple[Moment, ...]
    certain_days: float
    silent_days: float
    returns: float

    @property
    def definition(self) -> Definition:
        return self.alternative.definition

    @property
    def last(self) -> Moment | None:
        return self.moments[-1] if self.moments else None

    @property
    def rate(self) -> float:
        """The mean of the shares over the cut-offs."""
        return sum(one.rate for one in self.moments) / len(self.moments) if self.moments else math.nan

    @property
    def spread(self) -> float:
        """The highest share minus the lowest, 0 to 1; NaN with fewer than two cut-offs."""
        rates = [one.rate for one in self.moments]
        return max(rates) - min(rates) if len(rates) > 1 else math.nan

    @property
    def false_lost(self) -> float:
        """Of those called gone, the share who came back within the follow-up; NaN where nobody could be followed."""
        followed = sum(one.followed for one in self.moments)
        return sum(one.back for one in self.moments) / followed if followed else math.nan

    @property
    def windows(self) -> int:
        """How many windows fit between the first cut-off and the last without overlap."""
        if not self.moments:
            return 0
        reach = self.definition.reach_days * DAY
        return 1 + (self.moments[-1].as_of - self.moments[0].as_of) // reach

    def to_json(self) -> dict[str, Any]:
        figures = {name: getattr(self, name) for name in ("certain_days", "silent_days", "returns")}
        made = {name: getattr(self, name) for name in ("rate", "spread", "false_lost", "windows")}
        return {
            "rule": self.alternative.rule, "in_use": self.alternative.in_use,
            "definition": self.definition.to_json(), "says": self.definition.sentence(),
            "moments": [asdict(one) | {"as_of": format_instant(one.as_of)} for one in self.moments],
            **{name: None if math.isnan(value) else value for name, value in (figures | made).items()},
        }  # fmt: skip


@dataclass(frozen=True)
class Advice:
    """Which row to take.  chosen: its number, None when none can be recommended.

    because: the name of the reason.  cautions: names of what to know beside it.
    """

    chosen: int | None
    because: str
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """All alternatives of one question, and the advice.  rows are () where the business does not ask it."""

    rows: tuple[Row, ...] = ()
    advice: Advice = Advice(None, "not_asked")

    @property
    def chosen(self) -> Row | None:
        return None if self.advice.chosen is None else self.rows[self.advice.chosen]

    @property
    def in_use(self) -> Row | None:
        return next((row for row in self.rows if row.alternative.in_use), None)

    def to_json(self) -> dict[str, Any]:
        return {"alternatives": [row.to_json() for row in self.rows], "advice": asdict(self.advice)}


@dataclass(frozen=True)
class Comparison:
    """What `winback define` found.

    curve: of the activity.  kinds: the activity.  follow_days: how long those called gone were watched afterwards.
    contract: how long contracts last, None where there are none; contract_kinds: what begins or continues one.
    period_days: the contract's term, or a month.  until: complete data end here, microseconds UTC.
    """

    churn: Question
    conversion: Question
    curve: ReturnCurve
    kinds: tuple[str, ...]
    follow_days: int
    until: int
    zone: str
    contract: Survival | None = None
    contract_kinds: tuple[str, ...] = ()
    period_days: int = 30

    def to_json(self) -> Mapping[str, Any]:
        """Everything in plain values; what is not known is null."""
        known = [(days, self.curve.after(days)) for days in SHOWN_DAYS]
        return {
            "complete_until": format_instant(self.until), "follow_days": self.follow_days, "activity": self.kinds,
            "comes_back_after_silent_days": {days: None if math.isnan(p) else p for days, p in known},
            "churn": self.churn.to_json(), "conversion": self.conversion.to_json(),
            "contract": _survival_json(self) if self.contract else None,
        }  # fmt: skip


def _survival_json(found: Comparison) -> dict[str, Any]:
    assert found.contract is not None
    survival = found.contract
    days = range(0, survival.known_until() + 1, found.period_days)
    shares = [dict(zip(("share", "low", "high"), survival.at(day), strict=True)) | {"days": day} for day in days]
    hazard = [{"from_day": day, "reached": n, "ends": share} for day, n, share in survival.hazard(found.period_days)]
    return {
        "kinds": found.contract_kinds, "ended": survival.ended, "open": survival.open,
        "median_days": survival.median(), "lasts_longer_than": shares, "hazard": hazard,
    }  # fmt: skip
