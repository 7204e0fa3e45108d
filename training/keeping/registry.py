"""The MLflow registry: where it is, and the models behind the one alias `champion`."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from features.business import Business
from features.definitions import Definition, TaskName, definitions
from features.problems import InputProblem
from training.bundle import FILE, Bundle, load_bundle, with_custom
from training.keeping.identity import SHA256, folder_sha256

TRACKING_VARIABLE = "MLFLOW_TRACKING_URI"
CHAMPION = "champion"
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


def exists(business: Business) -> bool:
    """Whether anything was ever registered; to ask MLflow itself would make a registry."""
    return bool(os.environ.get(TRACKING_VARIABLE)) or (business.state / "mlflow.db").exists()


def is_own(business: Business) -> bool:
    """Whether the registry in use is the file beside winback.toml, beside which its models' files then lie."""
    return tracking_uri(business) == _own_uri(business)


def _own_uri(business: Business) -> str:
    return f"sqlite:///{business.state / 'mlflow.db'}"


@contextlib.contextmanager
def connected(business: Business) -> Iterator[Any]:
    """An MLflow client of the business's registry; quiet about its own migrations.

    MLflow writes the address into the environment, where the next business of this process would find it: put back.
    """
    import mlflow
    from mlflow.environment_variables import (
        MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR,
        MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT,
    )

    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)  # type: ignore[no-untyped-call]
    MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT.set(True)  # type: ignore[no-untyped-call]
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
    if exists(business):
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
        same_question(asked[task], champion)
    same_catalogue(found)
    return {task: ready(champion, business) for task, champion in found.items()}


class RegistryAway(Exception):  # noqa: N818 a state of the world, not of the program
    """The registry cannot be asked now; what it said before still holds."""


def champion_versions(business: Business) -> dict[TaskName, str]:
    """The version that the alias `champion` names for each question that the business asks; {} before any training.

    Raises RegistryAway when the registry does not answer.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    if not exists(business):
        return {}
    try:
        with connected(business) as client:
            named = {task: champion_version(client, task) for task in definitions(business)}
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise RegistryAway(f"the registry did not answer ({type(error).__name__})") from error
    return {task: version for task, version in named.items() if version is not None}


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
    """The champion of one question, or None, also when its files are gone, broken or of another version of winback;
    its definition is not checked."""
    try:
        return _champion(client, task)
    except InputProblem as problem:
        if problem.code in ("bundle_format", "bad_bundle", "missing_champion_files"):
            return None
        raise


def _champion(client: Any, task: TaskName) -> Champion | None:
    named = _named_by_alias(client, task)
    if named is None:
        return None
    found, registered = model_of(task, str(named.version)), named.tags.get(SHA256)
    if registered and folder_sha256(found.folder) != registered:
        raise InputProblem(
            f"The files of {found.name}/{found.version} are not those that were registered: somebody changed {FILE}. "
            f"Put them back, or run `winback train {task}`.",
            "bad_bundle",
        )
    return found


def champion_version(client: Any, task: TaskName) -> str | None:
    """The version that the alias `champion` names."""
    named = _named_by_alias(client, task)
    return None if named is None else str(named.version)


def _named_by_alias(client: Any, task: TaskName) -> Any | None:
    """MLflow's record of the version that the alias `champion` names."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(model_name(task), CHAMPION)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def model_of(task: TaskName, version: str) -> Champion:
    """One version's model.

    Raises InputProblem when its files cannot be had (missing_champion_files) or read (bad_bundle, bundle_format).
    """
    name = model_name(task)
    folder = files_behind(f"models:/{name}/{version}")
    if folder is None:
        raise InputProblem(
            f"The files of {name}/{version} cannot be had. Put them back, or run `winback train {task}`.",
            "missing_champion_files",
        )
    return Champion(task, name, version, folder, load_bundle(folder))


def files_behind(uri: str) -> Path | None:
    """The bundle's folder of a model that MLflow knows under this address, or None when its files are gone."""
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        folder = Path(mlflow.artifacts.download_artifacts(uri)) / "artifacts" / BUNDLE
    except (MlflowException, OSError):
        return None
    return folder if folder.is_dir() else None


def same_question(asked: Definition, champion: Champion) -> None:
    """Raise InputProblem (definition_changed) when a model answers another question than is asked today."""
    trained = champion.bundle.definition
    if trained != asked:
        raise InputProblem(
            f"{champion.name}/{champion.version} was trained for another question: {trained.sentence()}. "
            f"winback.toml now says: {asked.sentence()}. "
            f"Run `winback train {champion.task}`, or set the configuration back.",
            "definition_changed",
        )
