"""What a practitioner would reach for instead, each as its own users would use it, on the rows that we learn from."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from features.definitions import TaskName
from training.inputs import BG_RETURN, EXPECTED_VALUE, PARETO_RETURN

F64 = NDArray[np.float64]
ROOT = Path(__file__).resolve().parent.parent
BUDGET_S = 60
RFM = ("order_recency", "order_days_ever", "order_mean_ever", "order_tenure")
AUTOML = {"FLAML": ".venv-flaml", "AutoGluon": ".venv-autogluon"}


@dataclass(frozen=True)
class Table:
    """Rows to learn from and rows to answer for, with our features; x, ask: (n,), (m,) rows; y: (n,) outcomes."""

    names: tuple[str, ...]
    x: NDArray[np.float32]
    y: F64
    ask: NDArray[np.float32]

    def column(self, name: str) -> tuple[F64, F64]:
        at = self.names.index(name)
        return self.x[:, at].astype(np.float64), self.ask[:, at].astype(np.float64)


Peer = Callable[[Table], F64 | None]


def peers(task: TaskName, automl: bool) -> dict[str, Peer]:
    """By name; a peer that is not installed answers None."""
    if task == "ltv":
        found: dict[str, Peer] = {"Pareto/NBD + Gamma-Gamma": _pareto_value, "HistGradientBoosting": _hgb_amount}
    else:
        sign = -1.0 if task == "churn" else 1.0
        found = {
            "BG/NBD": lambda table: _returns(table, BG_RETURN, sign),
            "Pareto/NBD": lambda table: _returns(table, PARETO_RETURN, sign),
            "logistic on RFM": _logistic, "HistGradientBoosting": _hgb,
        }  # fmt: skip
    if automl:
        found |= {name: _elsewhere(name, task) for name in AUTOML}
    return found


def _returns(table: Table, column: str, sign: float) -> F64:
    """As published: the probability itself, with parameters fitted on the histories up to the moment."""
    result: F64 = 1.0 / (1.0 + np.exp(-sign * np.nan_to_num(table.column(column)[1])))
    return result


def _pareto_value(table: Table) -> F64:
    result: F64 = np.exp(np.nan_to_num(table.column(EXPECTED_VALUE)[1], nan=-5.0))
    return result


def _logistic(table: Table) -> F64:
    """Recency, frequency, money and age on a log scale: what RFM teams do."""
    learn, ask = (np.column_stack([np.log1p(np.maximum(np.nan_to_num(table.column(name)[side]), 0.0)) for name in RFM])
                  for side in (0, 1))  # fmt: skip
    fitted = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(learn, table.y)
    return np.asarray(fitted.predict_proba(ask)[:, 1], dtype=np.float64)


def _hgb(table: Table) -> F64:
    fitted = HistGradientBoostingClassifier(random_state=0).fit(table.x, table.y)
    return np.asarray(fitted.predict_proba(table.ask)[:, 1], dtype=np.float64)


def _hgb_amount(table: Table) -> F64:
    fitted = HistGradientBoostingRegressor(loss="poisson", random_state=0).fit(table.x, np.maximum(table.y, 0.0))
    return np.asarray(fitted.predict(table.ask), dtype=np.float64)


def _elsewhere(name: str, task: TaskName) -> Peer:
    """A peer with dependencies that do not go with ours, in an environment of its own (`make bench-training`)."""

    def answer(table: Table) -> F64 | None:
        python = ROOT / AUTOML[name] / "bin" / "python"
        if not python.exists():
            return None
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            pd.DataFrame(table.x, columns=list(table.names)).assign(y=table.y).to_parquet(folder / "learn.parquet")
            pd.DataFrame(table.ask, columns=list(table.names)).to_parquet(folder / "ask.parquet")
            asked = {"peer": name, "task": task, "budget_s": BUDGET_S, "folder": str(folder)}
            done = subprocess.run(
                [str(python), str(ROOT / "experiments" / "automl.py"), json.dumps(asked)],
                capture_output=True, text=True, timeout=20 * BUDGET_S, check=False,
            )  # fmt: skip
            if done.returncode:
                print(f"{name} failed: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
                return None
            return np.asarray(np.load(folder / "answer.npy"), dtype=np.float64)

    return answer


def answers(task: TaskName, table: Table, automl: bool) -> Mapping[str, F64 | None]:
    """Every peer's prediction of the rows asked."""
    return {name: peer(table) for name, peer in peers(task, automl).items()}
