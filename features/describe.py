"""The catalogue as a table that a person reads."""

from __future__ import annotations

from features.catalog import Catalog
from features.spec import Feature, Reduction

HEAD = ("feature", "what it measures", "unit", "window", "events", "missing when")


def describe(catalog: Catalog) -> list[str]:
    """One line a feature, under a heading: name, sentence, unit, window, kinds of event, and what a gap means."""
    kinds = {selector.name: ", ".join(selector.kinds) or "every kind" for selector in catalog.selectors}
    rows = [HEAD, *(_row(feature, kinds) for feature in catalog.features)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def _row(feature: Feature, kinds: dict[str, str]) -> tuple[str, str, str, str, str, str]:
    window = f"{feature.days} days" if feature.days else "whole history"
    own = "as its function chooses" if feature.reduction is Reduction.CUSTOM else kinds[feature.of]
    seen = f"{own}; {kinds[feature.then]}" if feature.then else own
    return feature.name, feature.says, feature.unit, window, seen, feature.missing or "never missing"
