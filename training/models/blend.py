"""The mean of several models' margins: often better than each, never far from the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.models.boosted import Boosted
from training.models.linear import Linear

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Blend:
    """members: models over the same inputs; each has the same weight."""

    members: tuple[Linear | Boosted, ...]

    def margin(self, x: F32) -> F64:
        """(n,) log-odds, or the log of an amount."""
        result: F64 = np.add.reduce([member.margin(x) for member in self.members]) / len(self.members)
        return result

    def contributions(self, x: F32) -> F64:
        """(n, inputs + 1) what each column adds to the margin; the last column is the base."""
        result: F64 = np.add.reduce([member.contributions(x) for member in self.members]) / len(self.members)
        return result

    def to_json(self) -> dict[str, Any]:
        return {"type": "blend", "members": [member.to_json() for member in self.members]}


Model = Linear | Boosted | Blend


def model_from_json(saved: Mapping[str, Any]) -> Model:
    """Read back what a model's `to_json` gave; ValueError for a type that this version does not know."""
    if saved["type"] == "linear":
        return Linear.from_json(saved)
    if saved["type"] == "boosted":
        return Boosted.from_json(saved)
    if saved["type"] == "blend":
        members = tuple(model_from_json(member) for member in saved["members"])
        return Blend(tuple(member for member in members if not isinstance(member, Blend)))
    raise ValueError(f"model type '{saved['type']}' is unknown to this version of winback; upgrade it")
