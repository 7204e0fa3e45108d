"""A reader of the model card: what stands in which section's tables, sentences and pictures."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser


class Card(HTMLParser):
    """tables: by section, each a list of rows, the head first.  text: by section.  tags, paths: of the whole page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[list[str]]]] = {}
        self.text: dict[str, str] = {}
        self.tags, self.marks = Counter[str](), list[tuple[str, str, str]]()
        self._section, self._cell, self._hidden = "", False, False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        self.tags[tag] += 1
        self._hidden = tag in ("style", "script")
        if tag == "div" and of.get("class") == "block":
            self._section = of["id"].partition("-")[2]
        if tag == "section" and "id" not in of:
            self._section = "not"
        if tag == "table":
            self.tables.setdefault(self._section, []).append([])
        if tag == "tr":
            self.tables[self._section][-1].append([])
        if tag in ("td", "th"):
            self._cell = True
            self.tables[self._section][-1][-1].append("")
        if tag in ("path", "rect", "polyline"):
            self.marks.append((self._section, of.get("class", ""), of.get("d", of.get("points", ""))))

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        self.text[self._section] = self.text.get(self._section, "") + data
        if self._cell:
            self.tables[self._section][-1][-1][-1] += data

    def rows(self, section: str, table: int = 0) -> list[list[str]]:
        """A table without its head."""
        return self.tables[section][table][1:]
