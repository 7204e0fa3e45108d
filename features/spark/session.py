"""The Spark that is there already, or one that is started for a command: quiet, its workers running our Python."""

from __future__ import annotations

import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from features.problems import InputProblem

if TYPE_CHECKING:
    from py4j.protocol import Py4JError
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

_ON_THIS_MACHINE = re.compile(r"local(\[|-cluster\[|$)|spark://(127\.|localhost|\[::1\])")
_PACKAGES = Path(__file__).resolve().parents[2]
MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.legacy.parquet.nanosAsLong": "true",  # else such a file cannot be opened; `schema` says what they are
}


def spark_session(master: str, log: Path) -> SparkSession:
    """The session that is active in this process, else a new one of `master`, such as local[2] or spark://host:7077.

    log: a file for what the Java side prints, anew each time.
    Raises InputProblem: no_spark, no_java, bad_master.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise _absent("no_spark", "PySpark is not installed") from None
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    active = SparkSession.getActiveSession()
    return active if active is not None else _started(master, log)


@contextmanager
def settings(spark: SparkSession, wanted: Mapping[str, str] = MEANING) -> Iterator[None]:
    """Settings that decide what times mean, put back afterwards: the session may be somebody else's."""
    before = {key: spark.conf.get(key, None) for key in wanted}
    for key, value in wanted.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, old in before.items():
            spark.conf.unset(key) if old is None else spark.conf.set(key, old)


def _started(master: str, log: Path) -> SparkSession:
    from py4j.protocol import Py4JError
    from pyspark import SparkContext
    from pyspark.errors import PySparkException
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    if not _java():
        raise _absent("no_java", "No Java is found, neither under JAVA_HOME nor on the PATH")
    _name_python(master)
    conf = _configured(master)
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("wb") as stderr, _environment(_addresses(master)):
            printed = {"stderr": stderr, "stdout": stderr}
            gateway = launch_gateway(conf, printed)  # type: ignore[no-untyped-call]
            return SparkSession(SparkContext(conf=conf, gateway=gateway))
    except PySparkException:  # the Java side ended before it could be spoken to
        raise _ended(master, log) from None
    except Py4JError as error:
        raise _bad_master(master, _reason(error, log)) from None


def _configured(master: str) -> SparkConf:
    from pyspark import SparkConf

    paths = [str(_PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    conf = {
        "spark.app.name": "winback",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(paths),
        "spark.executorEnv.NUMBA_NUM_THREADS": "1",
        "spark.executorEnv.OMP_NUM_THREADS": "1",
        "spark.executorEnv.OPENBLAS_NUM_THREADS": "1",
        **MEANING,
    }
    if _ON_THIS_MACHINE.match(master):
        conf |= {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    return SparkConf().setMaster(master).setAll(list(conf.items()))


def _name_python(master: str) -> None:
    """Workers run the Python that runs us; on other machines it may lie elsewhere, as PYSPARK_PYTHON then says."""
    if _ON_THIS_MACHINE.match(master):
        os.environ["PYSPARK_PYTHON"] = sys.executable
    else:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)


def _addresses(master: str) -> dict[str, str]:
    return {"SPARK_LOCAL_IP": "127.0.0.1"} if _ON_THIS_MACHINE.match(master) else {}


@contextmanager
def _environment(extra: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in extra}
    os.environ.update(extra)
    try:
        yield
    finally:
        for name, old in before.items():
            os.environ.pop(name) if old is None else os.environ.update({name: old})


def _java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    own = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    return own or shutil.which("java")


def _absent(code: str, what: str) -> InputProblem:
    return InputProblem(
        f"{what}, and Spark needs PySpark 4 and a Java runtime of version 17 or 21. "
        "Install them: `pip install winback[spark]`, and a Java runtime (on Debian and Ubuntu: `apt install "
        "openjdk-17-jre-headless`; else set JAVA_HOME to one). Without --spark the same file is made on this machine.",
        code,
    )


def _ended(master: str, log: Path) -> InputProblem:
    """What the last words of the Java side mean."""
    said = [line for line in log.read_text("utf-8", "replace").splitlines() if "Error" in line or "Exception" in line]
    last = said[0] if said else "it said nothing"
    if "master" in last.lower():
        return _bad_master(master, last)
    return _absent("no_java", f"Java could not start Spark ({last[:200]})")


def _reason(error: Py4JError, log: Path) -> str:
    """Why an application was not taken, which Spark tells its log rather than the caller."""
    told = re.findall("Reason: (.+)", log.read_text("utf-8", "replace"))
    java = getattr(error, "java_exception", None)
    return str(told[0] if told else error if java is None else java.getMessage())


def _bad_master(master: str, said: str) -> InputProblem:
    return InputProblem(
        f"Spark cannot be started with the master '{master}': {said.splitlines()[0][:200].rstrip('.')}. "
        "Name one that is there: local[2] for two cores of this machine, or spark://HOST:7077, yarn, k8s://...",
        "bad_master",
    )
