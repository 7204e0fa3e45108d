"""The foot of the page: definitions, data, rejected rows, models, and when it was made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

from markupsafe import Markup

from features.business import Business
from serving.batch import Scored
from serving.phrases import Language
from serving.report.trust import rung_name
from serving.report.words import TEXTS
from serving.report.writing import Count, day, definition_words, listed, say


def sources_view(
    business: Business, scored: Scored, rejected: Mapping[str, int] | None, language: Language, now: int
) -> dict[str, Any]:
    """Lines under four headings; rejected: rows by reason, None when nobody has counted them."""
    past, held = scored.past, scored.champions.values()
    moment = day(now, past.span.zone, language, clock=True)
    return {
        "definitions": [definition_words(one.bundle.definition, business.events.value, language) for one in held],
        "data": [_data(scored, language), _rejected(rejected, language)],
        "models": _models(scored, language),
        "made": say(language, "made_line", now=moment, source=business.source.name, zone=past.span.zone),
    }


def _data(scored: Scored, language: Language) -> Markup:
    past = scored.past
    date = partial(day, zone=past.span.zone, language=language)
    return say(
        language, "data_line", events=Count(past.event_count), users=Count(past.user_count),
        known=Count(len(scored.table)),
        first=date(past.span.first), last=date(past.span.last), as_of=date(scored.as_of),
    )  # fmt: skip


def _models(scored: Scored, language: Language) -> list[Markup]:
    return [
        say(
            language, "model_line", task=say(language, f"trust_of_{task}"), name=held.name, version=held.version,
            rung=rung_name(held.bundle.rung, held.bundle.report, language),
            until=day(held.bundle.origin.until, scored.past.span.zone, language),
        )
        for task, held in scored.champions.items()
    ]  # fmt: skip


def _rejected(rejected: Mapping[str, int] | None, language: Language) -> Markup:
    if rejected is None:
        return say(language, "no_rejected")
    if not rejected:
        return say(language, "rejected_none")
    texts = TEXTS[language]
    said = [f"{texts.get(f'rejected: {reason}', reason)} {n:,}" for reason, n in Counter(rejected).most_common()]
    return say(language, "rejected", n=Count(sum(rejected.values())), reasons=listed(language, said))
