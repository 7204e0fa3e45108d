"""Runs FLAML or AutoGluon inside its own environment: learn.parquet and ask.parquet in, answer.npy out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def main() -> None:
    """Read what is asked as JSON from the command line."""
    asked = json.loads(sys.argv[1])
    folder = Path(asked["folder"])
    learn, ask = pd.read_parquet(folder / "learn.parquet"), pd.read_parquet(folder / "ask.parquet")
    answer = {"FLAML": flaml, "AutoGluon": autogluon}[asked["peer"]]
    np.save(folder / "answer.npy", answer(learn, ask, asked["task"] == "ltv", asked["budget_s"], folder))


def flaml(learn: pd.DataFrame, ask: pd.DataFrame, amount: bool, budget_s: int, folder: Path) -> Any:
    """FLAML's own defaults within the budget."""
    from flaml import AutoML

    model = AutoML()
    kind, metric = ("regression", "mae") if amount else ("classification", "log_loss")
    model.fit(
        learn.drop(columns="y"), learn["y"], task=kind, metric=metric, time_budget=budget_s, n_jobs=2, seed=0, verbose=0
    )
    return model.predict(ask) if amount else model.predict_proba(ask)[:, 1]


def autogluon(learn: pd.DataFrame, ask: pd.DataFrame, amount: bool, budget_s: int, folder: Path) -> Any:
    """AutoGluon's own defaults within the budget, of the models that are installed."""
    from autogluon.tabular import TabularPredictor

    kind, metric = ("regression", "mean_absolute_error") if amount else ("binary", "log_loss")
    model = TabularPredictor("y", problem_type=kind, eval_metric=metric, path=str(folder / "models"), verbosity=0)
    model.fit(learn, time_limit=budget_s)
    return model.predict(ask).to_numpy() if amount else model.predict_proba(ask)[1].to_numpy()


if __name__ == "__main__":
    main()
