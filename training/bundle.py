"""A finished model as a folder of JSON and text: everything that scoring needs, nothing that can be executed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from lightgbm.basic import LightGBMError
from numpy.typing import NDArray

from features.build import FeatureTable
from features.business import Business
from features.catalog import Catalog, bind
from features.definitions import Definition
from features.problems import InputProblem
from training.amounts import AmountInterval
from training.calibration import BetaCalibration
from training.inputs import Inputs
from training.level import Level
from training.measures.venn_abers import VennAbers
from training.models.blend import Model, model_from_json

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Calibration = BetaCalibration | Level
FORMAT = 3
FILE = "bundle.json"


@dataclass(frozen=True)
class Origin:
    """What the model was made from.

    data: fingerprint of the histories.  users, events: how many.  until: the data were complete until then,
    microseconds UTC.  cutoffs: the moments it learned at, microseconds UTC.  windows: non-overlapping label windows.
    """

    data: str
    users: int
    events: int
    until: int
    cutoffs: tuple[int, ...]
    windows: int


@dataclass(frozen=True)
class Bundle:
    """One trained model.

    rung: the candidate that won.  grade: A to D, how much evidence there was; grade_reasons: why.
    quantiles: (101,) calibrated predictions of the last labelled moment, for percentiles.
    interval: for amounts only.  doubt: for probabilities only.  report: metrics by window and candidate, as JSON.
    """

    definition: Definition
    inputs: Inputs
    rung: str
    model: Model
    calibration: Calibration
    grade: str
    grade_reasons: tuple[str, ...]
    quantiles: tuple[float, ...]
    origin: Origin
    interval: AmountInterval | None = None
    doubt: VennAbers | None = None
    report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def catalog(self) -> Catalog:
        return self.inputs.catalog

    @cached_property
    def start(self) -> float:
        """The margin of the model's base, the same for everybody."""
        row = np.full((1, len(self.inputs.names)), np.nan, dtype=np.float32)
        return float(self.model.contributions(row)[0, -1])

    @cached_property
    def base(self) -> float:
        """The calibrated prediction of the model's base, from which reasons count up or down."""
        return float(self.calibration.apply_margin(np.array([self.start]))[0])

    def matrix(self, table: FeatureTable) -> F32:
        """(n, inputs) what the model sees of each row.

        Raises InputProblem that names the columns when the table was built with another catalogue.
        """
        if table.catalog != self.catalog:
            raise InputProblem(_mismatch(self.catalog.names, table.catalog.names), "catalog_mismatch")
        return self.inputs.matrix(table)

    def predict(self, x: F32) -> F64:
        """(n,) calibrated probabilities, or expected amounts; x: (n, inputs)."""
        return self.calibration.apply_margin(self.model.margin(x))

    def uncertainty(self, x: F32) -> F64:
        """(n,) how far each probability could move for want of evidence, in [0, 1]; NaN where that is not known."""
        return self.uncertainty_at(self.model.margin(x))

    def uncertainty_at(self, margin: F64) -> F64:
        """(n,) the same, of the model's margins where they are at hand."""
        if self.doubt is None:
            return np.full(len(margin), np.nan)
        low, high = self.doubt.between(margin)
        return high - low

    def percentile(self, predicted: F64) -> F64:
        """(n,) share of customers, in percent, whose prediction was lower when the model was made."""
        below = np.searchsorted(self._knots, predicted, side="left")
        upto = np.searchsorted(self._knots, predicted, side="right")
        return np.clip((below + upto - 1) / 2, 0, 100).astype(np.float64)

    @cached_property
    def _knots(self) -> F64:
        return np.array(self.quantiles, dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write the bundle into an existing folder; the same bundle gives the same bytes."""
        (folder / FILE).write_text(self._text(), "utf-8")

    def fingerprint(self) -> str:
        """Sixteen hex digits of everything that the bundle is made of."""
        return hashlib.blake2b(self._text().encode(), digest_size=8).hexdigest()

    def _text(self) -> str:
        body = {
            "format": FORMAT, "definition": self.definition.to_json(), "catalog": self.catalog.to_json(),
            "catalog_fingerprint": self.catalog.fingerprint(),
            "inputs": self.inputs.to_json(), "columns": self.inputs.names,
            "rung": self.rung, "model": self.model.to_json(), "calibration": asdict(self.calibration),
            "grade": self.grade, "grade_reasons": self.grade_reasons, "quantiles": self.quantiles,
            "origin": asdict(self.origin),
            "interval": self.interval.to_json() if self.interval else None,
            "doubt": self.doubt.to_json() if self.doubt else None, "report": self.report,
        }  # fmt: skip
        return json.dumps(body, indent=1, sort_keys=True, ensure_ascii=False)


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle back; raises InputProblem when it is missing, broken, or of another format or catalogue."""
    try:
        saved = json.loads((folder / FILE).read_text("utf-8"))
        if saved["format"] != FORMAT:
            raise InputProblem(
                f"{folder}: bundle format {saved['format']}, this version of winback reads {FORMAT}. "
                "Retrain with `winback train`.",
                "bundle_format",
            )
        bundle = _revived(saved)
        _ = bundle.base  # reads the trees too, so that broken ones are found here and not by the first caller
        return bundle
    except (LightGBMError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputProblem(
            f"{folder} holds no readable model ({type(error).__name__}: {error}). Retrain with `winback train`.",
            "bad_bundle",
        ) from error


def with_custom(bundle: Bundle, business: Business) -> Bundle:
    """The bundle with the functions of the business's own features, without which such a model cannot build a table.

    Raises InputProblem (custom_changed) when the module is missing or is not the one that the model was trained with.
    """
    if bundle.catalog.custom is None:
        return bundle
    return replace(bundle, inputs=replace(bundle.inputs, catalog=bind(bundle.catalog, business)))


def _revived(saved: Mapping[str, Any]) -> Bundle:
    definition, catalog = Definition.from_json(saved["definition"]), Catalog.from_json(saved["catalog"])
    if catalog.fingerprint() != saved["catalog_fingerprint"]:
        raise ValueError("the catalogue does not match its fingerprint")
    inputs = Inputs.from_json(_shared(catalog), saved["inputs"])
    if list(inputs.names) != saved["columns"]:
        raise ValueError(_mismatch(tuple(saved["columns"]), inputs.names))
    calibration = _calibration(definition, saved["calibration"])
    origin = Origin(**{**saved["origin"], "cutoffs": tuple(saved["origin"]["cutoffs"])})
    return Bundle(
        definition, inputs, saved["rung"], model_from_json(saved["model"]), calibration, saved["grade"],
        tuple(saved["grade_reasons"]), tuple(saved["quantiles"]),
        origin,
        AmountInterval.from_json(saved["interval"]) if saved["interval"] else None,
        VennAbers.from_json(saved["doubt"]) if saved["doubt"] else None, saved["report"],
    )  # fmt: skip


_CATALOGS: WeakValueDictionary[str, Catalog] = WeakValueDictionary()


def _shared(catalog: Catalog) -> Catalog:
    """One catalogue for all bundles that have it: to compare two equal ones costs as much as to explain a score."""
    known = _CATALOGS.setdefault(catalog.fingerprint(), catalog)
    return known if known == catalog else catalog


def _calibration(definition: Definition, saved: Mapping[str, Any]) -> Calibration:
    if definition.task == "ltv":
        return Level(tuple(saved["margins"]), tuple(saved["logs"]), saved["note"])
    return BetaCalibration(**saved)


def _mismatch(expected: tuple[str, ...], found: tuple[str, ...]) -> str:
    missing, unexpected = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    parts = [
        f"missing {', '.join(missing[:5])}" if missing else "",
        f"unexpected {', '.join(unexpected[:5])}" if unexpected else "",
    ]
    said = ", ".join(part for part in parts if part) or "the same columns with another meaning or order"
    return f"the model expects {len(expected)} columns; {said}. Rebuild with the model's own catalogue, or retrain."
