"""What MLflow keeps of a training: a run for it, a run for each question inside, and all that a repetition needs."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from features.business import Business
from features.clock import format_instant
from training.bundle import Bundle
from training.judging.comparison import figures_of, windows_of
from training.keeping.environment import environment, place
from training.keeping.registry import BUNDLE, is_own

EXPERIMENT = "winback"
HOLDOUT, CONFIGURATION, ENVIRONMENT = "holdout.parquet", "winback.toml", "environment.json"
KILLED, PARENT, PLACE = "KILLED", "mlflow.parentRunId", "winback.place"


@dataclass(frozen=True)
class Began:
    """When a run began and where: milliseconds UTC; tags: what MLflow's list of runs shows and can be searched by."""

    name: str
    at: int
    tags: Mapping[str, str]


def open_experiment(client: Any, business: Business) -> str:
    """Make winback's experiment the active one, its files beside the registry's database; returns its id."""
    import mlflow

    if client.get_experiment_by_name(EXPERIMENT) is None:
        files = (business.state / "mlartifacts").resolve().as_uri() if is_own(business) else None
        client.create_experiment(EXPERIMENT, artifact_location=files)
    return str(mlflow.set_experiment(EXPERIMENT).experiment_id)


def end_dangling(client: Any, business: Business, experiment: str) -> int:
    """Mark the runs KILLED that a killed training of this business left as RUNNING; returns how many.

    Only for the one who holds the lock of the registry: nobody else is writing a run then.
    """
    running = client.search_runs([experiment], "attributes.status = 'RUNNING'")
    ours = [run.info.run_id for run in running if run.data.tags.get(PLACE) == place(business)]
    for run_id in ours:
        client.set_terminated(run_id, KILLED)
    return len(ours)


@contextmanager
def running(client: Any, business: Business, experiment: str, began: Began) -> Iterator[str]:
    """A run from `began` until the block ends, inside the active one if there is any; its id.

    It is FAILED when the block raises.
    """
    import mlflow
    from mlflow.tracking.context.registry import resolve_tags

    around = mlflow.active_run()
    inside = {PARENT: around.info.run_id} if around else {}
    tags = resolve_tags({**began.tags, PLACE: place(business), **inside})
    made = client.create_run(experiment, start_time=began.at, tags=tags, run_name=began.name)
    with mlflow.start_run(run_id=made.info.run_id, nested=around is not None):
        yield str(made.info.run_id)


def log_bundle(
    bundle: Bundle,
    parameters: Mapping[str, Any],
    figures: Mapping[str, float],
    plots: Mapping[str, Any],
    example: pd.DataFrame,
) -> tuple[str, str]:
    """Log the bundle inside the active MLflow run; returns (model uri, run id).  Nothing is registered yet.

    plots: file name to matplotlib figure.  example: a few input rows, from which MLflow infers the signature.
    """
    import mlflow
    from mlflow.models import infer_signature

    run = mlflow.active_run()
    assert run is not None, "log_bundle needs an active MLflow run"
    mlflow.log_params(dict(parameters))
    mlflow.log_metrics(dict(figures))
    for file, figure in plots.items():
        mlflow.log_figure(figure, f"plots/{file}")
    mlflow.log_dict(dict(bundle.report), "report.json")
    predicted = bundle.predict(example.to_numpy(dtype="float32"))
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / BUNDLE
        folder.mkdir()
        bundle.save(folder)
        info = mlflow.pyfunc.log_model(
            name="model", python_model=str(Path(__file__).with_name("pyfunc.py")), artifacts={BUNDLE: str(folder)},
            signature=infer_signature(example, predicted), input_example=example, pip_requirements=["winback"],
        )  # fmt: skip
    return str(info.model_uri), str(run.info.run_id)


def log_reading(business: Business, configuration: str) -> None:
    """Keep with the active run what a repetition needs: the configuration, and the versions of what computed."""
    import mlflow

    mlflow.log_text(configuration, CONFIGURATION)
    mlflow.log_dict(environment(business), ENVIRONMENT)


def log_data(client: Any, run_id: str, business: Business, bundle: Bundle, holdout: pd.DataFrame) -> None:
    """Name the data in MLflow's own way: what was learned from and what it was tested on, with their fingerprint.

    The source is named without a password.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    origin, kind = bundle.origin, "postgresql" if business.events.database else "local"
    source = json.dumps({"uri": business.events.source})
    learned = {"num_rows": origin.events, "users": origin.users, "until": format_instant(origin.until)}
    tested = {"num_rows": len(holdout), "users": holdout["user_id"].nunique(), "windows": _days(holdout)}
    client.log_inputs(
        run_id,
        datasets=[
            DatasetInput(
                Dataset(name, digest, kind, source, profile=json.dumps(profile)),
                [InputTag("mlflow.data.context", context)],
            )
            for name, digest, profile, context in (
                ("events", origin.data, learned, "training"),
                (HOLDOUT, _digest(holdout), tested, "evaluation"),
            )
        ],
    )


def _days(holdout: pd.DataFrame) -> list[str]:
    return [format_instant(at)[:10] for at, _ in windows_of(holdout)]


def _digest(holdout: pd.DataFrame) -> str:
    """Sixteen hex digits of all rows, in whatever order: MLflow keeps one description for each name and digest."""
    return f"{int(pd.util.hash_pandas_object(holdout, index=False).sum()):016x}"


def log_holdout(client: Any, run_id: str, bundle: Bundle, holdout: pd.DataFrame) -> None:
    """Keep the untouched windows' rows with the active run, for the next judgement, and the figures of each window.

    The figures are `window_loss` and its like; their step is the number of the window, their time is its as_of.
    """
    import mlflow
    from mlflow.entities import Metric

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / HOLDOUT
        holdout.to_parquet(path, index=False)
        mlflow.log_artifact(str(path))
    digest = _digest(holdout)
    figures = [
        Metric(f"window_{name}", value, max(at // 1000, 0), step, None, HOLDOUT, digest, run_id)
        for step, (at, rows) in enumerate(windows_of(holdout))
        for name, value in figures_of(bundle.definition.task, rows).items()
    ]
    client.log_batch(run_id, metrics=figures)


def holdout_of(run_id: str) -> pd.DataFrame | None:
    """The rows by which a run's model was judged, or None when they are gone."""
    path = _kept(run_id, HOLDOUT)
    return None if path is None else pd.read_parquet(path)


def configuration_of(run_id: str) -> str | None:
    """The winback.toml of a run, or None when it kept none."""
    path = _kept(run_id, CONFIGURATION)
    return None if path is None else path.read_text("utf-8")


def environment_of(run_id: str) -> Mapping[str, Any]:
    """The versions that a run was computed with, as of `training.keeping.environment`; empty when it kept none."""
    path = _kept(run_id, ENVIRONMENT)
    return {} if path is None else dict(json.loads(path.read_text("utf-8")))


def _kept(run_id: str, name: str) -> Path | None:
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        return Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=name))
    except (MlflowException, OSError):
        return None


def run_of(client: Any, run_id: str) -> Any | None:
    """A run by its id, or None when there is none."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def inside(client: Any, run_id: str, experiment: str) -> Sequence[Any]:
    """The runs of the questions inside the run of a training."""
    return list(client.search_runs([experiment], f"tags.`{PARENT}` = '{run_id}'"))


def recent(client: Any, most: int = 200) -> list[str]:
    """The ids of the newest runs."""
    found = client.get_experiment_by_name(EXPERIMENT)
    runs = client.search_runs([found.experiment_id], max_results=most) if found else []
    return [run.info.run_id for run in runs]
