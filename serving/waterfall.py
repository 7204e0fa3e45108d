"""Everything behind one user's scores: each input's part, each concept's, and the way from the base to the score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.build import FeatureTable
from features.definitions import TaskName, eligible
from serving.explanations import OUT_OF_REACH, Explained, explain
from serving.interface.explain_requests import ExplainRequest
from serving.interface.requests import Refusal
from serving.live import Live
from serving.phrases import Language, concept_name, concept_phrase
from serving.scores import stages
from training.attribution import Attribution, attribute, concepts
from training.keeping.registry import Champion

Json = dict[str, Any]
MOST_STEPS = 9
REST: Mapping[Language, str] = {"en": "everything else", "zh": "其他因素"}


def explain_user(live: Live, request: ExplainRequest, now: int) -> Json:
    """All that moves one user's scores (`ExplainResponse`).

    now: microseconds UTC.  A question that is not asked of this user is null.
    Raises Refusal: unknown_user (no event by as_of), no_model (the question has none), what `Live.seen` raises.
    """
    kept = live.names.of(request.user_id)
    asked = _asked(live, request.task)
    seen = live.seen([kept], request.as_of, now)
    if kept not in seen.histories:
        raise Refusal(
            404, "unknown_user", "user_id: nothing is known of this user at that moment.",
            "Send events of the user first, or a later as_of; POST /score lists such users as missing.",
        )  # fmt: skip
    table = live.table(seen)
    stage = stages({task: champion.bundle for task, champion in live.champions.items()}, table)
    answer = seen.about(kept, request.user_id) | {"lifecycle": str(stage[0])}
    return answer | {task: _explanation(champion, table, request.lang) for task, champion in asked.items()}


def _asked(live: Live, task: TaskName | None) -> Mapping[TaskName, Champion]:
    if task is None:
        return live.champions
    if task not in live.champions:
        hint = f"Ask for one of {', '.join(live.champions)}, or train a model with `winback train {task}`."
        raise Refusal(422, "no_model", f"task: there is no model for {task}.", hint)
    return {task: live.champions[task]}


def _explanation(champion: Champion, table: FeatureTable, language: Language) -> Json | None:
    """`TaskExplanation` of the one row of a table."""
    bundle = champion.bundle
    if not eligible(bundle.definition, table)[0]:
        return None
    x = bundle.matrix(table)
    found, explained = attribute(bundle, x), explain(bundle, x)
    score, money = float(found.predicted[0]), bundle.interval is not None
    groups = _groups(explained, language)
    return {
        "score": score, "unit": "amount" if money else "probability", "probability": None if money else score,
        "percentile": float(bundle.percentile(found.predicted)[0]), "base": found.base,
        "grade": bundle.grade, "horizon_days": bundle.definition.horizon_days,
        "model": f"{champion.name}/{champion.version}",
        "contributions": _contributions(champion, x[0], found, language), "concepts": groups,
        "waterfall": _steps(groups, found.base, score, language),
    }  # fmt: skip


def _contributions(champion: Champion, row: NDArray[np.float32], found: Attribution, language: Language) -> list[Json]:
    """Every input, the strongest first."""
    inputs, owner, effects = champion.bundle.inputs, concepts(champion.bundle), found.effects[0]
    return [
        {
            "name": inputs.names[column], "concept": owner[column], "value": _known(float(row[column])),
            "effect": float(effects[column]), "text": concept_phrase(inputs, row, column, language),
            "actionable": owner[column] not in OUT_OF_REACH,
        }
        for column in np.argsort(-np.abs(effects), kind="stable").tolist()
    ]  # fmt: skip


def _groups(explained: Explained, language: Language) -> list[Json]:
    """Every concept with the sum of its inputs' effects, the strongest first."""
    owner, effects = concepts(explained.bundle), explained.effects[0]
    return [
        {
            "concept": name, "name": concept_name(name, language), "effect": float(effects[c]),
            "text": concept_phrase(explained.bundle.inputs, explained.x[0], int(explained.columns[0, c]), language),
            "actionable": name not in OUT_OF_REACH, "inputs": owner.count(name),
        }
        for c, name in ((c, explained.concepts[c]) for c in np.argsort(-np.abs(effects), kind="stable").tolist())
    ]  # fmt: skip


def _steps(groups: Sequence[Json], base: float, score: float, language: Language) -> list[Json]:
    """From the base to the score, at most MOST_STEPS concepts and what they leave; it ends on the score to the bit.

    The last step takes what floating-point sums are off by, which is below 1e-9.
    """
    moving = [group for group in groups if group["effect"] != 0.0]
    named, rest = moving[:MOST_STEPS], moving[MOST_STEPS:]
    if len(rest) == 1:
        named, rest = moving, []
    told = [(group["concept"], group["name"], group["text"], group["effect"]) for group in named]
    if rest:
        told.append((None, REST[language], "", sum(group["effect"] for group in rest)))
    steps, at = [], base
    for number, (concept, label, text, effect) in enumerate(told, 1):
        end = score if number == len(told) else at + effect
        steps.append({"concept": concept, "label": label, "text": text, "start": at, "effect": end - at, "end": end})
        at = end
    return steps


def _known(value: float) -> float | None:
    """JSON has no NaN: what is not known is null."""
    return None if math.isnan(value) else value
