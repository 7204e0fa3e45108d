"""Write the features of everybody at one moment with Spark."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from features.business import Business
from features.catalog import Catalog
from features.export import Written, feature_tables, refuse_before_everybody, schema_of
from features.histories import Histories
from features.past import catalog_of
from features.progress import Progress
from features.spark.folder import write_folder
from features.spark.opening import spark_past
from features.spark.session import settings, spark_session


@dataclass(frozen=True)
class Features:
    """The features of a bucket, on a worker: what `features.export` writes."""

    catalog: Catalog
    as_of: int

    def __call__(self, histories: Histories) -> pa.Table:
        return pa.concat_tables(feature_tables(self.catalog, histories, self.as_of))


def write_features(business: Business, as_of: int, out: str, master: str, now: int, progress: Progress) -> Written:
    """Write what `features.export.write_features` writes, as a folder of Parquet and in no order of rows.

    as_of, now: microseconds UTC.  out: see `features.spark.folder`.  master: see `features.spark.session`.
    """
    with progress.step("starting Spark"):
        spark = spark_session(master, business.state / "spark.log")
    with settings(spark), spark_past(spark, business, now, progress) as past:
        refuse_before_everybody(past, as_of)
        catalog = catalog_of(business, past)
        with progress.step("computing features with Spark"):
            frame = past.mapped(Features(catalog, as_of), schema_of(catalog))
            written = write_folder(spark, frame, out, {"winback.catalog": catalog.fingerprint()})
            return Written(written.count(), len(catalog.names))
