"""What the page shows of a model: what drives it, and how far to trust it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from features.definitions import TaskName
from serving.batch import Scored
from serving.phrases import Language, concept_name
from serving.report import figures
from serving.report.trust import perfect, trust
from serving.report.words import TEXTS
from serving.report.writing import amount, by_focus, listed, points, say
from training.bundle import Bundle

View = dict[str, Any]
SMALL_POINTS, SMALL_SHARE = 0.005, 0.01
MOST_DRIVERS = 10
SIMPLEST = "recency"


def drivers_view(bundle: Bundle, language: Language) -> View:
    """The concepts by their mean effect: a picture, and the names of those with hardly any."""
    money = bundle.definition.task == "ltv"
    sizes = {name: size for name, size in (bundle.report.get("drivers") or {}).items() if size and math.isfinite(size)}
    least = SMALL_SHARE * max(sizes.values(), default=0.0) if money else SMALL_POINTS
    ordered = sorted(sizes.items(), key=lambda item: -item[1])
    shown = [(concept_name(concept, language), size) for concept, size in ordered if size >= least][:MOST_DRIVERS]
    small = [concept_name(concept, language) for concept, size in ordered if size < least]
    rows = [(n, [("driver", size)], amount(size) if money else str(points(size, language))) for n, size in shown]
    title = by_focus(bundle.definition.task, language, "drivers")
    return {
        "svg": figures.stacked_bars(title, rows, left=170, right=92) if rows else "",
        "small": listed(language, small),
    }


def trust_view(scored: Scored, task: TaskName, language: Language) -> View:
    """One question's sentences, pictures and candidates; without a model, one sentence that says so."""
    held = scored.scores.tasks.get(task)
    view: View = {"task": task, "name": say(language, f"trust_of_{task}"), "compared": (), "plots": ()}
    if held is None:
        return view | {"sentences": (say(language, "no_model", name=say(language, f"task_{task}")),)}
    apart = np.zeros(0) if task == "ltv" else held.figures["uncertainty"]
    found = trust(held.bundle, scored.past.span.zone, language, apart)
    plots = _plots(held.bundle, found.test, language)
    return view | {"sentences": found.sentences, "compared": found.compared, "plots": plots}


def _plots(bundle: Bundle, test: Mapping[str, Any], language: Language) -> list[tuple[Markup, Markup, Markup]]:
    """Title, picture and how to read it."""
    words = TEXTS[language]
    plots = []
    if line := test.get("reliability"):
        title, read = _titled("reliability", language)
        plots.append((title, figures.reliability(title, line, words), read))
    if found := test.get("gains"):
        title, read = _titled("gains", language)
        plots.append((title, figures.gains(title, _curves(bundle, found, test, language), words), read))
    if tenths := test.get("deciles"):
        title, read = _titled("deciles", language)
        plots.append((title, figures.deciles(title, tenths["promised"], tenths["came"], words, amount), read))
    return plots


def _titled(key: str, language: Language) -> tuple[Markup, Markup]:
    return say(language, f"plot_{key}"), say(language, f"read_{key}")


def _curves(
    bundle: Bundle, found: Mapping[str, Any], test: Mapping[str, Any], language: Language
) -> list[figures.Curve]:
    """Chance, perfection, the simplest rule where it is another one, and the model used."""
    share, words = found["share"], TEXTS[language]
    curves = [
        ("guide", words["chance"], share, share),
        ("perfect", words["perfect"], share, perfect(share, float(test["rate"]))),
    ]
    simple = test.get("candidates", {}).get(SIMPLEST)
    if simple and bundle.rung != SIMPLEST:
        curves.append(("other", words["simple_rule"], share, simple["gains"]))
    return [*curves, ("curve", words["this_model"], share, found["captured"])]
