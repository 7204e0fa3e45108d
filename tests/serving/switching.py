"""New versions of a shop's models, good and bad, and the moves of the alias between them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from features.business import Business
from features.definitions import TaskName
from training.bundle import Bundle
from training.calibration import BetaCalibration
from training.keeping import registry
from training.keeping.identity import SHA256, folder_sha256
from training.keeping.registry import BUNDLE, Champion, model_name


def champion(business: Business, task: TaskName = "churn") -> Champion:
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    return registry.champions(business)[task]


def shifted(bundle: Bundle, by: float) -> Bundle:
    """The same model with other probabilities."""
    return replace(bundle, calibration=BetaCalibration(1.0, 1.0, by))


def register(business: Business, task: TaskName, bundle: Bundle | bytes, folder: Path, sha256: str | None = None) -> str:
    """One more version, of a bundle or of whatever bytes stand in its place; returns its number.  The alias stays."""
    model = folder / "artifacts" / BUNDLE
    model.mkdir(parents=True)
    if isinstance(bundle, Bundle):
        bundle.save(model)
    else:
        (model / "bundle.json").write_bytes(bundle)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    with registry.connected(business) as client:
        tags = {SHA256: sha256 or folder_sha256(model)}
        return str(client.create_model_version(model_name(task), folder.as_uri(), tags=tags).version)


def crown(business: Business, task: TaskName, version: str) -> None:
    """Move the alias, as a promotion and a rollback do at their end."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    with registry.connected(business) as client:
        client.set_registered_model_alias(model_name(task), registry.CHAMPION, version)
