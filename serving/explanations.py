"""Why a score is what it is: a few concepts that a person knows, adding up to the score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.phrases import Language, concept_phrase
from training.attribution import attribute, gather
from training.bundle import Bundle

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
OUT_OF_REACH = ("tenure", "habit")


@dataclass(frozen=True)
class Reason:
    """One concept's part in one score.

    effect: in the unit of the score (a probability, or money).  actionable: whether anybody can act on it.
    """

    concept: str
    effect: float
    text: str
    actionable: bool


@dataclass(frozen=True)
class Explanation:
    """base + the effects of `reasons` + other_effect = the score, exactly as the answer shows it."""

    base: float
    reasons: tuple[Reason, ...]
    other_effect: float


@dataclass(frozen=True)
class Explained:
    """Scores of n rows and their effects by concept.

    predicted: (n,) calibrated.  uncertainty: (n,) of probabilities, NaN where it is not known.  effects: (n, concepts).
    columns: (n, concepts) the input that speaks for each concept.
    """

    bundle: Bundle
    x: F32
    predicted: F64
    uncertainty: F64
    base: float
    concepts: tuple[str, ...]
    effects: F64
    columns: NDArray[np.int64]

    def row(self, i: int, most: int, language: Language) -> Explanation:
        """The strongest `most` concepts of row i in words; what they leave goes to other_effect."""
        order = np.argsort(-np.abs(self.effects[i]), kind="stable")[:most]
        reasons = tuple(self._reason(i, int(c), language) for c in order if self.effects[i, c] != 0.0)
        other = float(self.predicted[i]) - self.base - sum(reason.effect for reason in reasons)
        return Explanation(self.base, reasons, other)

    def _reason(self, i: int, c: int, language: Language) -> Reason:
        concept = self.concepts[c]
        text = concept_phrase(self.bundle.inputs, self.x[i], int(self.columns[i, c]), language)
        return Reason(concept, float(self.effects[i, c]), text, concept not in OUT_OF_REACH)


def explain(bundle: Bundle, x: F32) -> Explained:
    """Score rows and attribute each score to concepts; x: (n, inputs).

    A concept speaks through the input that moves the score most in the concept's own direction.
    """
    attribution = attribute(bundle, x)
    gathered = gather(attribution.effects, bundle.inputs.concepts)
    return Explained(
        bundle, x, attribution.predicted, bundle.uncertainty_at(attribution.margin), attribution.base,
        gathered.concepts, gathered.effects, gathered.columns,
    )  # fmt: skip
