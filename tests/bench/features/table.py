"""The table of a run, in Markdown, ready for experiments/README.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.bench.features import contestants as who
from tests.bench.features.limits import ratio
from tests.bench.features.results import Results
from tests.bench.features.timing import Timing


def markdown(results: Results) -> str:
    """All that was measured, and the verdicts."""
    parts = (_intro, _contestants, _growth, _once, _limits, _values)
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part(results)))) + "\n"


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _head(*cells: str) -> list[str]:
    return [_row(*cells), "|" + "---|" * len(cells)]


def _intro(r: Results) -> Iterator[str]:
    yield (
        f"{r.events:,} generated events of {r.users:,} users with skewed activity, ten kinds, one `as_of`, Parquet to "
        f"Parquet, whole processes on two threads, medians of {r.rounds}. Ours computes all {r.features} features, the "
        f"peers the {r.subset} of them that a group-by expresses (counts, active days, sums, means, maxima, different "
        "items, recency, tenure). Seconds are context; ratios are what holds elsewhere."
    )


def _contestants(r: Results) -> Iterator[str]:
    yield from _head("process", "features", "CPU-s", "of ours", "of the group-by", "wall s", "peak MiB")
    for name in (who.SCAN, who.RAW, who.INGEST, who.LOG, who.PANDAS, who.POLARS, who.SQL):
        features = {who.SCAN: "-", who.INGEST: "-", who.RAW: r.features, who.LOG: r.features}.get(name, r.subset)
        if timing := r.timings.get(name):
            yield _row(name, features, *_costs(r, timing))
        else:
            yield _row(name, features, f"missing: {r.missing.get(name, 'it failed')}", "", "", "", "")
    if r.extrapolated:
        seconds, how = r.extrapolated
        of_ours, of_scan = _times(ratio(seconds, r.cpu(who.RAW))), _times(ratio(seconds, r.cpu(who.SCAN)))
        yield _row(f"{who.FEATURETOOLS}, {how}", r.subset, f"{seconds:.1f}", of_ours, of_scan, "", "")
    else:
        why = r.missing.get(who.FEATURETOOLS, "it failed")
        yield _row(who.FEATURETOOLS, r.subset, f"missing: {why}", "", "", "", "")
    for name in (who.ONE_RAW, who.SIX_RAW, who.ONE_LOG, who.SIX_LOG):
        if timing := r.timings.get(name):
            yield _row(f"{name}, into NumPy", r.features, *_costs(r, timing))


def _costs(r: Results, timing: Timing) -> Sequence[str]:
    of_ours, of_scan = ratio(timing.cpu_s, r.cpu(who.RAW)), ratio(timing.cpu_s, r.cpu(who.SCAN))
    return f"{timing.cpu_s:.2f}", _times(of_ours), _times(of_scan), f"{timing.wall_s:.2f}", f"{timing.peak_mib:,.0f}"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}x"


def _growth(r: Results) -> Iterator[str]:
    if not r.grown:
        return
    runs = max(len(timing.runs) for timing in r.grown.values())
    said = f"{r.grown_events:,} events ({runs} run{'s' if runs > 1 else ''})"
    yield from _head(said, "CPU-s", "growth", "wall s", "peak MiB")
    for name, timing in r.grown.items():
        growth = _times(ratio(timing.cpu_s, r.cpu(name)))
        yield _row(name, f"{timing.cpu_s:.1f}", growth, f"{timing.wall_s:.1f}", f"{timing.peak_mib:,.0f}")


def _once(r: Results) -> Iterator[str]:
    yield from _head("one at a time", "p50", "p99")
    for name, says in (("kernel", "the kernel"), ("store", "read from SQLite, then the kernel")):
        if found := (r.one_user or {}).get(name):
            yield _row(f"one user with 500 events: {says}", f"{found['p50_ms']:.4f} ms", f"{found['p99_ms']:.4f} ms")
    if call := r.first_call:
        yield _row("first call, nothing compiled yet (100,000 events)", f"{call.first.wall_s:.1f} s", "")
        yield _row("second call", f"{call.second.wall_s:.1f} s", "")
    if r.help_s is not None:
        yield _row("`winback --help`", f"{r.help_s:.2f} s", "")


def _limits(r: Results) -> Iterator[str]:
    yield from _head("limit", "measured", "wanted", "verdict")
    for limit in r.limits:
        yield _row(limit.says, limit.found, limit.wanted, limit.verdict)


def _values(r: Results) -> Iterator[str]:
    yield from _head("values compared with ours", "users", "columns", "largest gap", "verdict")
    for one in r.agreements:
        verdict = "DISAGREES" if one.faults else "agrees"
        yield _row(one.peer, f"{one.users:,}", one.columns, f"{one.worst:.1e}", verdict)
