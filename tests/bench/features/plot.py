"""The plot of a run: CPU of every process beside the group-by, and peak memory."""

from __future__ import annotations

import logging
from pathlib import Path

from matplotlib.figure import Figure

from tests.bench.features import contestants as who
from tests.bench.features.results import Results

OURS = (who.RAW, who.INGEST, who.LOG)
_OURS, _THEIRS, _SCAN, _EXTRAPOLATED = "#1f5fa8", "#9aa4ad", "#3c9a5f", "#d3d8dc"


def draw(results: Results, path: Path) -> None:
    """Write the bars, the cheapest process first; the format follows from the file's name."""
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it complains of fonts that nobody asked for
    names = [name for name in (who.SCAN, *OURS, who.PANDAS, who.POLARS, who.SQL) if name in results.timings]
    bars = [(name, results.timings[name].cpu_s, results.timings[name].peak_mib, _colour(name)) for name in names]
    if results.extrapolated:
        bars.append((f"{who.FEATURETOOLS} (extrapolated)", results.extrapolated[0], 0.0, _EXTRAPOLATED))
    bars.sort(key=lambda bar: -bar[1])
    labels, cpu, peak, colours = (list(column) for column in zip(*bars, strict=True))
    figure = Figure(figsize=(11, 0.5 * len(bars) + 1.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    drawn = left.barh(labels, cpu, color=colours)
    ours = results.cpu(who.RAW) or 1.0
    left.bar_label(drawn, [f"{seconds:.1f} s, {seconds / ours:.2g}x ours" for seconds in cpu], padding=4, fontsize=8)
    left.set(xscale="log", xlabel="CPU seconds of the whole process (log scale)")
    left.set_xlim(right=max(cpu) * 6)
    drawn = right.barh(labels, peak, color=colours)
    right.bar_label(drawn, [f"{mib:,.0f}" if mib else "" for mib in peak], padding=4, fontsize=8)
    right.set(xlabel="peak memory, MiB")
    right.set_xlim(right=max(peak) * 1.25)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"{results.events:,} events, {results.users:,} users: ours {results.features} features, peers {results.subset}",
        fontsize=11,
    )
    figure.savefig(path, dpi=130)


def _colour(name: str) -> str:
    return _OURS if name in OURS else _SCAN if name == who.SCAN else _THEIRS
