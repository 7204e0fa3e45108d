"""A sum of a few standardised columns: rules, buy-till-you-die verdicts and regressions alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, TweedieRegressor  # type: ignore[import-untyped]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Scale = Literal["as it is", "log1p"]
AMOUNT_FLOOR = 0.01


@dataclass(frozen=True)
class Linear:
    """margin = intercept + sum of weight * (transformed column - center) / scale; a missing value counts as the center.

    columns: indices into the model's inputs.  scales: how each column is transformed before standardising.
    """

    columns: tuple[int, ...]
    scales: tuple[Scale, ...]
    center: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    def margin(self, x: F32) -> F64:
        """(n,) log-odds, or the log of an amount."""
        result: F64 = self._terms(x).sum(axis=1) + self.intercept
        return result

    def contributions(self, x: F32) -> F64:
        """(n, inputs + 1) what each column adds to the margin; the last column is the base."""
        parts = np.zeros((len(x), x.shape[1] + 1))
        terms = self._terms(x)
        for term, column in enumerate(self.columns):
            parts[:, column] += terms[:, term]
        parts[:, -1] = self.intercept
        return parts

    def _terms(self, x: F32) -> F64:
        columns, center, scale, weights = self._arrays
        z = (transformed(x, columns, self.scales) - center) / scale
        terms: F64 = np.where(np.isnan(z), 0.0, z) * weights
        return terms

    @cached_property
    def _arrays(self) -> tuple[NDArray[np.int64], F64, F64, F64]:
        """`columns`, `center`, `scale` and `weights` as arrays, made once and not for every customer."""
        center, scale, weights = (np.array(part) for part in (self.center, self.scale, self.weights))
        return np.array(self.columns, np.int64), center, scale, weights

    def to_json(self) -> dict[str, Any]:
        return {"type": "linear", **asdict(self)}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Linear:
        fields: dict[str, Any] = {
            key: tuple(part) if isinstance(part, list) else part for key, part in saved.items() if key != "type"
        }
        return cls(**fields)


def transformed(x: F32, columns: Sequence[int] | NDArray[np.int64], scales: Sequence[Scale]) -> F64:
    """(n, k) the chosen columns, on a log scale where asked (negative amounts count as 0 there)."""
    picked = x.take(columns, axis=1).astype(np.float64)
    logs = [number for number, scale in enumerate(scales) if scale == "log1p"]
    picked[:, logs] = np.log1p(np.maximum(picked[:, logs], 0.0))
    return picked


def fit_logistic(x: F32, y: F64, columns: Sequence[int], scales: Sequence[Scale]) -> Linear:
    """Logistic regression, lightly shrunk (C = 1 on standardised columns); y: (n,) 0 or 1.

    Where only one outcome was seen, everybody gets its rate (with half a case added to either side).
    """
    z, center, scale = _standardised(x, columns, scales)
    if y.min() == y.max():
        odds = float(np.log((y.sum() + 0.5) / (len(y) - y.sum() + 0.5)))
        return Linear(tuple(columns), tuple(scales), center, scale, (0.0,) * len(columns), odds)
    fitted = LogisticRegression(C=1.0, max_iter=1000).fit(z, y)
    return Linear(
        tuple(columns), tuple(scales), center, scale, tuple(map(float, fitted.coef_[0])), float(fitted.intercept_[0])
    )


def fit_amount(x: F32, y: F64, columns: Sequence[int], scales: Sequence[Scale], power: float = 1.5) -> Linear:
    """Tweedie regression with a log link; y: (n,) amounts, negative ones count as 0.

    Where nothing was spent, everybody gets next to nothing.
    """
    z, center, scale = _standardised(x, columns, scales)
    level = float(np.maximum(y, 0.0).mean())
    if level == 0.0:
        return Linear(tuple(columns), tuple(scales), center, scale, (0.0,) * len(columns), float(np.log(AMOUNT_FLOOR)))
    fitted = TweedieRegressor(power=power, link="log", alpha=1e-3, max_iter=1000).fit(z, np.maximum(y, 0.0) / level)
    intercept = float(fitted.intercept_) + float(np.log(level))
    return Linear(tuple(columns), tuple(scales), center, scale, tuple(map(float, fitted.coef_)), intercept)


def as_it_is(x: F32, column: int, sign: float = 1.0) -> Linear:
    """A model that is one column, which holds a log-odds or a log amount already."""
    known = x[:, column][~np.isnan(x[:, column])].astype(np.float64)
    center = float(known.mean()) if len(known) else 0.0
    return Linear((column,), ("as it is",), (center,), (1.0,), (sign,), sign * center)


def _standardised(
    x: F32, columns: Sequence[int], scales: Sequence[Scale]
) -> tuple[F64, tuple[float, ...], tuple[float, ...]]:
    picked = transformed(x, columns, scales)
    known = ~np.isnan(picked)
    count = np.maximum(known.sum(axis=0), 1)
    center = np.where(known, picked, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(known, (picked - center) ** 2, 0.0).sum(axis=0) / count)
    spread[spread == 0] = 1.0
    z = np.nan_to_num((picked - center) / spread)
    return z, tuple(map(float, center)), tuple(map(float, spread))
