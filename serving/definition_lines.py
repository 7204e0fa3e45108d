"""The comparison of definitions as lines of plain text, for `winback define`."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from features.clock import format_instant
from serving.phrases import Language
from serving.report.definitions import View, definitions_view
from serving.report.writing import UNKNOWN, say
from training.define.comparison import Comparison, Question

WIDTH = 118
NAME = 46
MOST_ACROSS = 7


def lines(found: Comparison, language: Language = "en") -> Iterator[str]:
    """The whole comparison for somebody who has never seen one."""
    view = definitions_view(found, language)
    yield _plain(say(language, "curve_title"))
    yield from _curve(view["curve"], language)
    if view["lasts"]:
        yield ""
        yield _plain(say(language, "lasts_title"))
        yield from _lasts(view["lasts"])
    questions = {"churn": found.churn, "conversion": found.conversion}
    for number, shown in enumerate(view["questions"]):
        yield ""
        yield _plain(shown["title"])
        yield from _wrapped(view["lead"]) if number == 0 else ()
        for sentence in shown["advice"]:
            yield from _wrapped(sentence, "> ")
        yield ""
        yield from _table([shown["head"], *_named(shown)])
        yield ""
        for sentence in shown["read"]:
            yield from _wrapped(sentence, "- ")
        yield ""
        yield from _moments(questions[shown["task"]], language)


def _curve(curve: View, language: Language) -> Iterator[str]:
    yield from _wrapped(curve["lead"])
    if curve["points"]:
        heads = [str(say(language, "curve_silent")), *(days for days, _ in curve["points"])]
        yield from _table([heads, [str(say(language, "curve_back")), *(share for _, share in curve["points"])]])
    if curve["short"]:
        yield from _wrapped(curve["short"])


def _lasts(lasts: View) -> Iterator[str]:
    yield from _wrapped(lasts["lead"])
    yield from _wrapped(lasts["median"])
    yield from _table([lasts["head"], *lasts["rows"]])


def _named(shown: View) -> list[list[str]]:
    """The rows with a letter each, by which the table of cut-offs calls them."""
    named = []
    for number, row in enumerate(shown["rows"]):
        marks = f" [{', '.join(row['marks'])}]" if row["marks"] else ""
        named.append([f"{_letter(number)} {row['name']}{marks}", *row["cells"]])
    return named


def _moments(question: Question, language: Language) -> Iterator[str]:
    """How many of those asked left, at every cut-off by every definition."""
    stamps = sorted({one.as_of for row in question.rows for one in row.moments})
    by_row = [{one.as_of: f"{one.outcome:,}/{one.asked:,}" for one in row.moments} for row in question.rows]
    parts = -(-len(by_row) // MOST_ACROSS)
    across = -(-len(by_row) // max(parts, 1))
    for first in range(0, len(by_row), max(across, 1)):
        some = range(first, min(first + across, len(by_row)))
        head = [str(say(language, "col_cutoff")), *(_letter(number) for number in some)]
        body = [[format_instant(at)[:10], *(by_row[n].get(at, UNKNOWN) for n in some)] for at in stamps]
        yield from _table([head, *body])


def _letter(number: int) -> str:
    return chr(ord("A") + number) if number < 26 else str(number)


def _table(rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Columns as wide as their widest cell; the first, which may take several lines, to the left."""
    cells = [[_plain(cell) for cell in row] for row in rows]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(cells[0]))]
    widths[0] = min(widths[0], NAME)
    for row in cells:
        first, *more = _folded(row[0], widths[0])
        rest = "".join(f"  {' ' * (w - _width(cell))}{cell}" for cell, w in zip(row[1:], widths[1:], strict=True))
        yield f"  {first}{' ' * (widths[0] - _width(first))}{rest}".rstrip()
        yield from (f"    {line}" for line in more)


def _folded(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns, where Chinese letters take two."""
    wide = _width(text) > len(text)
    return textwrap.wrap(text, width // 2 if wide else width) if _width(text) > width else [text]


def _wrapped(sentence: object, lead: str = "") -> Iterator[str]:
    text = str(Markup(sentence).striptags()) if isinstance(sentence, Markup) else str(sentence)
    width = WIDTH // 2 if _width(text) > 1.5 * len(text) else WIDTH
    for line in textwrap.wrap(text, width, initial_indent=f"  {lead}", subsequent_indent=f"  {' ' * len(lead)}"):
        yield line.replace("\N{NO-BREAK SPACE}", " ")


def _plain(text: object) -> str:
    """Without mark-up and without the spaces that no line may break at."""
    said = Markup(text).striptags() if isinstance(text, Markup) else str(text)
    return said.replace("\N{NO-BREAK SPACE}", " ")


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
