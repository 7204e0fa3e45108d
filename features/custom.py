"""Features that a business writes itself: plain functions over one history, in a module beside winback.toml.

The module is named under [features] as `custom = "my_features.py"` and holds functions such as

    from features.custom import PastEvents, feature
    from features.named import item_digest

    @feature(unit="share", concept="variety", says="share of orders of gift cards", missing="no order")
    def gift_share(past: PastEvents, as_of: int) -> float:
        orders = past.of("order")
        return float((orders.item == item_digest("gift card")).mean()) if len(orders) else float("nan")

A history is cut at as_of before the function sees it, so that no feature can look into the future.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from features.clock import DAY, format_instant
from features.problems import InputProblem
from features.spec import Feature, Reduction

if TYPE_CHECKING:
    from features.arrays import Plan
    from features.business import Business

LARGEST = float(np.finfo(np.float32).max)
PREFIX = "custom_"
_MARK = "__winback_feature__"


@dataclass(frozen=True)
class PastEvents:
    """What is known of one user at as_of: m events, oldest first, in the order of `features.histories`; read-only.

    time: (m,) microseconds UTC, none after as_of.  kind: (m,) names.  value: (m,) NaN where an event has none.
    item: (m,) `item_digest` of the item, 0 where an event has none.  hour: (m,) hour of the week in the business zone,
    0..167 from Monday 00:00.
    """

    as_of: int
    time: NDArray[np.int64]
    kind: NDArray[np.object_]
    value: NDArray[np.float64]
    item: NDArray[np.int64]
    hour: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.time)

    @property
    def age_days(self) -> NDArray[np.float64]:
        """(m,) how long ago each event was, in days."""
        ages: NDArray[np.float64] = (self.as_of - self.time) / DAY
        return ages

    def of(self, *kinds: str) -> PastEvents:
        """The events of these kinds alone."""
        return self._where(np.isin(self.kind.astype(str), kinds))

    def within(self, days: float) -> PastEvents:
        """The events of the last `days` days, (as_of - days, as_of]."""
        return self._where(self.time > self.as_of - days * DAY)

    def _where(self, chosen: NDArray[np.bool_]) -> PastEvents:
        return PastEvents.of_columns(
            self.as_of, *(column[chosen] for column in (self.time, self.kind, self.value, self.item, self.hour))
        )

    @classmethod
    def of_columns(cls, as_of: int, *columns: NDArray[Any]) -> PastEvents:
        """Copies of columns, which nobody can write to."""
        for column in columns:
            column.setflags(write=False)
        return cls(as_of, *columns)


Compute = Callable[[PastEvents, int], float]


@dataclass(frozen=True)
class Declared:
    """What `feature` says of a function."""

    unit: str
    concept: str
    says: str
    missing: str
    ages: bool


def feature(
    *, unit: str, concept: str, says: str, missing: str = "", ages: bool = False
) -> Callable[[Compute], Compute]:
    """Make a feature of a function.

    unit, says, missing: as a person reads them; concept: the group under which its effect is told, one of winback's
    (rhythm, recency, spend, variety, trend, habit, tenure, sequence) or one of your own.  ages: whether the value grows
    with the customer's age alone.
    """

    def mark(function: Compute) -> Compute:
        setattr(function, _MARK, Declared(unit, concept, says, missing, ages))
        return function

    return mark


@dataclass(frozen=True)
class CustomCode:
    """The module that custom features come from.

    file: as the configuration names it.  digest: of its source.  source: the module's text, empty until it is loaded;
    no part of what is compared or saved, but it travels to Spark's workers.
    """

    file: str
    digest: str
    source: bytes = field(default=b"", compare=False, repr=False)

    @property
    def functions(self) -> Mapping[str, Compute]:
        """By feature name, in the order of the module; none until it is loaded."""
        return _functions(self.file, self.source) if self.source else {}

    def features(self) -> list[Feature]:
        """The catalogue's entries, in the order of the module."""
        made = []
        for name, function in self.functions.items():
            said: Declared = getattr(function, _MARK)
            made.append(
                Feature(name, Reduction.CUSTOM, "", None, said.unit, said.concept, said.says, said.missing, said.ages)
            )
        return made

    def ready(self, features: Sequence[Feature]) -> tuple[tuple[int, Compute], ...]:
        """Column and function of each custom feature; raises InputProblem (custom_unbound) when not loaded."""
        columns = [(n, f.name) for n, f in enumerate(features) if f.reduction is Reduction.CUSTOM]
        if any(name not in self.functions for _, name in columns):
            raise InputProblem(
                f"{self.file}: the model needs its custom features, but the module is not loaded. Put it beside "
                "winback.toml and name it under [features] custom.",
                "custom_unbound",
            )
        return tuple((n, self.functions[name]) for n, name in columns)

    def to_json(self) -> dict[str, str]:
        return {"file": self.file, "digest": self.digest}

    @classmethod
    def from_json(cls, saved: Mapping[str, str]) -> CustomCode:
        return cls(saved["file"], saved["digest"])


def load_custom(business: Business) -> CustomCode | None:
    """The module that the configuration names, or None.

    Raises InputProblem (custom_feature) when it is missing, cannot be run, or holds no feature.
    """
    if not business.features.custom:
        return None
    path = business.root / business.features.custom
    try:
        source = path.read_bytes()
    except OSError as error:
        raise InputProblem(
            f"features.custom: {path} cannot be read ({error.strerror}). Put the module there, or remove the line.",
            "custom_feature",
        ) from None
    code = CustomCode(business.features.custom, hashlib.blake2b(source, digest_size=8).hexdigest(), source)
    if not code.functions:
        raise InputProblem(
            f"features.custom: {path} holds no feature. Mark a function `def name(past, as_of)` with "
            "@feature(unit=..., concept=..., says=..., missing=...) from features.custom.",
            "custom_feature",
        )
    return code


@lru_cache(maxsize=16)
def _functions(file: str, source: bytes) -> Mapping[str, Compute]:
    """Run a module and take its features; raises InputProblem (custom_feature) when it cannot be run."""
    module = ModuleType(f"winback_custom_{hashlib.blake2b(source, digest_size=8).hexdigest()}")
    sys.modules[module.__name__] = module  # where dataclasses look for the module of a class
    try:
        exec(compile(source, file, "exec"), module.__dict__)
    except Exception as error:  # whatever a stranger's module raises while it is run
        raise InputProblem(
            f"features.custom: {file} cannot be run: {type(error).__name__}: {error}.", "custom_feature"
        ) from error
    return {
        f"{PREFIX}{name}": part
        for name, part in vars(module).items()
        if isinstance(getattr(part, _MARK, None), Declared)
    }


def fill(plan: Plan, past: PastEvents, row: NDArray[np.float32], whose: str) -> None:
    """Write the custom features of one history into its row, (f,); raises InputProblem that names what failed."""
    for column, function in plan.custom:
        row[column] = _value(function, past, whose)


def _value(function: Compute, past: PastEvents, whose: str) -> float:
    name, moment = function.__name__, format_instant(past.as_of)
    try:
        value = function(past, past.as_of)
    except Exception as error:  # whatever a stranger's function raises
        raise InputProblem(
            f"custom feature {name} failed for {whose} as of {moment}: {type(error).__name__}: {error}.",
            "custom_feature",
        ) from error
    if not isinstance(value, int | float | np.number) or (not math.isnan(value) and not abs(value) <= LARGEST):
        raise InputProblem(
            f"custom feature {name} gave {value!r} for {whose} as of {moment}; it has to give a finite number, or NaN "
            "where it is missing.",
            "custom_feature",
        )
    return float(value)

