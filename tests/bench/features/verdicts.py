"""The limits of the issue, with what this run measured for each."""

from __future__ import annotations

from tests.bench.features import contestants as who
from tests.bench.features.limits import FULL_GROWTH, FULL_SIZE, Limit, ratio
from tests.bench.features.results import Results


def limits_of(results: Results) -> list[Limit]:
    """Ratios are judged at full size only; values, latencies and compilation always."""
    return [*_beside_peers(results), *_cut_offs(results), *_growth(results), *_latencies(results)]


def _beside_peers(results: Results) -> list[Limit]:
    full = results.events >= FULL_SIZE
    found = [Limit("at least 150 features", results.features, 150, "features", at_least=True)]
    for way, name in (("event log", who.LOG), ("raw Parquet", who.RAW)):
        ours = results.cpu(name)
        says = f"CPU, {way}: ours / {who.SCAN}"
        found.append(Limit(says, ratio(ours, results.cpu(who.SCAN)), 3.5, aim=2.5, judged=full))
        for peer, bound in ((who.PANDAS, 4), (who.POLARS, 5), (who.SQL, 6), (who.FEATURETOOLS, 20)):
            times_less = ratio(_cpu_of(results, peer), ours)
            found.append(Limit(f"CPU, {way}: {peer} / ours", times_less, bound, at_least=True, judged=full))
    return found


def _cpu_of(results: Results, peer: str) -> float | None:
    if peer == who.FEATURETOOLS:
        return results.extrapolated[0] if results.extrapolated else None
    return results.cpu(peer)


def _cut_offs(results: Results) -> list[Limit]:
    full = results.events >= FULL_SIZE
    pairs = (("raw Parquet", who.SIX_RAW, who.ONE_RAW), ("event log", who.SIX_LOG, who.ONE_LOG))
    return [
        Limit(f"CPU: six cut-offs / one, {way}", ratio(results.cpu(six), results.cpu(one)), 3, aim=2, judged=full)
        for way, six, one in pairs
    ]


def _growth(results: Results) -> list[Limit]:
    full = results.grown_events >= FULL_GROWTH
    both = (who.INGEST, who.LOG)
    once = [results.cpu(name) for name in both]
    grown = [results.grown_cpu(name) for name in both]
    together = ratio(sum(filter(None, grown)), sum(filter(None, once))) if all([*once, *grown]) else None
    peak = max((timing.peak_mib / 1024 for timing in results.grown.values()), default=None)
    return [
        Limit("CPU, ten times the events: ingest and features together", together, 11, judged=full),
        Limit("peak memory at ten times the events: ingest and features", peak, 4, "GiB", judged=full),
    ]


def _latencies(results: Results) -> list[Limit]:
    one = results.one_user or {}
    kernel, store = (one[name]["p50_ms"] if name in one else None for name in ("kernel", "store"))
    again = results.first_call.compiled_again if results.first_call else None
    return [
        Limit("one user, 500 events, kernel p50", kernel, 0.1, "ms"),
        Limit("one user, 500 events, read from SQLite and kernel p50", store, 0.3, "ms"),
        Limit("files compiled again by the second call", again, 0, "files"),
        Limit("winback --help, wall p50", results.help_s, 0.5, "s"),
    ]
