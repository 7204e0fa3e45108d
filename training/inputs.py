"""What a model sees: the catalogue's features, and what buy-till-you-die models make of the activity rhythm."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.build import FeatureTable
from features.catalog import Catalog
from training.models.bg_nbd import BGNBD
from training.models.gamma_gamma import GammaGamma
from training.models.pareto_nbd import ParetoNBD

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
BG_RETURN, PARETO_RETURN, EXPECTED_DAYS, EXPECTED_VALUE = (
    "btyd_bg_return", "btyd_pareto_return", "btyd_expected_days", "btyd_expected_value",
)  # fmt: skip
CLOSEST = 1e-6
SMALLEST_AMOUNT = 0.01
MOST_FITTED = 16
_RHYTHM, _SPEND = ("count_ever", "repeat_days", "repeat_span", "tenure"), ("sum_ever", "days_ever")


@dataclass(frozen=True)
class Inputs:
    """The columns of a model and how they follow from a feature table.

    Three columns tell the activity rhythm's verdict (logit of returning within the horizon by BG/NBD and by Pareto/NBD,
    log of 1 + the expected active days); with values a fourth does (log of the expected amount).
    The parameters were fitted on histories alone, never on labels.
    """

    catalog: Catalog
    horizon_days: int
    bg: BGNBD
    pareto: ParetoNBD
    spend: GammaGamma | None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The model's columns, in order."""
        rhythm = (BG_RETURN, PARETO_RETURN, EXPECTED_DAYS)
        return self.catalog.names + rhythm + ((EXPECTED_VALUE,) if self.spend else ())

    @cached_property
    def concepts(self) -> tuple[str, ...]:
        """The concept of each column, in order."""
        verdicts = self.names[len(self.catalog.names) :]
        told = tuple("spend" if name == EXPECTED_VALUE else "rhythm" for name in verdicts)
        return tuple(feature.concept for feature in self.catalog.features) + told

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """What the names of a selector's features begin with, by the selector's name."""
        return {selector.name: selector.label for selector in self.catalog.selectors}

    @cached_property
    def position(self) -> Mapping[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    def matrix(self, table: FeatureTable) -> F32:
        """(n, columns) float32: the features, then the rhythm's verdicts, NaN for users without activity."""
        x = np.empty((len(table), len(self.names)), dtype=np.float32)
        features = len(self.catalog.names)
        x[:, :features] = table.values
        active = table.values[:, self.catalog.activity("count_ever")] > 0
        if active.all():
            x[:, features:] = self._verdicts(table.values)
            return x
        x[:, features:] = np.nan
        if active.any():
            x[active, features:] = self._verdicts(table.values[active])
        return x

    def _verdicts(self, values: F32) -> F64:
        past, days = _rhythm(self.catalog, values), self.horizon_days
        verdicts = np.empty((len(values), 4 if self.spend else 3))
        verdicts[:, 0] = _logit(self.bg.return_probability(*past, days))
        verdicts[:, 1] = _logit(self.pareto.return_probability(*past, days))
        expected = self.pareto.expected_transactions(*past, days)
        verdicts[:, 2] = np.log1p(expected)
        if self.spend:
            value = self.spend.expected_value(past[0], _day_value(self.catalog, values))
            verdicts[:, 3] = np.log(np.maximum(expected * value, SMALLEST_AMOUNT))
        return verdicts

    def to_json(self) -> dict[str, Any]:
        """Everything but the catalogue, which a bundle keeps once."""
        return {
            "horizon_days": self.horizon_days,
            "bg": asdict(self.bg),
            "pareto": asdict(self.pareto),
            "spend": asdict(self.spend) if self.spend else None,
        }

    @classmethod
    def from_json(cls, catalog: Catalog, saved: Mapping[str, Any]) -> Inputs:
        bg, pareto = BGNBD(**_fields(saved["bg"])), ParetoNBD(**_fields(saved["pareto"]))
        spend = GammaGamma(**_fields(saved["spend"])) if saved["spend"] else None
        return cls(catalog, saved["horizon_days"], bg, pareto, spend)


def rhythm_catalog(catalog: Catalog) -> Catalog:
    """The few features of a catalogue that `fit_inputs` looks at."""
    needed = [catalog.activity(name) for name in _RHYTHM + (_SPEND if catalog.selectors[0].values else ())]
    return replace(catalog, features=tuple(catalog.features[column] for column in sorted(needed)))


def fit_inputs(table: FeatureTable, horizon_days: int) -> Inputs:
    """Fit the rhythm models on one moment's histories; table: all users at one as_of, at least one with activity."""
    catalog = table.catalog
    values = table.values[table.values[:, catalog.activity("count_ever")] > 0]
    frequency, span, age = _rhythm(catalog, values)
    worth = _day_value(catalog, values) if catalog.selectors[0].values else np.zeros(0)
    key = hashlib.blake2b(b"".join(part.tobytes() for part in (frequency, span, age, worth)), digest_size=16).digest()
    if key not in _FITTED:
        _FITTED[key] = _fitted(frequency, span, age, worth)
        while len(_FITTED) > MOST_FITTED:
            del _FITTED[next(iter(_FITTED))]
    return Inputs(catalog, horizon_days, *_FITTED[key])


Fitted = tuple[BGNBD, ParetoNBD, GammaGamma | None]
_FITTED: dict[bytes, Fitted] = {}  # by the digest of the histories: a business's questions often meet the same ones


def _fitted(
    frequency: F64, span: F64, age: F64, worth: F64
) -> Fitted:
    """The rhythm models of (n,) histories in days; worth: (n,) the value of an active day, (0,) without values."""
    spend = None
    if len(worth):
        buyers = (frequency > 0) & (worth > 0)
        spend = GammaGamma.fit(frequency[buyers], worth[buyers])
    return BGNBD.fit(frequency, span, age), ParetoNBD.fit(frequency, span, age), spend


def _fields(saved: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(part) if isinstance(part, list) else part for key, part in saved.items()}


def _rhythm(catalog: Catalog, values: F32) -> tuple[F64, F64, F64]:
    frequency, span, age = (
        values[:, catalog.activity(name)].astype(np.float64) for name in ("repeat_days", "repeat_span", "tenure")
    )
    return frequency, span, np.maximum(age, span)


def _day_value(catalog: Catalog, values: F32) -> F64:
    """Mean value of an active day; 0 when there is none or refunds outweigh it."""
    total, days = (values[:, catalog.activity(name)].astype(np.float64) for name in ("sum_ever", "days_ever"))
    return np.maximum(np.where(np.isnan(total), 0.0, total) / np.maximum(days, 1), 0.0)


def _logit(p: F64) -> F64:
    p = np.minimum(np.maximum(p, CLOSEST), 1 - CLOSEST)
    return np.log(p) - np.log1p(-p)
