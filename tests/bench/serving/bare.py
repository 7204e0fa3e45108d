"""The churn booster alone, as `mlflow models serve` takes it, and the ready-made features to send to it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mlflow.lightgbm
import numpy as np
from numpy.typing import NDArray

from features.build import build
from features.business import read_business
from features.past import Past, open_past
from features.progress import Silent
from tests.bench.serving.shop import Shop
from training.bundle import Bundle
from training.keeping.registry import champions
from training.models.blend import Blend
from training.models.boosted import Boosted

NOW = 2_000_000_000_000_000


def bare_booster(shop: Shop, folder: Path) -> tuple[Path, list[str], Boosted]:
    """The saved model, one request body a busy user, and the booster inside the churn champion.

    Raises RuntimeError when the champion holds no booster.
    """
    business = read_business(shop.config)
    bundle = champions(business)["churn"].bundle
    parts = bundle.model.members if isinstance(bundle.model, Blend) else (bundle.model,)
    boosted = next((part for part in parts if isinstance(part, Boosted)), None)
    if boosted is None:
        raise RuntimeError(f"the churn champion is '{bundle.rung}', which holds no booster; make another shop")
    past, _ = open_past(business, NOW, Silent())
    rows = [_row(past, user, bundle) for user in shop.busy]
    shutil.rmtree(folder, ignore_errors=True)
    mlflow.lightgbm.save_model(boosted.booster, str(folder), pip_requirements=[])
    names = boosted.booster.feature_name()
    bodies = [
        json.dumps({"dataframe_split": {"columns": names, "data": [_sent(row[list(boosted.columns)])]}}) for row in rows
    ]
    return folder, bodies, boosted


def _row(past: Past, user: str, bundle: Bundle) -> NDArray[np.float32]:
    """What the model sees of one user."""
    for histories in past.buckets():
        place = np.flatnonzero(histories.users == user)
        if len(place):
            row: NDArray[np.float32] = bundle.matrix(build(histories, bundle.catalog, place, np.array([past.span.last])))[0]
            return row
    raise RuntimeError(f"{user} is not in the log")


def _sent(row: NDArray[np.float32]) -> list[float]:
    """A missing value goes as 0: pandas makes objects of a column of nothing but nulls, which LightGBM refuses."""
    return [0.0 if np.isnan(value) else float(value) for value in row]
