"""Write the card: one page of HTML that needs nothing from outside, the same bytes for the same model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from training.bundle import Bundle
from training.card.backtested import backtest
from training.card.block import Block, Subject
from training.card.checked import compared, leaks
from training.card.curves import learning, sizes
from training.card.names import Language
from training.card.origin import time, what
from training.card.reasons import dependence, drivers, stability, swarm, width
from training.card.tested import candidates, expected, glance, level, segments, test
from training.card.writing import say

SECTIONS: tuple[Callable[[Subject], Block | None], ...] = (
    what, time, test, backtest, expected, level, width, segments, candidates, sizes, learning, drivers, swarm,
    dependence, stability, leaks, compared,
)  # fmt: skip
REFUSALS = 5


def card_html(bundle: Bundle, name: str, version: str, language: Language) -> str:
    """The card of one model: all that its report knows, and what it must not be used for.

    name, version: in the registry; version "" before there is one.  What the report does not hold is left out.
    The same model gives the same text.
    """
    return cards_html([Subject(bundle, name, version, language)], language)


def cards_html(subjects: Sequence[Subject], language: Language, made: str = "") -> str:
    """The cards of several models on one page; made: a line that says when and for what, if any."""
    view = {
        "say": partial(say, language), "made": made, "models": [_model(subject) for subject in subjects],
        "refusals": [say(language, f"card_not_{number}") for number in range(1, REFUSALS + 1)],
    }  # fmt: skip
    return _templates().get_template("card.html.j2").render(view)


def _model(of: Subject) -> dict[str, Any]:
    task = of.bundle.definition.task
    blocks = [block for section in SECTIONS if (block := section(of))]
    return {
        "task": task, "title": of.say(f"task_{task}"), "said": of.called,
        "glance": glance(of), "blocks": blocks,
    }  # fmt: skip


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("training.card"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
