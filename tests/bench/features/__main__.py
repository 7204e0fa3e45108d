"""python -m tests.bench.features [--events 1e7] [--rounds 3] [--grow 10] [--results bench-results]

Generates the events, times ours and the peers in turns, compares the values, judges the limits, prints the table,
writes features.json, features.md and features.png; exit 1 when values disagree or a process failed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from tests.bench.features import contestants as who
from tests.bench.features.agreement import agreement
from tests.bench.features.contestants import Place
from tests.bench.features.environments import ROOT
from tests.bench.features.made_events import AS_OF, made_events
from tests.bench.features.plot import draw
from tests.bench.features.results import Results
from tests.bench.features.small_costs import first_call, help_seconds
from tests.bench.features.subset import Subset, stated_subset
from tests.bench.features.table import markdown
from tests.bench.features.timing import CommandFailed, Contestant, Timing, in_turns, timed
from tests.bench.features.verdicts import limits_of

EVENTS_A_USER = 50
SMALL = 100_000


def main() -> int:
    asked = _arguments()
    events, work = int(asked.events), asked.results / "work"
    users = max(1_000, events // EVENTS_A_USER)
    place = Place.of(made_events(work, events, users), work)
    subset = stated_subset(place.raw, AS_OF, place.out / "subset.json")
    results = Results(events, users, asked.rounds, subset.of, len(subset.names))
    small = Place.of(made_events(work, SMALL, SMALL // EVENTS_A_USER), work)
    with _noted(results, "first call"):
        _first_call(results, small)
    with _noted(results, "winback --help"):
        results.help_s = help_seconds()
    with _noted(results, "one user"):
        _one_user(results, work)
    _side_by_side(results, place, subset, asked.rounds)
    with _noted(results, "featuretools"):
        _featuretools(results, place, subset, asked.rounds)
    if asked.grow > 1:
        with _noted(results, "growth"):
            _grow(results, work, asked.grow, asked.grow_rounds, asked.keep)
    results.limits = limits_of(results)
    return _report(results, asked.results)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.features", description=__doc__)
    parser.add_argument("--events", type=float, default=1e7, help="how many; 50 a user")
    parser.add_argument("--rounds", type=int, default=3, help="how often each process is timed")
    parser.add_argument("--grow", type=int, default=10, help="ours also on so many times the events; 1 = not")
    parser.add_argument("--grow-rounds", type=int, default=1, help="how often that is timed")
    parser.add_argument("--keep", action="store_true", help="keep the large file of events and its log")
    parser.add_argument("--results", type=Path, default=ROOT / "bench-results")
    return parser.parse_args()


def _first_call(results: Results, small: Place) -> None:
    """Compilation; what ran before leaves everybody's bytecode, and our own compilation for the rest of the bench."""
    _say("first call")
    in_turns([who.features_raw(small), who.ingest(small), who.features_log(small)], 1)
    results.first_call = first_call(small)


def _one_user(results: Results, work: Path) -> None:
    _say("one user")
    command = [sys.executable, "-m", "tests.bench.features.one_user", str(work / "one-user")]
    timed(command)  # compiles
    results.one_user = json.loads(timed(command).stdout)


def _side_by_side(results: Results, place: Place, subset: Subset, rounds: int) -> None:
    """Ours and the peers in turns, then the values; whoever fails alone does not stop the others."""
    _say(f"{results.events:,} events: ours and the peers, {rounds} rounds in turns")
    ours = [who.features_raw(place), who.ingest(place), who.features_log(place), *who.cut_offs(place)]
    theirs = who.peers(place, subset, results.missing)
    able = [one for one in [*ours, *theirs] if _tried(results, one)]
    results.timings = in_turns(able, rounds)
    raw = who.features_raw(place).out
    if raw is None or who.RAW not in results.timings:
        return
    everything = tuple(pq.read_schema(raw).names[2:])
    exactly = replace(subset, names=everything, exact=frozenset(everything))
    for one in able:
        if one.out and one.name not in (who.RAW, who.SCAN):
            which = exactly if one.name == who.LOG else subset
            results.agreements.append(agreement(one.name, one.out, raw, which))


def _tried(results: Results, one: Contestant) -> bool:
    """Whether a contestant ends well; a run that warms the caches and is not counted."""
    with _noted(results, one.name):
        in_turns([one], 1)
        return True
    return False


def _featuretools(results: Results, place: Place, subset: Subset, rounds: int) -> None:
    """CPU on all users, in a straight line through two samples of them."""
    samples = who.featuretools(place, subset, results.users, results.missing)
    if not samples:
        return
    _say("featuretools on two samples of the users")
    timings = in_turns(list(samples.values()), rounds)
    results.timings |= timings
    (few, many), (one, two) = samples, (timing.cpu_s for timing in timings.values())
    a_user = max(0.0, (two - one) / (many - few))
    how = f"extrapolated from {few:,} ({one:.1f} CPU-s) and {many:,} users ({two:.1f} CPU-s)"
    results.extrapolated = two + a_user * (results.users - many), how
    raw = who.features_raw(place).out
    for sample in samples.values():
        if sample.out and raw and who.RAW in results.timings:
            results.agreements.append(agreement(sample.name, sample.out, raw, subset, everybody=False))


def _grow(results: Results, work: Path, times: int, rounds: int, keep: bool) -> None:
    """Ingest and features from the log on more events."""
    events, users = results.events * times, results.users * times
    _say(f"{events:,} events of {users:,} users: ingest and features from the log")
    place = Place.of(made_events(work, events, users), work)
    results.grown_events = events
    both: Sequence[Contestant] = (who.ingest(place), who.features_log(place))
    grown: dict[str, Timing] = in_turns(both, rounds)
    results.grown = grown
    if not keep:
        place.forget_log()
        place.events.unlink()


@contextmanager
def _noted(results: Results, what: str) -> Iterator[None]:
    """A failure goes into the results and fails the bench at its end, after the rest was measured."""
    try:
        yield
    except CommandFailed as failure:
        results.failures.append(f"{what}: {failure}")
        _say(f"{what} FAILED: {failure}")


def _report(results: Results, folder: Path) -> int:
    results.write(folder / "features.json")
    text = markdown(results)
    (folder / "features.md").write_text(text)
    if results.timings:
        draw(results, folder / "features.png")
    print(text)
    print(f"Written: {folder}/features.json, features.md, features.png")
    for peer, why in results.missing.items():
        print(f"MISSING: {peer}: {why}")
    for limit in results.missed:
        print(f"MISSED: {limit}")
    for fault in results.faults:
        print(f"FAILED: {fault}")
    return 1 if results.faults else 0


def _say(text: str) -> None:
    print(f"== {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
