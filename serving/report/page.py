"""Write the report: the page for operations, the card for engineers, the list as a file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from features.business import Business
from features.past import Past
from features.progress import Progress
from features.whole_file import whole_file
from serving.batch import Scored, score_everybody
from serving.phrases import Language
from serving.report.card import render_card as render_card
from serving.report.definitions import definitions_view
from serving.report.findings import Findings, find
from serving.report.listing import Customer, as_csv, customers
from serving.report.sections import page_view
from training.define.comparison import Comparison

Compare = Callable[[Business, Past, Progress], Comparison]
REPORT, CARD, LIST = "report.html", "model_card.html", "first_to_contact.csv"


def write_report(
    business: Business,
    as_of: int | None,
    out: Path,
    lang: Language,
    now: int,
    progress: Progress,
    compare: Compare | None = None,
) -> Path:
    """Score everybody and write report.html, model_card.html and first_to_contact.csv into `out`; returns the page.

    as_of, now: microseconds UTC; without as_of, the newest event.  Each file appears whole or not at all.
    compare: asks the log what other definitions would give, for a section of the page; it looks at what came after
    moments of the past, which nothing in this package may do by itself.
    Raises InputProblem without a champion, when nobody had an event by as_of, and when `out` cannot be written.
    """
    scored = score_everybody(business, as_of, now, lang, progress)
    choice = compare(business, scored.past, progress) if compare else None
    with progress.step("writing the report"):
        found = find(business, scored)
        listed = customers(scored, found, lang)
        files = {
            LIST: as_csv(listed, found),
            CARD: render_card(business, scored, lang, now).encode(),
            REPORT: render_page(business, scored, found, listed, lang, now, choice).encode(),
        }
        for name, content in files.items():
            _write(out / name, content)
    return out / REPORT


def render_page(
    business: Business,
    scored: Scored,
    found: Findings,
    listed: tuple[Customer, ...],
    language: Language,
    now: int,
    choice: Comparison | None = None,
) -> str:
    """The page for operations as HTML text; choice: what other definitions would give, where that was asked."""
    view = page_view(business, scored, found, rejected_rows(business.state / "rejected.csv"), language, now)
    view |= {"choice": definitions_view(choice, language) if choice else None}
    files = {"card_file": CARD, "list_file": LIST, "link": Markup('<a href="{0}">{0}</a>').format}
    return _render("report.html.j2", view | files | {"listed": listed})


def rejected_rows(path: Path) -> Counter[str] | None:
    """How many rows each reason rejected when `winback check` last ran; None without its file."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return Counter(row.get("reason") or "?" for row in csv.DictReader(file))
    except (OSError, csv.Error, UnicodeDecodeError):
        return None


@cache
def _templates() -> Environment:
    return Environment(
        loader=ChoiceLoader([PackageLoader("serving.report"), PackageLoader("training.card")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(template: str, view: dict[str, Any]) -> str:
    return _templates().get_template(template).render(view)


def _write(path: Path, content: bytes) -> None:
    with whole_file(path) as draft:
        draft.write_bytes(content)
