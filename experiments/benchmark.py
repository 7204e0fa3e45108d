"""python -m experiments.benchmark [--automl] [--tasks churn ltv] [--only TEXT] [--results bench-results]

Do our scores beat what a practitioner would reach for, at moments of real logs whose future none of them saw?
Prints one table with paired 95 % intervals over customers, and which limits were kept; writes training.json and .md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.limits import limits
from experiments.moments import MOMENTS, Moment, came, known_and_whole, orders, silent
from experiments.peers import ROOT, Table, answers
from features.build import build_at
from features.definitions import TaskName, definitions, eligible
from features.past import catalog_of
from training.learn import learn
from training.measures import metrics
from training.measures.bootstrap import paired
from training.measures.coverage import coverage_by_decile

F64 = NDArray[np.float64]
Json = dict[str, Any]
MANY_ROWS = 200_000  # peers learn from at most so many rows, the latest first
DRAWS = 300


def main() -> None:
    """Stand at every moment, print its lines, then the verdicts."""
    asked = _arguments()
    found: list[Json] = []
    for moment in MOMENTS:
        for task in moment.tasks:
            if task in asked.tasks and asked.only in moment.name:
                found.append(stand(moment, task, asked.automl))
                print("\n".join(_lines(found[-1])), flush=True)
    verdicts = limits(found)
    print("\n".join(verdicts))
    asked.results.mkdir(parents=True, exist_ok=True)
    (asked.results / "training.json").write_text(json.dumps(found, indent=1))
    said = [line for one in found for line in _lines(one)]
    (asked.results / "training.md").write_text("\n".join(["```", *said, *verdicts, "```", ""]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmark", description=__doc__)
    parser.add_argument("--automl", action="store_true", help="with FLAML and AutoGluon, where they are installed")
    parser.add_argument("--tasks", nargs="+", default=["churn", "ltv"])
    parser.add_argument("--only", default="", metavar="TEXT", help="moments with this in their name")
    parser.add_argument("--results", type=Path, default=ROOT / "bench-results")
    return parser.parse_args()


def stand(moment: Moment, task: TaskName, automl: bool) -> Json:
    """Train as `winback train` does on what was known, score everybody, then look at what came."""
    start = time.process_time()
    with tempfile.TemporaryDirectory() as made:
        business, past, _ = known_and_whole(moment, Path(made))
        features = catalog_of(business, past)
        learned = learn(business, definitions(business)[task], past, features, silent())
        bundle, rows = learned.bundle, learned.asked.rows
        (histories,) = past.buckets()
        table = build_at(histories, features, past.span.last)
        of_whom = eligible(bundle.definition, table)
    x = bundle.matrix(table)[of_whom]
    spent = time.process_time() - start
    who = histories.users[table.user[of_whom]]
    y = came(task, who, orders(moment.log), moment)
    latest = np.argsort(rows.as_of, kind="stable")[-MANY_ROWS:]
    tells = [at for at in range(x.shape[1]) if len(np.unique(rows.x[latest, at])) > 1]  # peers stumble over the others
    names = tuple(rows.names[at] for at in tells)
    others = answers(task, Table(names, rows.x[latest][:, tells], rows.y[latest], x[:, tells]), automl)
    ours = bundle.predict(x)
    judged = (_amounts if task == "ltv" else _chances)(y, ours, others)
    ranges = {}
    if bundle.interval is not None:
        low, high = bundle.interval.around(ours, 0.9)
        deciles = coverage_by_decile(y, ours, low, high)
        ranges = {"coverage_90": float(np.mean((y >= low) & (y <= high))), "coverage_deciles": deciles.tolist()}
    promised = bundle.report.get("expected", {}).get("auc", {}).get("point")
    return {
        "moment": moment.name, "task": task, "rows": len(y), "rate": float(y.mean()), "rung": bundle.rung,
        "grade": bundle.grade, "cpu_s": spent, "promised_auc": promised, "peers": judged, **ranges,
    }  # fmt: skip


def _chances(y: F64, ours: F64, others: Mapping[str, F64 | None]) -> Json:
    who = np.arange(len(y))
    found: Json = {"winback": _of_chances(y, ours)}
    for name, p in others.items():
        if p is None:
            found[name] = None
            continue
        kept = np.clip(p, 1e-6, 1 - 1e-6)
        gaps = {
            "auc_gap": paired(metrics.auc, y, ours, kept, who, draws=DRAWS),
            "loss_gap": paired(metrics.log_loss, y, ours, kept, who, draws=DRAWS),
        }
        found[name] = _of_chances(y, kept) | {key: [gap.point, gap.low, gap.high] for key, gap in gaps.items()}
    return found


def _of_chances(y: F64, p: F64) -> Json:
    return {"auc": metrics.auc(y, p), "loss": metrics.log_loss(y, p), "ece": metrics.calibration_error(y, p)}


def _amounts(y: F64, ours: F64, others: Mapping[str, F64 | None]) -> Json:
    who = np.arange(len(y))
    found: Json = {"winback": _of_amounts(y, ours)}
    for name, p in others.items():
        if p is None:
            found[name] = None
            continue
        gap = paired(metrics.mae, y, ours, p, who, draws=DRAWS)
        found[name] = _of_amounts(y, p) | {"mae_gap": [gap.point, gap.low, gap.high]}
    return found


def _of_amounts(y: F64, p: F64) -> Json:
    return {"gini": metrics.normalized_gini(y, p), "mae": metrics.mae(y, p), "bias": metrics.bias(y, p)}


def _lines(one: Json) -> list[str]:
    head = f"{one['moment']}, {one['task']}: {one['rows']:,} customers, mean {one['rate']:.3f}, chosen {one['rung']}"
    lines = ["", f"{head}, grade {one['grade']}, {one['cpu_s']:.0f} CPU-s"]
    for name, part in one["peers"].items():
        if part is None:
            lines.append(f"  {name:<26} missing (not installed here)")
        elif one["task"] == "ltv":
            lines.append(f"  {name:<26} Gini {part['gini']:.4f}  MAE {part['mae']:8.3f}  bias {part['bias']:+.2f}"
                         + _gap(part, "mae_gap", 3))  # fmt: skip
        else:
            lines.append(f"  {name:<26} AUC {part['auc']:.4f}  log loss {part['loss']:.4f}  ECE {part['ece']:.3f}"
                         + _gap(part, "auc_gap", 4) + _gap(part, "loss_gap", 4))  # fmt: skip
    if one["promised_auc"] is not None:
        lines.append(f"  AUC promised {one['promised_auc']:.4f}, came {one['peers']['winback']['auc']:.4f}")
    if "coverage_90" in one:
        shown = " ".join(f"{share:.2f}" for share in one["coverage_deciles"])
        lines.append(f"  the 90 % interval held {one['coverage_90']:.1%}; by tenth of value, highest first: {shown}")
    return lines


def _gap(part: Json, name: str, places: int) -> str:
    """Ours minus theirs."""
    if name not in part:
        return ""
    point, low, high = part[name]
    what = name.removesuffix("_gap")
    return f"  {what} {point:+.{places}f} ({low:+.{places}f} to {high:+.{places}f})"


if __name__ == "__main__":
    main()
