"""A folder of Parquet that appears whole or not at all, at any path of Hadoop's file systems."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.problems import InputProblem
from features.spark.carrying import problem_in
from features.spark.schema import literal

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ORIGIN = "_winback.json"


def write_folder(spark: SparkSession, frame: DataFrame, out: str, origin: Mapping[str, object]) -> DataFrame:
    """Write a frame as Parquet files into the folder `out` and give back what was written.

    out: a local path or a URL such as s3a://bucket/scores.  origin: facts about the content, for `_winback.json` in the
    folder.  An earlier folder of ours is replaced; any other that holds something is not touched.
    Raises InputProblem: unwritable_file, and what the work on the workers raised.
    """
    from py4j.protocol import Py4JJavaError

    place = _Place(spark, out)
    try:
        place.refuse_foreign()
        place.make_parent()
    except Py4JJavaError as error:
        raise InputProblem(f"{out} cannot be written: {_said(error)}. Name another place.", "unwritable_file") from None
    try:
        frame.write.parquet(place.draft)
        place.note(json.dumps(origin))
    except BaseException as error:
        place.discard()
        if problem := problem_in(error):
            raise problem from None
        raise
    place.publish()
    return spark.read.parquet(literal(place.url))


class _Place:
    """A folder and its draft, by Hadoop's own hands."""

    def __init__(self, spark: SparkSession, out: str) -> None:
        self._jvm: Any = spark._jvm
        self.url = _url(out)
        self._path = self._hadoop(self.url)
        self._files = self._path.getFileSystem(spark._jsc.hadoopConfiguration())
        self._draft = self._hadoop(f".{self._path.getName()}.{uuid.uuid4().hex[:8]}.draft", self._path.getParent())
        self.draft = str(self._draft)

    def refuse_foreign(self) -> None:
        if not self._files.exists(self._path):
            return
        whole = self._files.getFileStatus(self._path).isFile()
        ours = not whole and self._files.exists(self._hadoop(ORIGIN, self._path))
        if whole or (not ours and len(self._files.listStatus(self._path))):
            what = "is a file" if whole else "holds files that winback did not write"
            raise InputProblem(f"{self.url} {what}. Name a new folder: Spark writes several files.", "unwritable_file")

    def make_parent(self) -> None:
        self._files.mkdirs(self._path.getParent())

    def note(self, text: str) -> None:
        stream = self._files.create(self._hadoop(ORIGIN, self._draft))
        stream.write(bytearray(text.encode()))
        stream.close()

    def publish(self) -> None:
        self._files.delete(self._path, True)
        if not self._files.rename(self._draft, self._path):
            raise OSError(f"{self.draft} holds the result, but cannot be renamed to {self.url}")

    def discard(self) -> None:
        self._files.delete(self._draft, True)

    def _hadoop(self, name: str, parent: Any = None) -> Any:
        path = self._jvm.org.apache.hadoop.fs.Path
        return path(name) if parent is None else path(parent, name)


def _url(out: str) -> str:
    return out if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", out) else str(Path(out).resolve())


def _said(error: Any) -> str:
    return " ".join(str(error.java_exception.getMessage()).split())[:200].rstrip(".")
