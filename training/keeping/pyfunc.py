"""MLflow "models from code": how `mlflow models serve` and `mlflow.pyfunc.load_model` read a bundle, no pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.bundle import load_bundle


class BundleModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
    """Rows of the bundle's inputs in, calibrated predictions out."""

    def load_context(self, context: Any) -> None:
        """Read the bundle's JSON; called by MLflow."""
        self.bundle = load_bundle(Path(context.artifacts["bundle"]))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> NDArray[np.float64]:
        """(n,) predictions; the columns are found by name and a missing one is named by MLflow's signature check."""
        columns = list(self.bundle.inputs.names)
        return self.bundle.predict(model_input[columns].to_numpy(dtype=np.float32))


mlflow.models.set_model(BundleModel())
