"""python -m tests.bench.serving [--rounds 3] [--seconds 3] [--users 200000] [--results bench-results]

Our service, BentoML's API methods that do nothing in the same service, and `mlflow models serve` with the bare churn
booster, side by side on loopback; then scoring in bulk. Prints the table of ratios beside the limits, writes
serving.json and serving.md; exit 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from tests.bench.features.environments import ROOT
from tests.bench.features.limits import Limit, ratio
from tests.bench.serving.bare import bare_booster
from tests.bench.serving.loads import Load, Measured, measured_in_turns
from tests.bench.serving.servers import ONE_THREAD, Server, mlflow_serve, winback
from tests.bench.serving.shop import Shop, made_shop

MANY = 256
OURS, NOOP, THREAD, BARE = "POST /score, one user", "no-op API method", "no-op API method, in a thread", "mlflow, bare"
CROWD, BARE_CROWD, ONE_TASK, THREE_TASKS = "/score, 32 clients", "mlflow, 32 clients", "256 users, one task", "256 users"


def main() -> int:
    asked = _arguments()
    work = asked.results / "work" / "serving"
    work.mkdir(parents=True, exist_ok=True)
    _say("the shop and its champions (trained once, a minute or two)")
    shop = made_shop(work)
    model, rows, boosted = bare_booster(shop, work / "bare-booster")
    _say("starting both servers")
    with winback(shop.config, work) as ours, mlflow_serve(model, work) as theirs:
        one, crowd, many = _loads(shop, ours, theirs, rows)
        _say("one client")
        found = measured_in_turns(one, asked.rounds, asked.seconds)
        _say("32 clients")
        found |= measured_in_turns(crowd, asked.rounds, asked.seconds)
        _say(f"{MANY} users a call")
        found |= measured_in_turns(many, asked.rounds, asked.seconds)
    _say(f"in bulk: {asked.users:,} users")
    bulk = _bulk(shop, work, asked.users)
    limits = limits_of(found, bulk)
    return _report(asked.results, found, bulk, limits, f"{boosted.booster.num_trees()} trees, {len(boosted.columns)} columns")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.serving", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each load lasts in a round")
    parser.add_argument("--users", type=int, default=200_000, help="scored in bulk; the rate does not depend on it")
    parser.add_argument("--results", type=Path, default=ROOT / "bench-results")
    return parser.parse_args()


def _loads(shop: Shop, ours: Server, theirs: Server, rows: list[str]) -> tuple[list[Load], list[Load], list[Load]]:
    users = [json.dumps({"user_ids": [user], "reasons": 3}) for user in shop.busy]
    hundreds = [list(shop.others[start : start + MANY]) for start in range(0, 4 * MANY, MANY)]
    one = [
        Load(OURS, ours, "/score", users), Load(NOOP, ours, "/noop", ["{}"]), Load(THREAD, ours, "/noop_in_a_thread", ["{}"]),
        Load(BARE, theirs, "/invocations", rows),
    ]  # fmt: skip
    crowd = [Load(CROWD, ours, "/score", users, 32), Load(BARE_CROWD, theirs, "/invocations", rows, 32)]
    many = [
        Load(THREE_TASKS, ours, "/score", [json.dumps({"user_ids": some}) for some in hundreds]),
        Load(ONE_TASK, ours, "/score", [json.dumps({"user_ids": some, "tasks": ["churn"]}) for some in hundreds]),
    ]  # fmt: skip
    return one, crowd, many


def limits_of(found: dict[str, Measured], bulk: dict[str, float]) -> list[Limit]:
    """The limits, with what this run measured for each."""
    ours = found[OURS]
    return [
        Limit("one user: CPU / BentoML's no-op method", ratio(ours.cpu_ms, found[NOOP].cpu_ms), 2.5, aim=2),
        Limit("one user, one client: p99 / p50", ratio(ours.p99_ms, ours.p50_ms), 5),
        Limit("32 clients: requests a second / mlflow's of the bare booster",
              ratio(found[CROWD].a_second, found[BARE_CROWD].a_second), 1, at_least=True),
        Limit("256 users, one task: CPU a user", found[ONE_TASK].cpu_ms / MANY if ONE_TASK in found else None, 0.5, "ms"),
        Limit("256 users, three tasks: CPU a user", found[THREE_TASKS].cpu_ms / MANY, 1.5, "ms"),
        Limit("in bulk, churn with reasons", bulk["churn"], 5_000, "rows a CPU-s", at_least=True),
    ]  # fmt: skip


def _bulk(shop: Shop, work: Path, users: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.serving.bulk", str(shop.config), str(work), str(users)]
    said = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, timeout=400, env={**os.environ, **ONE_THREAD}
    )
    found: dict[str, float] = json.loads(said.stdout.splitlines()[-1])
    return found


def _report(
    results: Path, found: dict[str, Measured], bulk: dict[str, float], limits: list[Limit], booster: str
) -> int:
    machine = {"cores": os.cpu_count(), "processor": platform.processor() or platform.machine(),
               "python": platform.python_version(), "load_at_end": os.getloadavg(),
               **{name: version(name) for name in ("bentoml", "mlflow", "lightgbm")}}  # fmt: skip
    told = {
        "machine": machine, "booster": booster, "loads": {name: asdict(one) for name, one in found.items()}, "bulk": bulk,
        "limits": [{**asdict(limit), "verdict": limit.verdict} for limit in limits],
    }  # fmt: skip
    (results / "serving.json").write_text(json.dumps(told, indent=1))
    text = markdown(found, bulk, limits, booster)
    (results / "serving.md").write_text(text)
    print(text)
    missed = [limit for limit in limits if not limit.holds]
    for limit in missed:
        print(f"{limit.verdict}: {limit.says}: {limit.found or 'nothing found'}, wanted {limit.wanted}")
    return 1 if missed else 0


def markdown(found: dict[str, Measured], bulk: dict[str, float], limits: list[Limit], booster: str) -> str:
    """What was measured, and the limits beside it, for a person."""
    lines = [f"The churn booster: {booster}.", "", "| load | clients | requests | CPU ms a request | p50 ms | p99 ms | a second |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    lines += [
        f"| {one.name} | {one.clients} | {one.requests:,} | {one.cpu_ms:.2f} ({one.spread[0]:.2f} to {one.spread[1]:.2f}) "
        f"| {one.p50_ms:.2f} | {one.p99_ms:.2f} | {one.a_second:,.0f} |"
        for one in found.values()
    ]
    lines += ["", f"In bulk, {bulk['users']:,.0f} users, features and writing included: churn {bulk['churn']:,.0f} rows a CPU-second, "
              f"all three tasks {bulk['three']:,.0f}.", "", "| limit | wanted | found | |", "|---|---|---|---|"]  # fmt: skip
    lines += [f"| {one.says} | {one.wanted} | {one.found} | {one.verdict} |" for one in limits]
    return "\n".join([*lines, ""])


def _say(text: str) -> None:
    print(f"== {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
