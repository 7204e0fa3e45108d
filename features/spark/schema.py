"""The Parquet files of a source as Spark sees them: which columns mean what, and in which order the files come."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.business import Business
from features.problems import InputProblem
from features.sources.content import Content, load
from features.sources.files import Opened, paths_of
from features.sources.nested import step
from features.sources.parquet import ParquetFile, open_parquet
from features.sources.reading import Reading, reading_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_HEAD = 2_000
PLACE = "winback place in the source"
_A_FILE = 1 << 40  # places of one file; a file has fewer rows


@dataclass(frozen=True)
class SourceFrame:
    """frame: the columns to read, and PLACE (int64, the order of all rows of the source) where events have ids.

    reading: what they mean.  nanoseconds: columns that are whole nanoseconds, and whether these are in UTC or on the
    clock of the business.  rows: how many there are.
    """

    frame: DataFrame
    reading: Reading
    nanoseconds: dict[str, bool]
    rows: int


def source_frame(spark: SparkSession, business: Business) -> SourceFrame:
    """Open the Parquet source of winback.toml wherever Spark can read it: a local path, s3a://, hdfs://, ...

    Raises InputProblem: not_parquet, missing_file, unreadable_source, missing_column, header_only.
    """
    frame = _opened(spark, _locations(business))
    rows = frame.count()
    file = _first_rows(frame, business)
    reading = reading_of(Opened((file,), ()), business.events)
    if not rows:
        raise InputProblem(
            f"{business.events.source} has columns ({', '.join(file.columns[:10])}) and no record. "
            "Export the events again, or name another source.",
            "header_only",
        )
    roots = list(dict.fromkeys(step(name, file.schema.names) for name in reading.asked(0)))
    whole = [name for name in roots if pa.types.is_int64(file.schema.field(name).type)]
    nanoseconds = _nanoseconds(spark, frame, whole)
    chosen = _placed(spark, frame, roots) if "event_id" in reading.roles else frame.select(*map(_quoted, roots))
    return SourceFrame(chosen, replace(reading, files=()), nanoseconds, rows)


def _locations(business: Business) -> list[str]:
    """Paths for Spark; of a local source those of the files that the embedded driver would read."""
    events = business.events
    if events.database:
        raise _not_parquet("A database is no Parquet source")
    if _REMOTE.match(events.location) and not events.location.startswith("file:"):
        return [events.location]
    paths = paths_of(business.source)
    for path in paths:
        if not _is_parquet(path):
            raise _not_parquet(f"{path} is no Parquet file")
    return [literal(path) for path in paths if path.stat().st_size]


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) in (b"PAR1", b"")
    except OSError:
        return load(path).parquet  # which says what is wrong with it


def literal(path: Path | str) -> str:
    """A path for Spark to read in which nothing stands for anything else."""
    return re.sub(r"([\\\[\]{}*?])", r"\\\1", str(path.resolve() if isinstance(path, Path) else path))


def _opened(spark: SparkSession, locations: Sequence[str]) -> DataFrame:
    from pyspark.errors import AnalysisException, PySparkException

    options = {"recursiveFileLookup": "true", "mergeSchema": "true"}
    try:
        return spark.read.options(**options).parquet(*locations)
    except AnalysisException as error:
        missing = "PATH_NOT_FOUND" in (error.getCondition() or "")
        raise _unreadable(locations[0], error, "missing_file" if missing else "unreadable_source") from None
    except PySparkException as error:
        raise _unreadable(locations[0], error, "unreadable_source") from None


def _first_rows(frame: DataFrame, business: Business) -> ParquetFile:
    """The first rows as a Parquet file in memory, which answers for all what the columns are."""
    buffer = pa.BufferOutputStream()
    pq.write_table(frame.limit(_HEAD).toArrow(), buffer)
    return open_parquet(Content(Path(business.events.location), np.frombuffer(buffer.getvalue(), np.uint8)))


def _nanoseconds(spark: SparkSession, frame: DataFrame, names: Sequence[str]) -> dict[str, bool]:
    """Which of the int64 columns are times in nanoseconds, which Spark has no type for, by the first file's schema."""
    if not names:
        return {}
    from py4j.protocol import Py4JError

    jvm = spark._jvm
    assert jvm is not None
    try:
        path = jvm.org.apache.hadoop.fs.Path(jvm.java.net.URI(sorted(frame.inputFiles())[0]))
        held = jvm.org.apache.parquet.hadoop.util.HadoopInputFile.fromPath(path, spark._jsc.hadoopConfiguration())
        reader = jvm.org.apache.parquet.hadoop.ParquetFileReader.open(held)
        columns = reader.getFileMetaData().getSchema().getFields()
        reader.close()
    except Py4JError as error:
        raise _unreadable(str(path), error, "unreadable_source") from None
    meanings = {column.getName(): str(column.getLogicalTypeAnnotation()) for column in columns}
    return {name: "true" in said for name in names if (said := meanings.get(name, "")).startswith("TIMESTAMP(NANOS")}


def _placed(spark: SparkSession, frame: DataFrame, roots: Sequence[str]) -> DataFrame:
    """The columns with the place of each row: files in the order of their paths, then rows."""
    from pyspark.sql import functions as sql

    bare = "^[A-Za-z0-9+.-]+:/*"  # the list of files and the column of paths differ in their slashes
    files = sorted(frame.inputFiles(), key=lambda file: PurePosixPath(unquote(re.sub(bare, "/", file))))
    order = [(re.sub(bare, "", file), number * _A_FILE) for number, file in enumerate(files)]
    numbers = sql.broadcast(spark.createDataFrame(order, f"`{PLACE} file` string, `{PLACE} first` long"))
    path = sql.regexp_replace(sql.col("_metadata.file_path"), bare, "")
    rows = frame.select(
        *map(_quoted, roots), path.alias(f"{PLACE} file"), sql.col("_metadata.row_index").alias(f"{PLACE} row")
    )
    place = sql.col(f"`{PLACE} first`") + sql.col(f"`{PLACE} row`")
    return rows.join(numbers, f"{PLACE} file", "left").select(*map(_quoted, roots), place.alias(PLACE))


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _unreadable(location: str, error: Exception, code: str) -> InputProblem:
    said = " ".join(str(error).splitlines()[0].split())[:300].rstrip(".")
    return InputProblem(
        f"Spark cannot read {location}: {said}. Correct `source` under [events] in winback.toml; it must be Parquet, "
        "at a path that this Spark and its workers can reach.",
        code,
    )


def _not_parquet(what: str) -> InputProblem:
    return InputProblem(
        f"{what}, and that is what Spark reads here. Run `winback ingest` first: Spark then reads the event log, "
        "which is Parquet. Or run without --spark.",
        "not_parquet",
    )
