"""Had we stood at the end of 1997, how right would our scores of CDNOW's customers have been in 1998?"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.demo import cdnow, winback
from training.measures import metrics

LAST_DAY = "19971231"
OUTCOME_UNTIL = "19980630"
HORIZON_DAYS = 181


def main() -> None:
    """Train and score on 1997 alone, then open 1998 and print what came of it."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
    stand_at_the_end_of_1997(folder)
    for words in (("train",), ("score", "--out", "scores.parquet")):
        winback(folder, *words)
    for name, figure in figures(outcome(folder / "scores.parquet")).items():
        print(f"{name:<42}{figure:>10.4f}")


def stand_at_the_end_of_1997(folder: Path) -> None:
    """A log that ends with 1997, and the configuration that `winback init` proposes, the horizon set to 181 days."""
    folder.mkdir(parents=True, exist_ok=True)
    head, *orders = cdnow().read_text().splitlines(keepends=True)
    known = [order for order in orders if order.split()[1] <= LAST_DAY]
    (folder / "CDNOW_1997.txt").write_text(head + "".join(known))
    winback(folder, "init", "CDNOW_1997.txt", "--force")
    config = folder / "winback.toml"
    lines = config.read_text().splitlines()
    section = ""
    for number, line in enumerate(lines):
        section = line if line.startswith("[") else section
        if line.startswith("horizon_days") and section in ("[churn]", "[ltv]"):
            lines[number] = f"horizon_days = {HORIZON_DAYS}"
    config.write_text("\n".join(lines) + "\n")


def outcome(scores: Path) -> pd.DataFrame:
    """The scores, and beside them who had left and what was spent until 1998-06-30; computed by pandas alone."""
    log = pd.read_csv(cdnow(), sep=r"\s+", dtype={"customer_id": str, "date": str})
    ahead = log[(log["date"] > LAST_DAY) & (log["date"] <= OUTCOME_UNTIL)]
    found = pd.read_parquet(scores).set_index("user_id")
    found["left"] = (~found.index.isin(ahead["customer_id"])).astype(float)
    found["spent"] = ahead.groupby("customer_id")["dollar_value"].sum().reindex(found.index).fillna(0.0)
    return found


def figures(rows: pd.DataFrame) -> dict[str, float]:
    """How right the scores were; rows: from `outcome`."""
    left, risk = rows["left"].to_numpy(), rows["churn_probability"].to_numpy()
    spent, expected = rows["spent"].to_numpy(), rows["ltv_expected"].to_numpy()
    inside = (spent >= rows["ltv_low"].to_numpy()) & (spent <= rows["ltv_high"].to_numpy())
    return {
        "churn: AUC": metrics.auc(left, risk),
        "churn: log loss": metrics.log_loss(left, risk),
        "churn: calibration error (15 bins)": metrics.calibration_error(left, risk),
        "value: normalized Gini": metrics.normalized_gini(spent, expected),
        "value: Spearman": metrics.spearman(spent, expected),
        "value: mean absolute error": metrics.mae(spent, expected),
        "value: promised over came, less 1": metrics.bias(spent, expected),
        "value: share inside the 80 % interval": float(np.mean(inside)),
    }


if __name__ == "__main__":
    main()
