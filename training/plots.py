"""Pictures of a model's report: is it calibrated, whom does it find, against what, and what drives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

Json = Mapping[str, Any]
INK, ACCENT, SOFT, WARM = "#1f2933", "#2563a8", "#9fb3c8", "#c2571a"
ENGLISH: Mapping[str, str] = {
    "promised": "promised probability", "came": "what happened", "contacted": "share of customers contacted",
    "found": "share of cases found", "lift": "times as many as by chance", "chance": "by chance",
    "decile": "customers by predicted value, tenths",
    "amount": "amount a customer", "promised_amount": "promised", "came_amount": "came",
    "drivers": "mean effect on the score", "effect": "effect on the score", "value": "value",
}  # fmt: skip


def calibration_plot(report: Json, words: Mapping[str, str] = ENGLISH) -> Figure:
    """Promised against observed frequency; on the diagonal, promises come true."""
    figure, axes = _sheet()
    line = report["reliability"]
    axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1)
    down = [max(seen - low, 0) for seen, low in zip(line["observed"], line["low"], strict=True)]
    up = [max(high - seen, 0) for seen, high in zip(line["observed"], line["high"], strict=True)]
    axes.errorbar(line["predicted"], line["observed"], yerr=[down, up], fmt="o-", color=ACCENT, capsize=2, markersize=4)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=words["promised"], ylabel=words["came"])
    return figure


def gains_plot(report: Json, winner: str, words: Mapping[str, str] = ENGLISH) -> Figure:
    """Which share of the cases one meets when contacting the top of the list."""
    figure, axes = _sheet()
    share = report["gains"]["share"]
    axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, label=words["chance"])
    simple = next(iter(report["candidates"]))
    if simple != winner:
        axes.plot(share, report["candidates"][simple]["gains"], color=WARM, linewidth=1, label=simple)
    axes.plot(share, report["gains"]["captured"], color=ACCENT, linewidth=2, label=winner)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=words["contacted"], ylabel=words["found"])
    axes.legend(frameon=False, loc="lower right", fontsize=8)
    return figure


def lift_plot(report: Json, words: Mapping[str, str] = ENGLISH) -> Figure:
    """How many times more cases the top of the list holds than a list drawn by chance."""
    figure, axes = _sheet()
    share, found = report["gains"]["share"][1:], report["gains"]["captured"][1:]
    axes.axhline(1, color=SOFT, linewidth=1)
    axes.plot(share, [part / of for part, of in zip(found, share, strict=True)], color=ACCENT, linewidth=2)
    axes.set(xlim=(0, 1), ylim=(0, None), xlabel=words["contacted"], ylabel=words["lift"])
    return figure


def deciles_plot(report: Json, words: Mapping[str, str] = ENGLISH) -> Figure:
    """Promised and realised amounts, from the tenth promised most to the tenth promised least."""
    figure, axes = _sheet()
    promised, came = report["deciles"]["promised"], report["deciles"]["came"]
    places = list(range(1, len(promised) + 1))
    axes.bar([place - 0.2 for place in places], promised, 0.4, color=ACCENT, label=words["promised_amount"])
    axes.bar([place + 0.2 for place in places], came, 0.4, color=WARM, label=words["came_amount"])
    axes.set(xlabel=words["decile"], ylabel=words["amount"], xticks=places)
    axes.legend(frameon=False, fontsize=8)
    return figure


def drivers_plot(drivers: Mapping[str, float], words: Mapping[str, str] = ENGLISH) -> Figure:
    """Which concepts move the scores most, on average over customers."""
    figure, axes = _sheet()
    top = sorted(drivers.items(), key=lambda item: item[1])[-10:]
    axes.barh([name for name, _ in top], [size for _, size in top], color=ACCENT)
    axes.set(xlabel=words["drivers"])
    return figure


def beeswarm_plot(found: Json, words: Mapping[str, str] = ENGLISH) -> Figure:
    """Each strong input's effects, a dot a customer: blue where its value is low, red where it is high."""
    inputs = found["inputs"]
    figure, axes = _sheet(0.45 * len(inputs) + 1)
    axes.axvline(0, color=SOFT, linewidth=1)
    for lane, one in enumerate(inputs):
        effects, ranks = (np.array(one[name], dtype=float) for name in ("effects", "ranks"))
        places = lane + _beside(effects)
        axes.scatter(effects, places, c=SOFT, s=7)  # what is not known keeps this colour
        axes.scatter(effects, places, c=ranks, cmap="coolwarm", vmin=0, vmax=1, s=7)
    axes.set(xlabel=words["effect"], yticks=range(len(inputs)), yticklabels=[one["name"] for one in inputs])
    axes.invert_yaxis()
    return figure


def dependence_plot(found: Json, words: Mapping[str, str] = ENGLISH) -> Figure:
    """The very strongest inputs: values against their effects."""
    inputs = found["inputs"]
    figure = Figure(figsize=(3.2 * len(inputs), 3), dpi=110, layout="constrained")
    for axes, one in zip(figure.subplots(1, len(inputs), squeeze=False)[0], inputs, strict=True):
        axes.scatter(*(np.array(one[name], dtype=float) for name in ("values", "effects")), color=ACCENT, s=7)
        axes.set(title=one["name"], xlabel=words["value"], ylabel=words["effect"])
        axes.title.set_fontsize(9)
    return figure


def _beside(effects: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) how far from the middle of its lane each dot lies, so that equal ones lie beside each other."""
    span = float(np.ptp(effects)) or 1.0
    crowd: dict[int, int] = {}
    steps = np.zeros(len(effects))
    for row, column in enumerate(np.floor((effects - effects.min()) / span * 60).astype(int)):
        crowd[column] = crowd.get(column, 0) + 1
        steps[row] = crowd[column] // 2 * (1 if crowd[column] % 2 else -1)
    return 0.35 * steps / max(float(np.abs(steps).max()), 6.0)


def report_plots(report: Json, winner: str) -> dict[str, Figure]:
    """All pictures of one model's report, by file name, for the MLflow run."""
    plots = {"drivers.png": drivers_plot(report["drivers"])}
    if "reliability" in report["test"]:
        test = report["test"]
        plots |= {"calibration.png": calibration_plot(test), "gains.png": gains_plot(test, winner)}
        plots |= {"lift.png": lift_plot(test)}
    else:
        plots |= {"deciles.png": deciles_plot(report["test"])}
    for name, draw in (("beeswarm", beeswarm_plot), ("dependence", dependence_plot)):
        if (report.get(name) or {}).get("inputs"):
            plots[f"{name}.png"] = draw(report[name])
    return plots


def _sheet(height: float = 3.4) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5, height), dpi=110, layout="constrained")
    axes = figure.subplots()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=INK, labelsize=8)
    return figure, axes
