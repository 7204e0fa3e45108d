"""Marks of inline SVG pictures: text stays text, colours come from the page's style, any width fits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape


@dataclass(frozen=True)
class Frame:
    """The area between two axes.  left, top, width, height: where it lies; x, y: the values at its edges.

    log: whether x grows by factors, all x > 0 then.
    """

    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    log: bool = False

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a pair of values lies on the picture."""
        low, high, here = (math.log(v) for v in (*self.x, x)) if self.log else (*self.x, x)
        across = (here - low) / ((high - low) or 1.0)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1.0)
        return self.left + across * self.width, self.top + (1.0 - up) * self.height

    def level(self, y: float, said: str) -> Markup:
        """A thin line across at one value, and the value beside it."""
        place = self.at(self.x[0], y)[1]
        return line(self.left, place, self.left + self.width, place, "grid") + text(
            self.left - 8, place + 4, said, "end", "axis"
        )

    def foot(self, x: float, said: str) -> Markup:
        """A value under the picture."""
        return text(self.at(x, self.y[0])[0], self.top + self.height + 17, said, "middle", "axis")

    def axes(self, x_says: str, y_says: str) -> Markup:
        """What is drawn along x, below, and along y, beside."""
        mark = '<text class="axis" text-anchor="middle" transform="translate(12 {:.0f}) rotate(-90)">{}</text>'
        turned = Markup(mark)
        below = text(self.left + self.width / 2, self.top + self.height + 37, x_says, "middle", "axis")
        return below + turned.format(self.top + self.height / 2, y_says)

    def path(self, points: Iterable[tuple[float, float]], css: str) -> Markup:
        """A line through pairs of values; those that are not numbers are left out."""
        known = (self.at(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y))
        placed = " ".join(f"{x:.1f},{y:.1f}" for x, y in known)
        return Markup('<polyline class="{}" points="{}"/>').format(css, placed)

    def dots(self, points: Iterable[tuple[float, float]], css: str) -> Markup:
        """Round dots, all in one mark; how large and in which colour the style says."""
        places = (self.at(x, y) for x, y in points)
        return Markup('<path class="{}" d="{}"/>').format(css, "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places))


def svg(title: str, width: float, height: float, marks: Iterable[Markup], stretch: bool = False) -> Markup:
    """A picture of its marks; title: for those who cannot see it."""
    body = Markup("").join(marks)
    fit = Markup(' preserveAspectRatio="none" class="strip"') if stretch else Markup("")
    return Markup('<svg role="img" aria-label="{}" viewBox="0 0 {:.0f} {:.0f}"{}>{}</svg>').format(
        title, width, height, fit, body
    )


def box(x: float, y: float, width: float, height: float, css: str) -> Markup:
    return Markup('<rect class="{}" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"/>').format(
        css, x, y, width, height
    )


def line(x: float, y: float, to_x: float, to_y: float, css: str) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(css, x, y, to_x, to_y)


def text(x: float, y: float, said: str, anchor: str, css: str = "label") -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        css, x, y, anchor, escape(said)
    )


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """At most `most` round values from low to high, ascending."""
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return [low] if math.isfinite(low) else []
    unit = 10.0 ** math.floor(math.log10((high - low) / most))
    steps = (unit * times for times in (1, 2, 5, 10, 20))
    step = next(size for size in steps if math.floor(high / size) - math.ceil(low / size) < most)
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def room(values: Sequence[float], share: float = 0.06) -> tuple[float, float]:
    """The range of the finite values with some room on either side; 0 to 1 without any."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    extra = (high - low) * share or abs(high) * share or 1.0
    return low - extra, high + extra
