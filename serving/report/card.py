"""The model card of the models in use, beside the report; `training.card` writes it."""

from __future__ import annotations

from functools import partial

from features.business import Business
from serving.batch import Scored
from serving.report.writing import day, say
from training.card.block import Subject
from training.card.names import Language
from training.card.page import cards_html


def render_card(business: Business, scored: Scored, language: Language, now: int) -> str:
    """The model card of every champion as one page of HTML; now: microseconds UTC."""
    moment = partial(day, zone=scored.past.span.zone, language=language, clock=True)
    made = say(language, "card_made", now=moment(now), as_of=moment(scored.as_of))
    subjects = [
        Subject(held.bundle, held.name, held.version, language, business.events.value)
        for held in scored.champions.values()
    ]
    return cards_html(subjects, language, made)
