"""The way from the base to one user's score as a picture: what pushes it up, what holds it down, in words."""

from __future__ import annotations

import io
import re
import textwrap
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from features.definitions import TASKS, TaskName
from features.problems import InputProblem
from serving.phrases import Language, concept_name
from training.card.writing import MINUS, number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Json = Mapping[str, Any]
Picture = Literal["png", "svg"]
INK, SOFT, FAINT, BAND = "#1f2933", "#627d98", "#d9e2ec", "#f5f7fa"
UP, DOWN = "#d55e00", "#0072b2"  # Okabe and Ito's vermilion and blue, told apart by colour-blind people too
WIDTH, ROW, HEAD = 11.0, 0.52, 1.08  # inches
LEFT, RIGHT = 0.46, 0.97  # of the width: where the bars are; the words are left of them
DOTS = 150
_CHINESE = (
    "Noto Sans CJK SC", "Source Han Sans SC", "Noto Sans SC", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei", "Noto Sans CJK JP", "Noto Sans CJK TC",
)  # fmt: skip
_FAMILIES = "'DejaVu Sans', 'Segoe UI', 'Helvetica Neue', Arial, " + ", ".join(f"'{name}'" for name in _CHINESE[:6])
_DRAWING = threading.Lock()  # matplotlib's settings are of the whole process
WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "churn": "Risk of leaving within {days} days: {score}",
        "conversion": "Chance of converting within {days} days: {score}",
        "ltv": "Expected value of the next {days} days: {score}",
        "from": "Why this customer stands at {score} when everybody starts at {base}  ·  as of {as_of}",
        "base": "where everybody starts", "end": "this customer", "rest": "everything else",
        "points": "{sign}{size} points",
    },
    "zh": {
        "churn": "{days} 天内的流失概率：{score}", "conversion": "{days} 天内的转化概率：{score}",
        "ltv": "未来 {days} 天的预期价值：{score}",
        "from": "所有人的起点是 {base}，这位客户为何是 {score}  ·  统计时点：{as_of}",
        "base": "所有人的起点", "end": "这位客户", "rest": "其他因素",
        "points": "{sign}{size} 个百分点",
    },
}  # fmt: skip


def picture(answer: Json, kind: Picture, language: Language) -> bytes:
    """The waterfalls of an answer of `explain_user`, one below the other, as a PNG or an SVG.

    The words of an SVG stay text in the reader's fonts. A PNG in Chinese is in English where the machine has no Chinese
    font.  Raises InputProblem (not_asked) when none of the questions is asked of this user.
    """
    told: list[tuple[TaskName, Json]] = [(task, answer[task]) for task in TASKS if answer.get(task)]
    if not told:
        raise InputProblem(
            "None of these questions is asked of this user, so there is nothing to draw. Ask for another task, or "
            "leave `task` out.",
            "not_asked",
        )
    fonts = _fonts()
    spoken: Language = language if kind == "svg" or len(fonts) > 1 else "en"
    if kind == "png":
        told = [(task, _drawable(one, spoken, _letters(fonts))) for task, one in told]
    with _DRAWING:
        import matplotlib

        with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "winback", "font.family": fonts}):
            return _written(_sheet(told, str(answer["as_of"]), spoken), kind)


def _written(figure: Figure, kind: Picture) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format=kind, dpi=DOTS, metadata={"Date": None} if kind == "svg" else {"Software": "winback"})
    if kind == "png":
        return out.getvalue()
    drawn = out.getvalue().decode()
    families = re.compile(r"(font-family: |font: (?:[\w.]+ )*[\d.]+px )[^;\"]*")
    return families.sub(lambda found: found[1] + _FAMILIES, drawn).encode()


@lru_cache(maxsize=1)
def _fonts() -> tuple[str, ...]:
    """The families to draw with: a Chinese one behind matplotlib's own, where the machine has any."""
    from matplotlib import font_manager

    there = {font.name for font in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *[name for name in _CHINESE if name in there][:1])


@lru_cache(maxsize=2)
def _letters(fonts: tuple[str, ...]) -> frozenset[int]:
    """Every letter that these families have."""
    from matplotlib import font_manager

    files = [font_manager.findfont(name) for name in fonts]
    return frozenset(code for file in files for code in font_manager.get_font(file).get_charmap())


def _drawable(one: Json, language: Language, letters: frozenset[int]) -> Json:
    """The same without what would be drawn as boxes: a sentence in other letters is left out, a name is replaced."""

    def step(said: Json) -> Json:
        label, text = str(said["label"]), str(said["text"])
        if not _has_all(label, letters):
            label = concept_name(said["concept"], language) if said["concept"] else WORDS[language]["rest"]
            label = "".join(letter if ord(letter) in letters else "·" for letter in label)
        return {**said, "label": label, "text": text if _has_all(text, letters) else ""}

    return {**one, "waterfall": [step(said) for said in one["waterfall"]]}


def _has_all(text: str, letters: frozenset[int]) -> bool:
    return all(ord(letter) in letters for letter in text if letter.isprintable())


def _sheet(told: Sequence[tuple[TaskName, Json]], as_of: str, language: Language) -> Figure:
    """One panel a question, each as high as it has steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    heights = [HEAD + ROW * (len(one["waterfall"]) + 2) + 0.45 for _, one in told]
    figure = Figure(figsize=(WIDTH, sum(heights)), facecolor="white")
    FigureCanvasAgg(figure)
    top = sum(heights)
    for (task, one), height in zip(told, heights, strict=True):
        rows = ROW * (len(one["waterfall"]) + 2)
        bottom = (top - HEAD - rows) / sum(heights)
        axes = figure.add_axes((LEFT, bottom, RIGHT - LEFT, rows / sum(heights)))
        _title(figure, task, one, as_of, language, top / sum(heights), sum(heights))
        _waterfall(axes, one, language)
        top -= height
    return figure


def _title(
    figure: Figure, task: TaskName, one: Json, as_of: str, language: Language, top: float, inches: float
) -> None:
    words = WORDS[language]
    said = {"score": _figure(one, one["score"], language), "base": _figure(one, one["base"], language)}
    heading = words[task].format(days=one["horizon_days"], **said)
    below = words["from"].format(as_of=as_of[:16].replace("T", " "), **said)
    figure.text(0.03, top - 0.36 / inches, heading, fontsize=17, fontweight="bold", color=INK, va="center")
    figure.text(0.03, top - 0.74 / inches, below, fontsize=10.5, color=SOFT, va="center")


def _waterfall(axes: Axes, one: Json, language: Language) -> None:
    steps, words = one["waterfall"], WORDS[language]
    last = len(steps) + 1
    ends = [one["base"], one["score"], *(step["end"] for step in steps)]
    low, high = min(ends), max(ends)
    room = max(high - low, 1e-6 if one["unit"] == "probability" else 1e-3)
    axes.set(xlim=(low - 0.3 * room, high + 0.3 * room), ylim=(last + 0.5, -0.5), yticks=[])
    _dressed(axes, one, language)
    for y in range(1, last, 2):
        whole = -LEFT / (RIGHT - LEFT)
        axes.axhspan(y - 0.5, y + 0.5, xmin=whole, color=BAND, zorder=0, linewidth=0, clip_on=False)
    _total(axes, 0, one["base"], _figure(one, one["base"], language), words["base"], room)
    for y, step in enumerate(steps, 1):
        _step(axes, y, step, _change(one, step["effect"], language), room)
    _total(axes, last, one["score"], _figure(one, one["score"], language), words["end"], room)


def _dressed(axes: Axes, one: Json, language: Language) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: _tick(one, at, language)))
    axes.tick_params(axis="x", colors=SOFT, labelsize=9, length=0, pad=6)


def _tick(one: Json, at: float, language: Language) -> str:
    low, high = (0.0, 1.0) if one["unit"] == "probability" else (0.0, float("inf"))
    if not low <= at <= high:
        return ""
    if one["unit"] == "amount":
        return number(at)
    return f"{at * 100:.4g}{percent(0.5, language)[2:]}"


def _step(axes: Axes, y: int, step: Json, said: str, room: float) -> None:
    """A bar from where the step before ended, with its size at the open end."""
    start, end = step["start"], step["end"]
    up = end >= start
    axes.barh(y, end - start, left=start, height=0.56, color=UP if up else DOWN, zorder=3)
    axes.plot([start, start], [y - 0.72, y - 0.28], color=SOFT, linewidth=0.9, zorder=2)
    axes.plot([end, end], [y + 0.28, y + 0.72], color=SOFT, linewidth=0.9, zorder=2)
    axes.text(
        end + (0.012 if up else -0.012) * room * 1.6, y, said, va="center", ha="left" if up else "right", fontsize=9.5,
        color=UP if up else DOWN, fontweight="bold", zorder=4, parse_math=False,
    )  # fmt: skip
    label = str(step["label"])
    _words(axes, y, label[:1].upper() + label[1:], str(step["text"]))


def _total(axes: Axes, y: int, at: float, said: str, label: str, room: float) -> None:
    """The base or the score: a mark and its figure."""
    axes.plot([at, at], [y - 0.36, y + 0.36], color=INK, linewidth=3.2, solid_capstyle="butt", zorder=4)
    axes.text(at + 0.025 * room, y, said, va="center", ha="left", fontsize=11, fontweight="bold", color=INK, zorder=4)
    _words(axes, y, label[:1].upper() + label[1:], "", bold=True)


def _words(axes: Axes, y: int, label: str, text: str, bold: bool = False) -> None:
    """The concept and the sentence below it, left of the bars."""
    place = axes.get_yaxis_transform()
    edge = (0.03 - LEFT) / (RIGHT - LEFT)
    weight = "bold" if bold else "normal"
    up = 0.17 if text else 0.0
    axes.text(edge, y - up, _shown(label, 44), transform=place, va="center", fontsize=10.5, color=INK,
              fontweight=weight, parse_math=False)  # fmt: skip
    if text:
        axes.text(edge, y + 0.2, _shown(text, 68), transform=place, va="center", fontsize=8.8, color=SOFT,
                  parse_math=False)  # fmt: skip


def _shown(text: str, most: int) -> str:
    """One line of at most `most` Latin letters, a Chinese one being as wide as two."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    wide = sum(1 for letter in plain if ord(letter) >= 0x2E80)
    room = most - wide // 2
    if len(plain) <= room:
        return plain
    return plain[: room - 1] + "…" if wide else textwrap.shorten(plain, room, placeholder=" …")


def _figure(one: Json, value: float, language: Language) -> str:
    if one["unit"] == "amount":
        return number(value)
    if 0.001 <= value <= 0.999 and not 0.1 <= value <= 0.9:
        return f"{value * 100:.1f}{percent(0.5, language)[2:]}"
    return percent(value, language)


def _change(one: Json, effect: float, language: Language) -> str:
    sign = "+" if effect > 0 else MINUS
    if one["unit"] == "amount":
        return f"{sign}{number(abs(effect))}" if abs(effect) >= 0.05 else f"{sign}<0.1"
    size = abs(effect) * 100
    return WORDS[language]["points"].format(sign=sign, size=f"{size:.1f}" if size >= 0.05 else "<0.1")
