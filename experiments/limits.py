"""What the training must reach, checked on the benchmark's figures; each line says kept or missed, and by what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Json = dict[str, Any]
BTYD = ("BG/NBD", "Pareto/NBD")
OWN_WORLD = "Pareto world"  # where Pareto/NBD is the truth, and nothing can be better
VALUE = "Pareto/NBD + Gamma-Gamma"


def limits(found: list[Json]) -> list[str]:
    """One line a limit."""
    chances = [one for one in found if one["task"] != "ltv"]
    amounts = [one for one in found if one["task"] == "ltv"]
    return ["", *(_chances(chances) if chances else ()), *(_amounts(amounts) if amounts else ())]


def _chances(found: list[Json]) -> Iterator[str]:
    real = [one for one in found if not one["moment"].startswith(OWN_WORLD)]
    for name in BTYD:
        better = [one["peers"][name]["auc_gap"][1] > 0 and one["peers"][name]["loss_gap"][2] < 0 for one in real]
        yield _said(all(better), f"significantly better than {name} in AUC and loss: {sum(better)} of {len(better)}")
    gaps = [one["peers"]["logistic on RFM"]["loss_gap"] for one in found]
    worse, better_by = sum(gap[1] > 0 for gap in gaps), sum(gap[0] < 0 for gap in gaps)
    yield _said(worse == 0 and better_by > len(gaps) / 2,
                f"logistic on RFM: significantly worse on {worse}, better on {better_by} of {len(gaps)}")  # fmt: skip
    beaten = [_best_gap(one)[1] > 0 for one in found]
    yield _said(sum(beaten) <= len(beaten) / 10,
                f"significantly worse than the best peer in hindsight: {sum(beaten)} of {len(beaten)}")  # fmt: skip
    errors = [one["peers"]["winback"]["ece"] for one in found]
    yield _said(np.mean(errors) <= 0.03 and max(errors) <= 0.06,
                f"ECE {np.mean(errors):.3f} in the mean, {max(errors):.3f} at most")  # fmt: skip
    apart = [abs(one["promised_auc"] - one["peers"]["winback"]["auc"]) for one in found if one["promised_auc"]]
    near = sum(gap <= 0.015 for gap in apart)
    yield _said(near == len(apart), f"promised and realised AUC within .015: {near} of {len(apart)}, "
                f"at most {max(apart, default=0):.4f} apart")  # fmt: skip


def _best_gap(one: Json) -> list[float]:
    rivals = {name: part for name, part in one["peers"].items() if part and name != "winback"}
    gap: list[float] = min(rivals.values(), key=lambda part: part["loss"])["loss_gap"]
    return gap


def _amounts(found: list[Json]) -> Iterator[str]:
    ours = float(np.mean([one["peers"]["winback"]["gini"] for one in found]))
    names = [name for name, part in found[0]["peers"].items() if part and name != "winback"]
    means = {name: float(np.mean([one["peers"][name]["gini"] for one in found])) for name in names}
    best = max(means, key=lambda name: means[name])
    yield _said(ours >= means[best], f"normalized Gini {ours:.4f} in the mean; best other, {best}: {means[best]:.4f}")
    ratios = [one["peers"]["winback"]["mae"] / one["peers"][VALUE]["mae"] for one in found]
    better = sum(ratio < 1 for ratio in ratios)
    yield _said(max(ratios) <= 1.01 and better >= 2 / 3 * len(ratios),
                f"MAE of {VALUE}: better on {better} of {len(ratios)}, at most {max(ratios):.3f} times")  # fmt: skip
    held = [one["coverage_90"] for one in found]
    inside, least = sum(0.87 <= share <= 0.93 for share in held), min(min(one["coverage_deciles"]) for one in found)
    yield _said(inside == len(held) and least >= 0.83,
                f"90 % intervals held 87 to 93 % on {inside} of {len(held)} ({min(held):.1%} to {max(held):.1%}); "
                f"in the worst tenth {least:.1%}")  # fmt: skip


def _said(kept: bool, what: str) -> str:
    return f"{'kept  ' if kept else 'MISSED'} {what}"
