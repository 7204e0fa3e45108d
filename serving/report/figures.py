"""The page's pictures as inline SVG: text stays text, colours come from the page's style, any width fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from training.card.svg import box, svg, text

Curve = tuple[str, str, Sequence[float], Sequence[float]]  # css class, name, shares, found
WIDTH = 480
ROW = 34
PLOT = (52, 14, 410, 250)  # left, top, width, height of the area between the axes


def stacked_bars(
    title: str, rows: Sequence[tuple[str, Sequence[tuple[str, float]], str]], left: int = 110, right: int = 74
) -> Markup:
    """One horizontal bar a row; rows: label, parts (css class, size), text at the end.  Negative parts are left out."""
    totals = [sum(max(size, 0.0) for _, size in parts) for _, parts, _ in rows]
    longest = max(totals, default=0.0) or 1.0
    marks: list[Markup] = []
    for number, (label, parts, said) in enumerate(rows):
        top, x = number * ROW + 6, float(left)
        marks.append(text(left - 10, top + 15, label, "end"))
        for css, size in parts:
            width = max(size, 0.0) / longest * (WIDTH - left - right)
            marks.append(box(x, top, width, 22, css))
            x += width
        marks.append(text(x + 8, top + 15, said, "start", "strong"))
    return svg(title, WIDTH, max(len(rows), 1) * ROW + 6, marks)


def strip(title: str, parts: Sequence[tuple[str, float]]) -> Markup:
    """One bar as wide as the page that shows how a whole divides; parts: (css class, size)."""
    whole = sum(size for _, size in parts) or 1.0
    marks, x = [], 0.0
    for css, size in parts:
        marks.append(box(x, 0, size / whole * 1000, 18, css))
        x += size / whole * 1000
    return svg(title, 1000, 18, marks, stretch=True)


def reliability(title: str, line: Mapping[str, Sequence[float]], words: Mapping[str, str]) -> Markup:
    """Promised against observed frequency with intervals; on the diagonal, promises come true."""
    marks: list[Markup] = []
    points = [
        (p, seen, low, high)
        for p, seen, low, high in zip(line["predicted"], line["observed"], line["low"], line["high"], strict=True)
        if all(map(math.isfinite, (p, seen, low, high)))
    ]
    furthest = max((max(p, high) for p, _, _, high in points), default=1.0)
    end = next((edge for edge in (0.1, 0.2, 0.4) if furthest <= edge), 1.0)
    points = [(p / end, seen / end, low / end, high / end) for p, seen, low, high in points]
    scale: Callable[[float], str] = lambda part: _percent(part * end)  # noqa: E731
    marks += [*_grid(words["promised"], words["came"], scale, scale), _path([(0, 0), (1, 1)], "guide")]
    marks += [_path([(p, low), (p, high)], "whisker") for p, _, low, high in points]
    marks.append(_path([(p, seen) for p, seen, _, _ in points], "curve"))
    marks += [_dot(p, seen) for p, seen, _, _ in points]
    return svg(title, WIDTH, 310, marks)


def gains(title: str, curves: Sequence[Curve], words: Mapping[str, str]) -> Markup:
    """Which share of the cases one meets from the top of the list."""
    marks = _grid(words["contacted"], words["found"], _percent, _percent)
    for number, (css, name, share, found) in enumerate(curves):
        marks.append(_path(list(zip(share, found, strict=True)), css))
        left, top, width, height = PLOT
        y = top + height - 16 - 20 * (len(curves) - 1 - number)
        marks.append(
            Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
                css, left + width - 150, y - 4, left + width - 126, y - 4
            )
        )
        marks.append(text(left + width - 118, y, name, "start"))
    return svg(title, WIDTH, 310, marks)


def deciles(title: str, promised: Sequence[float], came: Sequence[float], words: Mapping[str, str], say: Any) -> Markup:
    """Promised and realised amounts by tenth of customers, the most promised first; say: a number in words."""
    left, top, width, height = PLOT
    highest = max([*promised, *came, 0.0]) or 1.0
    marks = []
    for part in (0.0, 0.5, 1.0):
        y = top + height * (1 - part)
        marks.append(
            Markup('<line class="grid" x1="{}" y1="{:.1f}" x2="{}" y2="{:.1f}"/>').format(left, y, left + width, y)
        )
        marks.append(text(left - 8, y + 4, say(highest * part), "end", "axis"))
    slot = width / max(len(promised), 1)
    for number, (one, other) in enumerate(zip(promised, came, strict=True)):
        x = left + number * slot
        for place, (css, size) in enumerate((("promised", one), ("came", other))):
            tall = max(size, 0.0) / highest * height
            marks.append(box(x + slot * (0.14 + 0.37 * place), top + height - tall, slot * 0.34, tall, css))
        marks.append(text(x + slot / 2, top + height + 16, str(number + 1), "middle", "axis"))
    for place, (css, name) in enumerate((("promised", words["promised_amount"]), ("came", words["came_amount"]))):
        marks.append(box(left + width - 130, top + 4 + 20 * place, 12, 12, css))
        marks.append(text(left + width - 112, top + 14 + 20 * place, name, "start"))
    marks.append(text(left + width / 2, top + height + 36, words["decile"], "middle", "axis"))
    return svg(title, WIDTH, 310, marks)


def steps(
    title: str, share: Sequence[float], band: Sequence[Sequence[float]], marks: Sequence[tuple[int, str]],
    words: Mapping[str, str],
) -> Markup:  # fmt: skip
    """A share by whole day from 0 on; band: its interval, low and high, or ().  marks: named days to point out."""
    last = max(len(share) - 1, 1)
    drawn = [*_grid(words["x"], words["y"], lambda part: f"{round(part * last):,}", _percent)]
    thin = sorted({round(day) for number in range(201) for day in (number * last / 200,) if day < len(share)})
    if len(band) == 2:
        edge = [(day / last, band[0][day]) for day in thin] + [(day / last, band[1][day]) for day in reversed(thin)]
        placed = " ".join("{:.1f},{:.1f}".format(*_at(x, y)) for x, y in edge)
        drawn.append(Markup('<polygon class="driver" fill-opacity="0.15" points="{}"/>').format(placed))
    for day, name in marks:
        if day <= last:
            drawn.append(_path([(day / last, 0), (day / last, 1)], "perfect"))
            x, y = _at(day / last, 1)
            left = day > last / 2
            drawn.append(text(x - 6 if left else x + 6, y + 14, name, "end" if left else "start", "axis"))
    drawn.append(_path([(day / last, share[day]) for day in thin], "curve"))
    return svg(title, WIDTH, 310, drawn)


def _grid(x_says: str, y_says: str, across: Callable[[float], str], upwards: Callable[[float], str]) -> list[Markup]:
    """Quarters of both axes; across, upwards: what to write at a share of the way along each."""
    left, top, width, height = PLOT
    marks = []
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = _at(part, part)
        marks.append(
            Markup('<line class="grid" x1="{}" y1="{:.1f}" x2="{}" y2="{:.1f}"/>').format(left, y, left + width, y)
        )
        marks.append(text(left - 8, y + 4, upwards(part), "end", "axis"))
        marks.append(text(x, top + height + 16, across(part), "middle", "axis"))
    marks.append(text(left + width / 2, top + height + 36, x_says, "middle", "axis"))
    turned = Markup('<text class="axis" text-anchor="middle" transform="translate(12 {:.0f}) rotate(-90)">{}</text>')
    return [*marks, turned.format(top + height / 2, y_says)]


def _percent(part: float) -> str:
    return f"{part * 100:.3g}%"


def _at(x: float, y: float) -> tuple[float, float]:
    left, top, width, height = PLOT
    return left + x * width, top + (1 - y) * height


def _path(points: Sequence[tuple[float, float]], css: str) -> Markup:
    placed = " ".join("{:.1f},{:.1f}".format(*_at(x, y)) for x, y in points if math.isfinite(x) and math.isfinite(y))
    return Markup('<polyline class="{}" points="{}"/>').format(css, placed)


def _dot(x: float, y: float) -> Markup:
    return Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="3.6"/>').format(*_at(x, y))
