"""Write the features of everybody at one moment to a file, bucket by bucket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.build import FeatureTable, build_at
from features.business import Business
from features.catalog import Catalog
from features.clock import format_instant
from features.histories import Histories
from features.past import Past, catalog_of
from features.problems import InputProblem
from features.whole_file import whole_file


@dataclass(frozen=True)
class Written:
    """How many users and features a file has."""

    users: int
    features: int


def write_features(business: Business, past: Past, as_of: int, out: Path) -> Written:
    """Write one row a user who had an event by `as_of` (microseconds UTC): user_id, as_of, a float32 column a feature.

    The file appears whole or not at all; the catalogue's fingerprint is in its metadata.  Raises InputProblem:
    as_of_too_early, unwritable_file.
    """
    refuse_before_everybody(past, as_of)
    features = catalog_of(business, past)
    with whole_file(out) as path:
        users = write_tables(feature_tables(features, past, as_of), features, path)
    return Written(users, len(features.names))


def refuse_before_everybody(past: Past, as_of: int) -> None:
    """Raise InputProblem (code as_of_too_early) when nobody had an event by `as_of`."""
    span = past.span
    if as_of < span.first:
        raise InputProblem(
            f"as_of {format_instant(as_of, span.zone)} is before the first event "
            f"({format_instant(span.first, span.zone)}), so nobody has a history yet. Use a moment up to "
            f"{format_instant(span.complete_until, span.zone)}.",
            "as_of_too_early",
        )


def feature_tables(features: Catalog, past: Past, as_of: int) -> Iterator[pa.Table]:
    """The features of one bucket after the other, with the users' ids."""
    for histories in past.buckets():
        yield feature_rows(build_at(histories, features, as_of), histories)


def feature_rows(features: FeatureTable, past: Histories) -> pa.Table:
    """The features as a table with the users' ids."""
    columns = {
        "user_id": pa.array(past.users[features.user], pa.string()),
        "as_of": pa.array(features.as_of, pa.timestamp("us", tz="UTC")),
    }
    columns |= {name: pa.array(features.values[:, at]) for at, name in enumerate(features.catalog.names)}
    return pa.table(columns)


def schema_of(features: Catalog) -> pa.Schema:
    """The columns of a feature file."""
    fixed = [("user_id", pa.string()), ("as_of", pa.timestamp("us", tz="UTC"))]
    named = [(name, pa.float32()) for name in features.names]
    return pa.schema([*fixed, *named], {"winback.catalog": features.fingerprint()})


def write_tables(tables: Iterator[pa.Table], features: Catalog, path: Path) -> int:
    """Write feature rows as they come; returns how many there were."""
    rows = 0
    with pq.ParquetWriter(path, schema_of(features), compression="lz4", use_dictionary=["as_of"]) as writer:
        for table in tables:
            writer.write_table(table)
            rows += table.num_rows
    return rows
