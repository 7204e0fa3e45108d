"""The card's pictures, drawn from the report's numbers alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from training.card.svg import Frame, box, line, room, svg, text, ticks

Json = Mapping[str, Any]
WIDTH, SMALL, TALL = 480.0, 300.0, 250.0
SHADES = 9  # of a value, from the lowest to the highest
DOT, LANE = 4.6, 36.0  # of a swarm: a dot's room, a lane's height
BAR = 13.0  # height of a period in the timeline


@dataclass(frozen=True)
class Point:
    """One measured thing.  low, high: its interval, both the value itself without one.  marked: the one in use."""

    x: float
    value: float
    low: float
    high: float
    says: str
    marked: bool = False


@dataclass(frozen=True)
class Period:
    """One stretch of time.  start, end: in days from the first one's start.  css: what was done with it."""

    start: float
    end: float
    css: str
    says: str


def timeline(title: str, periods: Sequence[Period], now: float, now_says: str) -> Markup:
    """A bar a label window, from the moment of asking to the end of what was looked ahead; now: the end of the data."""
    end = max([now, *(period.end for period in periods)])
    frame = Frame(92, 6, WIDTH - 104, len(periods) * (BAR + 5) + 4, (periods[0].start, end), (0, 1))
    bottom = frame.top + frame.height
    marks = []
    for number, period in enumerate(periods):
        top = frame.top + 2 + number * (BAR + 5)
        x, to = frame.at(period.start, 0)[0], frame.at(period.end, 0)[0]
        marks += [text(84, top + BAR - 2, period.says, "end", "axis"), box(x, top, to - x, BAR, period.css)]
    x = frame.at(now, 0)[0]
    marks += [line(x, frame.top, x, bottom + 4, "today"), text(x, bottom + 18, now_says, "end", "axis")]
    return svg(title, WIDTH, bottom + 26, marks)


def reliability(title: str, found: Json, words: tuple[str, str], end: float, small: bool = False) -> Markup:
    """Promised against observed frequency, from 0 to `end` on both axes; on the diagonal, promises come true."""
    width = SMALL if small else WIDTH
    frame = Frame(48, 12, width - 62, width - 96 if small else TALL, (0, end), (0, end))
    marks = [frame.level(part * end, _share(part * end)) for part in (0.0, 0.5, 1.0)]
    marks += [frame.foot(part * end, _share(part * end)) for part in (0.0, 0.5, 1.0)]
    marks += [frame.axes(*words), frame.path([(0, 0), (end, end)], "guide")]
    seen = _finite(zip(found["predicted"], found["observed"], strict=True))
    if "low" in found:
        bounds = zip(found["predicted"], found["low"], found["high"], strict=True)
        marks += [frame.path([(p, low), (p, high)], "whisker") for p, low, high in _finite(bounds)]
    marks += [frame.path(seen, "curve"), frame.dots(seen, "dots")]
    return svg(title, width, frame.top + frame.height + 44, marks)


def furthest(lines: Sequence[Json]) -> float:
    """How far the axes of several reliability pictures must reach to hold them all."""
    values = [v for one in lines for key in ("predicted", "observed") for v in one[key] if v is not None]
    most = max((value for value in values if math.isfinite(value)), default=1.0)
    return next((edge for edge in (0.1, 0.2, 0.4, 0.6) if most <= edge), 1.0)


def measured(title: str, points: Sequence[Point], words: tuple[str, str], say: Callable[[float], str]) -> Markup:
    """Points with their intervals over x, which grows by factors; what each is stands under it."""
    xs = [point.x for point in points]
    span = (min(xs) / 1.15, max(xs) * 1.15)
    frame = Frame(64, 12, WIDTH - 80, TALL, span, room([v for p in points for v in (p.value, p.low, p.high)]), log=True)
    marks = [frame.level(value, say(value)) for value in ticks(*frame.y)]
    marks += [frame.axes(*words), frame.path([(point.x, point.value) for point in points], "thread")]
    marks += [frame.path([(p.x, p.low), (p.x, p.high)], "whisker") for p in points]
    marks.append(frame.dots([(point.x, point.value) for point in points if not point.marked], "dots"))
    marks.append(frame.dots([(point.x, point.value) for point in points if point.marked], "dots used"))
    reached = -math.inf
    for point in sorted(points, key=lambda point: point.x):
        place = frame.at(point.x, 0)[0]
        if place - reached > 9 * len(point.says):
            marks.append(frame.foot(point.x, point.says))
            reached = place
    return svg(title, WIDTH, frame.top + frame.height + 44, marks)


def bars(title: str, rows: Sequence[tuple[str, float, str]]) -> Markup:
    """One horizontal bar a row: label, size, what is said of it."""
    longest = max((size for _, size, _ in rows), default=0.0) or 1.0
    marks = []
    for number, (label, size, said) in enumerate(rows):
        top = number * 28 + 4
        width = size / longest * (WIDTH - 290)
        marks += [text(208, top + 15, label, "end"), box(216, top, max(width, 1.0), 20, "driver")]
        marks.append(text(224 + width, top + 15, said, "start", "strong"))
    return svg(title, WIDTH, max(len(rows), 1) * 28 + 4, marks)


def swarm(title: str, inputs: Sequence[Json], x_says: str, say: Callable[[float], str]) -> Markup:
    """A lane an input, a dot a customer: right of the middle it raises the score, its shade says how high its value."""
    known = [effect for one in inputs for effect in one["effects"] if effect is not None]
    frame = Frame(14, 4, WIDTH - 28, len(inputs) * (LANE + 16), room([*known, 0.0]), (0, 1))
    bottom = frame.top + frame.height
    middle = frame.at(0.0, 0)[0]
    marks = [line(middle, frame.top, middle, bottom, "guide")]
    marks += [frame.foot(value, say(value)) for value in ticks(*frame.x, 6)]
    for number, one in enumerate(inputs):
        top = frame.top + number * (LANE + 16)
        marks.append(text(frame.left, top + 12, one["name"], "start", "code"))
        marks += _lane(frame, one, top + 16 + LANE / 2)
    marks.append(text(frame.left + frame.width / 2, bottom + 37, x_says, "middle", "axis"))
    return svg(title, WIDTH, bottom + 44, marks)


def dependence(title: str, one: Json, words: tuple[str, str], say: Callable[[float], str]) -> Markup:
    """One input's values against its effects."""
    points = _finite(zip(one["values"], one["effects"], strict=True))
    xs, ys = ([point[axis] for point in points] for axis in (0, 1))
    frame = Frame(58, 12, SMALL - 72, 170, room(xs), room([*ys, 0.0]))
    marks = [frame.level(value, say(value)) for value in ticks(*frame.y)]
    marks += [frame.foot(value, f"{value:,.4g}") for value in ticks(*frame.x, 4)]
    marks += [frame.axes(*words), frame.path([(frame.x[0], 0.0), (frame.x[1], 0.0)], "guide")]
    marks.append(frame.dots(points, "dots fine"))
    return svg(title, SMALL, frame.top + frame.height + 44, marks)


def _lane(frame: Frame, one: Json, middle: float) -> list[Markup]:
    """The dots of one input, those of about the same effect beside each other, gathered by shade."""
    crowd: dict[int, int] = {}
    shades: dict[str, list[str]] = {}
    for effect, rank in zip(one["effects"], one["ranks"], strict=True):
        if effect is None:
            continue
        x = frame.at(effect, 0)[0]
        column = round(x / DOT)
        crowd[column] = crowd.get(column, 0) + 1
        step = crowd[column] // 2 * (1 if crowd[column] % 2 else -1)
        y = middle + math.remainder(step * DOT * 0.6, LANE - DOT)
        shade = "none" if rank is None else str(min(int(rank * SHADES), SHADES - 1))
        shades.setdefault(shade, []).append(f"M{x:.0f} {y:.1f}h0")
    return [
        Markup('<path class="swarm s-{}" d="{}"/>').format(shade, "".join(dots))
        for shade, dots in sorted(shades.items())
    ]


def _finite(rows: Any) -> list[Any]:
    """The rows whose values are all numbers."""
    return [row for row in rows if all(value is not None and math.isfinite(value) for value in row)]


def _share(part: float) -> str:
    return f"{part * 100:.3g}%"
