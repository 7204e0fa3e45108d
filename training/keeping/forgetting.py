"""What the registry of models keeps of one user: rows of old tests, and the models that have learned from the user."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.business import Business
from features.clock import parse_instant
from features.definitions import TASKS
from features.whole_file import whole_file
from training.keeping.registry import champion_version, connected, exists, is_own, model_name

USER, HOLDOUT = "user_id", "holdout.parquet"  # as `training.keeping.runs` writes them, which serving may not import


@dataclass(frozen=True)
class Learned:
    """A version whose data had events of the user.  until: of its data, as its run says.  champion: whether it is."""

    name: str
    until: str
    champion: bool


def holdouts(business: Business, user: str, dry: bool = False) -> dict[Path, int]:
    """The files of tested customers, by path with their rows of the user, and rewritten without them; dry: only looked.

    Of the own registry alone, whose files lie beside winback.toml.
    """
    found: dict[Path, int] = {}
    for path in sorted((business.state / "mlartifacts").rglob(HOLDOUT)) if is_own(business) else ():
        rows = pc.sum(pc.equal(pq.read_table(path, columns=[USER])[USER].cast(pa.string()), user)).as_py() or 0
        if rows:
            found[path] = rows
            if not dry:
                frame = pd.read_parquet(path)
                with whole_file(path) as draft:
                    frame[frame[USER] != user].to_parquet(draft, index=False)
    return found


def learned_from(business: Business, first: int) -> list[Learned]:
    """Every version that may have learned from a user whose first event was at `first` (microseconds UTC).

    A version knows until when its data went and not of whom they were, so those of a share of the users are named too.
    """
    if not exists(business):
        return []
    found = []
    with connected(business) as client:
        for task in TASKS:
            current = champion_version(client, task)
            for number, run_id in _versions(client, model_name(task)):
                until = _until(client, run_id)
                if not until or parse_instant(until) >= first:
                    found.append(Learned(f"{model_name(task)}/{number}", until or "not known", number == current))
    return found


def _versions(client: Any, name: str) -> Iterator[tuple[str, str]]:
    """Every version with the run that made it."""
    token = None
    while True:
        page = client.search_model_versions(f"name = '{name}'", page_token=token)
        yield from sorted(((str(one.version), str(one.run_id)) for one in page), key=lambda one: int(one[0]))
        token = page.token
        if not token:
            return


def _until(client: Any, run_id: str) -> str:
    """Until when a run had data; "" when the run is gone or does not say."""
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_run(run_id).data.params.get("as_of", ""))
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return ""
        raise
