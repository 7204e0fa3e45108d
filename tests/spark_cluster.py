"""Run in a process of its own: a wrong master first, then features in local-cluster mode, and who computed them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.business import read_business
from features.histories import Histories
from features.problems import InputProblem
from features.progress import Silent
from features.spark import past, session
from features.spark.export import write_features


def wrong_master(log: Path) -> str:
    """The code of the problem that a master which does not exist is."""
    try:
        session.spark_session("locl[2]", log)
    except InputProblem as problem:
        return problem.code
    return "none"


def main(config: Path, out: str, as_of: int, now: int) -> None:
    log = config.parent / "cluster.log"
    code = wrong_master(log)
    spark = session.spark_session("local-cluster[2,1,1024]", log)
    spark.conf.set("spark.sql.adaptive.coalescePartitions.enabled", "false")
    from pyspark import AccumulatorParam

    class Union(AccumulatorParam[set[Any]]):
        def zero(self, value: set[Any]) -> set[Any]:
            return set()

        def addInPlace(self, value1: set[Any], value2: set[Any]) -> set[Any]:  # noqa: N802 Spark's name
            return value1 | value2

    processes = spark.sparkContext.accumulator(set(), Union())
    mapped, past.A_BUCKET = past.SparkPast.mapped, 1_000

    def watched(self: past.SparkPast, work: past.Work, schema: pa.Schema) -> Any:
        def noted(histories: Histories) -> pa.Table:
            processes.add({(os.getppid(), os.getpid())})
            return work(histories)

        return mapped(self, noted, schema)

    past.SparkPast.mapped = watched  # type: ignore[method-assign]
    written = write_features(read_business(config), as_of, out, "ignored: a session is active", now, Silent())
    application = spark.sparkContext.applicationId
    spark.stop()
    print(json.dumps({
        "wrong_master": code, "users": written.users, "driver": os.getpid(), "application": application,
        "workers": sorted(processes.value),
    }))  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
