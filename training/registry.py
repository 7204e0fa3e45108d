"""The MLflow registry: runs, versions and the one alias `champion`."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from features.business import Business
from features.definitions import Definition, TaskName, definitions
from features.problems import InputProblem
from training.bundle import Bundle, load_bundle, with_custom
from training.promotion import Verdict

TRACKING_VARIABLE = "MLFLOW_TRACKING_URI"
CHAMPION = "champion"
HOLDOUT = "holdout.parquet"
BUNDLE = "bundle"


@dataclass(frozen=True)
class Champion:
    """The model that scores today.  version: its number in the registry.  folder: the bundle's files."""

    task: TaskName
    name: str
    version: str
    folder: Path
    bundle: Bundle


def model_name(task: str) -> str:
    """Its name in the registry, such as `winback-churn`."""
    return f"winback-{task}"


def tracking_uri(business: Business) -> str:
    """MLflow's own variable MLFLOW_TRACKING_URI wins; else one SQLite file beside winback.toml."""
    return os.environ.get(TRACKING_VARIABLE) or _own_uri(business)


def _own_uri(business: Business) -> str:
    return f"sqlite:///{business.state / 'mlflow.db'}"


@contextlib.contextmanager
def connected(business: Business) -> Iterator[Any]:
    """An MLflow client of the business's registry; quiet about its own migrations.

    MLflow writes the address into the environment, where the next business of this process would find it: put back.
    """
    import mlflow
    from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR

    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)  # type: ignore[no-untyped-call]
    business.state.mkdir(parents=True, exist_ok=True)
    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    uri, before = tracking_uri(business), os.environ.get(TRACKING_VARIABLE)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        yield mlflow.MlflowClient()
    finally:
        if before is None:
            os.environ.pop(TRACKING_VARIABLE, None)


def champions(business: Business) -> dict[TaskName, Champion]:
    """The champion of every question that the business asks and that has one.

    Raises InputProblem when there is none at all (missing_champion), or when one answers another question than the
    configuration asks today (definition_changed): a score under a changed definition would silently mean something
    else.
    """
    found: dict[TaskName, Champion] = {}
    asked = definitions(business)
    if os.environ.get(TRACKING_VARIABLE) or (business.state / "mlflow.db").exists():
        with connected(business) as client:
            for task in asked:
                if (held := _champion(client, task)) is not None:
                    found[task] = held
    if not found:
        raise InputProblem(
            f"No champion model for {', '.join(asked)} in {tracking_uri(business)}. Run `winback train` first.",
            "missing_champion",
        )
    for task, champion in found.items():
        _same_question(asked[task], champion)
    same_catalogue(found)
    return {task: ready(champion, business) for task, champion in found.items()}


def ready(champion: Champion, business: Business) -> Champion:
    """The champion with the business's own features, if it was trained with any.

    Raises InputProblem (custom_changed) when their module is missing or another one.
    """
    return replace(champion, bundle=with_custom(champion.bundle, business))


def same_catalogue(held: Mapping[TaskName, Champion]) -> None:
    """Raise InputProblem (mixed_catalogues) when champions were trained on different sets of features."""
    if len({champion.bundle.catalog.fingerprint() for champion in held.values()}) > 1:
        names = ", ".join(f"{champion.name}/{champion.version}" for champion in held.values())
        raise InputProblem(
            f"{names} were trained on different sets of features. Run `winback train` for all of them.",
            "mixed_catalogues",
        )


def champion_of(client: Any, task: TaskName) -> Champion | None:
    """The champion of one question, or None, also when another version of winback wrote it; its definition is not
    checked."""
    try:
        return _champion(client, task)
    except InputProblem as problem:
        if problem.code == "bundle_format":
            return None
        raise


def _champion(client: Any, task: TaskName) -> Champion | None:
    from mlflow.exceptions import MlflowException

    name = model_name(task)
    try:
        version = client.get_model_version_by_alias(name, CHAMPION)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    import mlflow

    try:
        files = mlflow.artifacts.download_artifacts(f"models:/{name}/{version.version}")
    except (MlflowException, OSError) as error:
        raise InputProblem(
            f"{name}/{version.version} is the champion, but its files cannot be had ({type(error).__name__}). "
            f"Put them back, or run `winback train {task}`.",
            "missing_champion_files",
        ) from error
    folder = Path(files) / "artifacts" / BUNDLE
    return Champion(task, name, str(version.version), folder, load_bundle(folder))


def _same_question(asked: Definition, champion: Champion) -> None:
    trained = champion.bundle.definition
    if trained != asked:
        raise InputProblem(
            f"{champion.name}/{champion.version} was trained for another question: {trained.sentence()}. "
            f"winback.toml now says: {asked.sentence()}. "
            f"Run `winback train {champion.task}`, or set the configuration back.",
            "definition_changed",
        )


def open_experiment(client: Any, business: Business, task: TaskName) -> None:
    """Make the task's experiment the active one; its files lie beside the registry's database."""
    import mlflow

    name = model_name(task)
    if client.get_experiment_by_name(name) is None:
        local = mlflow.get_tracking_uri() == _own_uri(business)
        client.create_experiment(
            name, artifact_location=(business.state / "mlartifacts").resolve().as_uri() if local else None
        )
    mlflow.set_experiment(name)


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


def register(client: Any, task: TaskName, model_uri: str, run_id: str) -> str:
    """Make a logged model the newest version of the task's registered model; returns the version."""
    from mlflow.exceptions import MlflowException

    name = model_name(task)
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return str(client.create_model_version(name, source=model_uri, run_id=run_id).version)


def log_holdout(rows: pd.DataFrame) -> None:
    """Keep the untouched window's rows (user_id, as_of, y, p) with the active run, for the next judgement."""
    import mlflow

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / HOLDOUT
        rows.to_parquet(path, index=False)
        mlflow.log_artifact(str(path))


def holdout_of(client: Any, champion: Champion) -> pd.DataFrame | None:
    """The rows by which a champion was judged, or None when they are gone."""
    import mlflow
    from mlflow.exceptions import MlflowException

    run = client.get_model_version(champion.name, champion.version).run_id
    try:
        return pd.read_parquet(mlflow.artifacts.download_artifacts(run_id=run, artifact_path=HOLDOUT))
    except (MlflowException, OSError):
        return None


def settle(client: Any, task: TaskName, version: str, verdict: Verdict) -> None:
    """Store the verdict's reasons on the version and move the alias when it says so."""
    name = model_name(task)
    client.set_model_version_tag(name, version, "promoted", str(verdict.promote).lower())
    client.set_model_version_tag(name, version, "reasons", "; ".join(verdict.reasons))
    client.update_model_version(name, version, description="; ".join(verdict.reasons))
    if verdict.promote:
        client.set_registered_model_alias(name, CHAMPION, version)
