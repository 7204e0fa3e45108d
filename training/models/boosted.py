"""Gradient-boosted trees, shallow enough to explain in a millisecond, monotone where the direction is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.models.linear import AMOUNT_FLOOR

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Objective = Literal["binary", "tweedie"]
LEARNING_RATE = 0.06  # half the rounds of 0.03 at the same loss, so half the cost of every explanation
BULK = 5_000  # from this many rows on, the bulk algorithm explains faster than LightGBM's own
CROWD = 500_000  # below this many rows a second thread costs more in waiting than it saves (10x on shared cores)


@dataclass(frozen=True, order=True)
class Size:
    """How large: trees of at most `depth` levels, `rounds` of them."""

    depth: int
    rounds: int

    @property
    def leaves(self) -> int:
        return min(int(2**self.depth) - (self.depth > 3), 31)

    @property
    def cost(self) -> int:
        """What an exact explanation of one row takes, in steps (TreeSHAP: trees * leaves * depth**2)."""
        return self.rounds * self.leaves * self.depth**2

    @property
    def says(self) -> str:
        return f"{self.rounds} of depth {self.depth}"


MODERATE = Size(4, 100)


@dataclass(frozen=True)
class Boosted:
    """A LightGBM booster as text.  columns: indices into the model's inputs that the booster reads, in its order."""

    columns: tuple[int, ...]
    text: str

    @cached_property
    def booster(self) -> lightgbm.Booster:
        return lightgbm.Booster(model_str=self.text)

    def margin(self, x: F32, rounds: int | None = None) -> F64:
        """(n,) log-odds, or the log of an amount; rounds: of the first so many trees alone."""
        return np.asarray(
            self.booster.predict(self._read(x), raw_score=True, num_iteration=rounds, num_threads=_threads(x)),
            dtype=np.float64,
        )

    def contributions(self, x: F32) -> F64:
        """(n, inputs + 1) exact path-dependent TreeSHAP values; the last column is the base.

        Source: Lundberg, Erion, Lee 2018, https://arxiv.org/abs/1802.03888; in bulk the same values by Woodelf.
        """
        parts = np.zeros((len(x), x.shape[1] + 1))
        if not len(x):  # LightGBM divides by the number of rows
            return parts
        read = self._read(x)
        if len(x) >= BULK:
            parts[:, self._places] = self._in_bulk(read)
            parts[:, -1] = self._exact(read[:1])[0, -1]
            return parts
        own = self._exact(read)
        parts[:, self._places] = own[:, :-1]
        parts[:, -1] = own[:, -1]
        return parts

    def _exact(self, read: F32) -> F64:
        return np.asarray(self.booster.predict(read, pred_contrib=True, num_threads=1), dtype=np.float64)

    def _in_bulk(self, read: F32) -> F64:
        """The same values within 2e-5, several times faster on many rows; needs trees without categorical splits.

        In float64: a float32 that equals a rounded threshold would otherwise go down the other branch.
        """
        from woodelf import WoodelfExplainer

        names = self.booster.feature_name()
        explainer = WoodelfExplainer(self.booster, feature_perturbation="tree_path_dependent")
        rows = pd.DataFrame(read.astype(np.float64), columns=names)
        return np.asarray(explainer.shap_values(rows, verbose=False), dtype=np.float64)

    def _read(self, x: F32) -> F32:
        return x.take(self._places, axis=1)

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """`columns` as an array, made once and not for every customer."""
        return np.array(self.columns, dtype=np.int64)

    def to_json(self) -> dict[str, Any]:
        return {"type": "boosted", "columns": list(self.columns), "text": self.text}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Boosted:
        return cls(tuple(saved["columns"]), saved["text"])


def _threads(x: F32) -> int:
    """One thread for a request, where starting more costs more than it saves; all for a batch."""
    return 1 if len(x) < 1_000 else 0


def fit_boosted(
    x: F32, y: F64, columns: Sequence[int], directions: Sequence[int], objective: Objective,
    size: Size = MODERATE, seed: int = 0,
) -> Boosted:  # fmt: skip
    """Fit on rows x: (n, inputs) and outcomes y: (n,); directions: -1, 0 or 1 a column, where the direction is known.

    The same rows and seed give the same text, whatever the number of threads.
    """
    settings = {
        "objective": objective, "learning_rate": LEARNING_RATE, "max_depth": size.depth, "num_leaves": size.leaves,
        "lambda_l2": 5.0,
        "min_data_in_leaf": int(np.clip(len(y) // 200, 5, 100)), "feature_fraction": 0.2, "bagging_fraction": 0.7,
        "bagging_freq": 1, "monotone_constraints": list(directions), "verbosity": -1, "seed": seed,
        "deterministic": True, "force_row_wise": True, "num_threads": 1 if len(y) < CROWD else 2,
    }  # fmt: skip
    if objective == "tweedie":
        settings |= {"tweedie_variance_power": 1.5}
        y = np.maximum(y, 0.0) if (y > 0).any() else np.full_like(y, AMOUNT_FLOOR)
    data = lightgbm.Dataset(np.ascontiguousarray(x[:, list(columns)]), y, params={"verbosity": -1})
    booster = lightgbm.train(settings, data, size.rounds)
    return Boosted(tuple(int(c) for c in columns), booster.model_to_string())
