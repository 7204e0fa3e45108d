"""Write the features of everybody at one moment to a file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.build import FeatureTable, build_at, kind_uses
from features.business import Business
from features.catalog import catalog
from features.clock import format_instant
from features.histories import Histories
from features.problems import InputProblem


def write_features(business: Business, past: Histories, as_of: int, out: Path) -> pa.Table:
    """Write one row a user who had an event by `as_of` (microseconds UTC): user_id, as_of, a float32 column a feature.

    The file appears whole or not at all; the catalogue's fingerprint is in its metadata.  Raises InputProblem:
    as_of_too_early, unwritable_file.
    """
    if as_of < past.first:
        zone = past.zone
        raise InputProblem(
            f"as_of {format_instant(as_of, zone)} is before the first event ({format_instant(past.first, zone)}), "
            f"so nobody has a history yet. Use a moment up to {format_instant(past.complete_until, zone)}.",
            "as_of_too_early",
        )
    table = feature_rows(build_at(past, catalog(business, kind_uses(past), clock=not past.dates_only), as_of), past)
    write_parquet(table, out)
    return table


def feature_rows(features: FeatureTable, past: Histories) -> pa.Table:
    """The features as a table with the users' ids."""
    columns = {
        "user_id": pa.array(past.users[features.user], pa.string()),
        "as_of": pa.array(features.as_of, pa.timestamp("us", tz="UTC")),
    }
    columns |= {name: pa.array(features.values[:, at]) for at, name in enumerate(features.catalog.names)}
    return pa.table(columns).replace_schema_metadata({"winback.catalog": features.catalog.fingerprint()})


def write_parquet(table: pa.Table, out: Path) -> None:
    """Write a table in one step: a reader sees the old file or the whole new one; missing folders are made.

    Raises InputProblem (code unwritable_file) when the folder may not be made or written.
    """
    if out.is_dir():
        raise InputProblem(f"{out} is a folder. Name a file, such as {out / 'features.parquet'}.", "unwritable_file")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name[:100]}.", suffix=".tmp")
    except OSError as error:
        raise InputProblem(
            f"{out} cannot be written: {error.strerror}. Name another place.", "unwritable_file"
        ) from None
    try:
        with os.fdopen(handle, "wb") as file:
            pq.write_table(table, file)
        os.chmod(name, 0o644)
        os.replace(name, out)
    except BaseException:
        os.unlink(name)
        raise
