"""Why a customer's score differs from that of the others who can still be reached, concept by concept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from features.sample import evenly
from serving.batch import Scored
from serving.explanations import Explained
from serving.report.findings import GONE, Findings
from training.attribution import attribute, concepts

SAMPLED = 2_000


def against_others(scored: Scored, found: Findings) -> Explained:
    """The listed customers' scores, explained from the mean of all who have neither lapsed nor left.

    From the model's own base, which the lapsed dominate, everybody worth keeping looks safe; from the mean of the
    others one sees what sets this customer apart. Subtracting the others' mean effects keeps the sum exact:
    base + effects = predicted.
    """
    task = scored.scores.tasks[found.focus]
    everybody = task.explained
    others = task.place[~np.isin(scored.scores.stage.astype(str), GONE) & (task.place >= 0)]
    here = task.place[list(found.first)]
    mean = everybody.effects[others].mean(axis=0)
    effects = everybody.effects[here] - mean
    return replace(
        everybody, x=everybody.x[here], predicted=everybody.predicted[here],
        uncertainty=everybody.uncertainty[here], base=everybody.base + float(mean.sum()),
        effects=effects, columns=_speaking(everybody, effects, here, others),
    )  # fmt: skip


def _speaking(
    everybody: Explained, effects: NDArray[np.float64], here: NDArray[np.int64], others: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(n, concepts) the input that sets each customer apart most; the others' mean is of an even sample of them."""
    sample = others[evenly(len(others), SAMPLED)]
    usual = attribute(everybody.bundle, everybody.x[sample]).effects.mean(axis=0)
    own = attribute(everybody.bundle, everybody.x[here]).effects - usual
    owner = np.asarray(concepts(everybody.bundle))
    toward = np.where(effects < 0, -1.0, 1.0)
    mine = [np.flatnonzero(owner == concept) for concept in everybody.concepts]
    speaking = [columns[np.argmax(own[:, columns] * toward[:, [c]], axis=1)] for c, columns in enumerate(mine)]
    return np.column_stack(speaking)
