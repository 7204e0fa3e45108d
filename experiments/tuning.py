"""python -m experiments.tuning [--trials 25] [--only TEXT]

Does a search over LightGBM's settings pay?  At moments of real logs, Optuna's TPE (seeded, a bounded number of trials)
tunes the trees of the churn question on customers held apart and windows purged, as the library chooses their size;
then both answer for customers whose future neither has seen.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import optuna
from numpy.typing import NDArray

from experiments.moments import MOMENTS, Moment, came, known_and_whole, orders, silent
from features.build import build_at
from features.definitions import definitions, eligible
from features.past import catalog_of
from training.calibration import sigmoid
from training.learn import Learned, learn
from training.measures import metrics
from training.measures.bootstrap import paired
from training.splits import folds

F64 = NDArray[np.float64]
ASKED = ("CDNOW 91 d 1997-12-31", "CDNOW 60 d 1998-01-31", "Complete Journey 30 d 2017-07-31",
         "Complete Journey 60 d 2017-08-31", "Complete Journey 90 d 2017-09-30")  # fmt: skip


def main() -> None:
    """One line a moment: log loss of the library's trees, of the tuned ones, and the paired interval between them."""
    parser = argparse.ArgumentParser(prog="python -m experiments.tuning", description=__doc__)
    parser.add_argument("--trials", type=int, default=25)
    parser.add_argument("--only", default="", metavar="TEXT", help="moments with this in their name")
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for moment in MOMENTS:
        if moment.name in ASKED and asked.only in moment.name:
            print(compared(moment, asked.trials), flush=True)


def compared(moment: Moment, trials: int) -> str:
    """Train as the library does, tune the same trees, and ask both about today's customers."""
    with tempfile.TemporaryDirectory() as made:
        business, past, _ = known_and_whole(moment, Path(made))
        features = catalog_of(business, past)
        learned = learn(business, definitions(business)["churn"], past, features, silent())
        (histories,) = past.buckets()
        table = build_at(histories, features, past.span.last)
    of_whom = eligible(learned.bundle.definition, table)
    x = learned.bundle.matrix(table)[of_whom]
    y = came("churn", histories.users[table.user[of_whom]], orders(moment.log), moment)
    own = next(rung for rung in learned.trial.rungs if rung.name == "boosted").fit(learned.asked.rows)
    start = time.process_time()
    tuned, tried = tuned_trees(learned, trials)
    spent = time.process_time() - start
    theirs, ours = _chance(tuned, x), sigmoid(own.margin(x))
    gap = paired(metrics.log_loss, y, theirs, ours, np.arange(len(y)), draws=300)
    return (
        f"{moment.name}: library {metrics.log_loss(y, ours):.4f}, tuned {metrics.log_loss(y, theirs):.4f} "
        f"({gap.low:+.4f} to {gap.high:+.4f}) after {trials} trials and {spent:.0f} CPU-s; {tried}"
    )


def tuned_trees(learned: Learned, trials: int) -> tuple[lightgbm.Booster, str]:
    """The booster with the best settings of the search, fitted on all labelled rows, and what they are."""
    rows, line = learned.asked.rows, learned.asked.line
    fold = folds(line, line.test, rows.as_of, rows.group)[0]

    def loss(trial: optuna.Trial) -> float:
        booster = _fit(_settings(trial), rows.x[fold.train], rows.y[fold.train])
        return metrics.log_loss(rows.y[fold.valid], _chance(booster, rows.x[fold.valid]))

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(loss, n_trials=trials)
    best = study.best_params
    said = ", ".join(f"{name} {value:.3g}" for name, value in best.items())
    return _fit(best, rows.x, rows.y), said


def _chance(booster: lightgbm.Booster, x: NDArray[np.float32]) -> F64:
    return sigmoid(np.asarray(booster.predict(x, raw_score=True, num_threads=1), dtype=np.float64))


def _settings(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "rounds": trial.suggest_int("rounds", 30, 400, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 4, 63, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 5, 500, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.1, 1.0),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.4, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.01, 100.0, log=True),
    }


def _fit(settings: dict[str, Any], x: NDArray[np.float32], y: F64) -> lightgbm.Booster:
    fixed = {"objective": "binary", "bagging_freq": 1, "verbosity": -1, "seed": 0, "deterministic": True,
             "force_row_wise": True, "num_threads": 1}  # fmt: skip
    chosen = {name: value for name, value in settings.items() if name != "rounds"}
    return lightgbm.train(fixed | chosen, lightgbm.Dataset(x, y, params={"verbosity": -1}), settings["rounds"])


if __name__ == "__main__":
    main()
