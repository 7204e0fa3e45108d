"""Spark gives what the embedded driver gives, to the bit: from the files, from the log, in one process and in several."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features import export
from features.build import build_one
from features.business import read_business
from features.custom import CustomCode
from features.histories import Histories
from features.log.ingest import ingest
from features.past import catalog_of, open_past
from features.problems import InputProblem
from features.progress import Silent
from features.spark import past as spark_past_module
from features.spark.agreement import agreed
from features.spark.export import write_features
from features.spark.folder import write_folder
from features.spark.opening import spark_past
from features.spark.session import settings, spark_session
from features.spark.understanding import Account
from serving import batch
from serving import spark as serving_spark
from tests import made
from tests.histories_made import DAY, differing, one
from tests.spark_world import AS_OF, CONFIG, NOW, START, World, differences, dirty, names, write_world
from training.keeping.registry import Champion

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).resolve().parents[2]
MASTER = "local[2]"
JAVA = shutil.which("java") or (
    os.environ.get("JAVA_HOME") and shutil.which("java", path=os.environ["JAVA_HOME"] + "/bin")
)
pytestmark = [
    pytest.mark.skipif(
        not JAVA and not os.environ.get("CI"),  # CI skips nothing: .ci/run installs Java, and without it the tests fail
        reason="Spark needs a Java runtime, and none is on the PATH or under JAVA_HOME",
    ),
    pytest.mark.timeout(1_200),
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One session for all: a start takes half a minute on a busy machine."""
    session = spark_session(MASTER, tmp_path_factory.mktemp("spark") / "spark.log")
    yield session
    session.stop()


@pytest.fixture
def small_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several buckets of a few events, as a large log has of many."""
    monkeypatch.setattr(spark_past_module, "A_BUCKET", 1_500)


def embedded(world: World, as_of: int = AS_OF) -> Path:
    past, _ = open_past(world.business, NOW, Silent())
    export.write_features(world.business, past, as_of, world.folder / "embedded.parquet")
    return world.folder / "embedded.parquet"


def by_spark(world: World, as_of: int = AS_OF) -> Path:
    write_features(world.business, as_of, str(world.folder / "by spark"), MASTER, NOW, Silent())
    return world.folder / "by spark"


# Seen to fail with the last of several rows of an id kept instead of the first, with the files in another order, with no
# id looked at twice, with users spread over buckets by row, and with the times of arrival left out.
@pytest.mark.usefixtures("spark", "small_buckets")
def test_features_from_parquet_are_those_of_the_embedded_driver(tmp_path: Path) -> None:
    world = write_world(tmp_path, dirty(9_000, 400))
    assert differences(embedded(world), by_spark(world)) == []
    origin = json.loads((tmp_path / "by spark" / "_winback.json").read_text("utf-8"))
    metadata = pq.read_schema(tmp_path / "embedded.parquet").metadata
    assert origin == {"winback.catalog": metadata[b"winback.catalog"].decode()}


@pytest.mark.usefixtures("spark", "small_buckets")
def test_features_from_the_event_log_are_those_of_the_embedded_driver(tmp_path: Path) -> None:
    world = write_world(tmp_path, dirty(9_000, 400))
    before = embedded(world).rename(tmp_path / "before.parquet")
    for delivery in ("part 2 *", "part 3 *", "später*"):
        assert ingest(world.business.reading(str(world.source / delivery), Path.cwd()), NOW, Silent()).delivery
    assert differences(embedded(world), by_spark(world)) == []
    assert differences(before, by_spark(world)) == []


@pytest.mark.usefixtures("small_buckets")
def test_a_past_in_spark_is_the_past(spark: SparkSession, tmp_path: Path) -> None:
    world = write_world(tmp_path, dirty(6_000, 300, seed=2))
    whole, account = open_past(world.business, NOW, Silent())
    assert account.counted.duplicates > 100
    assert len(account.rejected.by_reason) == 4
    with settings(spark), spark_past(spark, world.business, NOW, Silent()) as past:
        buckets = list(past.buckets())
        assert len(buckets) == 5
        assert all(part.kinds == whole.kinds for part in buckets)
        people = [set(part.users) for part in buckets]
        assert sum(map(len, people)) == len(set.union(*people)) == whole.user_count == past.user_count
        assert (past.span, past.kinds, past.uses()) == (whole.span, whole.kinds, whole.uses())
        assert (past.event_count, past.arrivals) == (whole.event_count, whole.arrivals)
        assert past.fingerprint() == whole.fingerprint()
        assert past.as_known_today().fingerprint() == whole.as_known_today().fingerprint()
        assert (past.starts(["order", "visit"]) == whole.starts(["order", "visit"])).all()


def with_columns(table: pa.Table, **columns: pa.Array) -> pa.Table:
    for name, column in columns.items():
        table = table.set_column(table.schema.names.index(name), name, column)
    return table


# Seen to fail with nanoseconds without a zone taken for UTC.
@pytest.mark.usefixtures("spark", "small_buckets")
def test_times_in_nanoseconds_and_as_text(tmp_path: Path) -> None:
    table = dirty(3_000, 100)
    naive = table["at"].cast(pa.timestamp("us"))
    written = pc.strftime(table["known"], "%Y-%m-%dT%H:%M:%SZ")
    table = with_columns(table, at=naive.cast(pa.timestamp("ns")), known=written)
    world = write_world(tmp_path, table)
    assert differences(embedded(world), by_spark(world)) == []


NESTED = (
    CONFIG.replace('"what"', '"=order"')
    .replace('"worth"', '"more.worth"')
    .replace('"who"', '"account | who"')
    .replace('event_id = "id"\n', "")
)


# Seen to fail with times that are not known to be whole days.
@pytest.mark.usefixtures("spark", "small_buckets")
def test_fields_of_structs_alternatives_and_whole_days(tmp_path: Path) -> None:
    table = dirty(3_000, 100)
    account = pa.array([n % 50 if n % 3 else None for n in range(3_000)], pa.int32())
    more = pa.StructArray.from_arrays([table["worth"].combine_chunks()], ["worth"])
    days = table["at"].cast(pa.date32(), safe=False)
    table = with_columns(table, at=days).append_column("account", account).append_column("more", more)
    world = write_world(
        tmp_path, table.drop_columns(["worth", "id", "known"]), 2, NESTED.replace('ingested_at = "known"\n', "")
    )
    assert differences(embedded(world), by_spark(world)) == []


@pytest.mark.usefixtures("spark", "small_buckets")
@pytest.mark.parametrize("as_of", [None, made.START + 120 * DAY + 777])
def test_scores_are_those_of_the_embedded_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_of: int | None
) -> None:
    held = {
        task: Champion(task, f"winback-{task}", "7", Path("/nowhere"), made.bundle(task, "boosted"))
        for task in made.TASKS
    }
    for module in (batch, serving_spark):
        monkeypatch.setattr(module, "champions", lambda business: held)
    business = read_business(made.write_shop(tmp_path, made.shop()))
    ingest(business, made.START + 400 * DAY, Silent())
    now, whole, parts = made.START + 400 * DAY, tmp_path / "scores.parquet", tmp_path / "scores"
    tally = batch.score(business, as_of, whole, now, "zh", Silent())
    assert serving_spark.score(business, as_of, str(parts), now, "zh", MASTER, Silent()) == tally
    assert tally.users > 250
    assert differences(whole, parts) == []
    origin = json.loads((parts / "_winback.json").read_text("utf-8"))["winback"]
    assert origin == json.loads(pq.read_schema(whole).metadata[b"winback"])


def test_two_executors_share_the_work(tmp_path: Path) -> None:
    world = write_world(tmp_path, dirty(9_000, 400))
    command = [sys.executable, "-m", "tests.spark_cluster", str(tmp_path / "winback.toml"), str(tmp_path / "by spark")]
    done = subprocess.run(
        [*command, str(AS_OF), str(NOW)], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr + (tmp_path / "cluster.log").read_text("utf-8")[-5_000:]
    said = json.loads(done.stdout.splitlines()[-1])
    shutil.rmtree(Path(_home()) / "work" / said["application"], ignore_errors=True)
    assert said["wrong_master"] == "bad_master"
    executors = {parent for parent, _ in said["workers"]}
    assert len(executors) == 2
    assert said["driver"] not in executors
    assert differences(embedded(world), tmp_path / "by spark") == []


def _home() -> str:
    import pyspark

    return str(Path(pyspark.__file__).parent)


@pytest.mark.usefixtures("spark")
def test_three_drivers_agree_on_a_million_events(tmp_path: Path) -> None:
    world = write_world(tmp_path, dirty(1_000_000, 20_000), files=4)
    past, _ = open_past(world.business, NOW, Silent())
    assert isinstance(past, Histories)
    catalog = catalog_of(world.business, past)
    export.write_features(world.business, past, AS_OF, tmp_path / "embedded.parquet")
    assert differences(tmp_path / "embedded.parquet", by_spark(world)) == []
    table = pq.read_table(tmp_path / "by spark").sort_by("user_id")
    people, plan = past.seen(AS_OF)[::6], catalog.plan(past.kinds)
    rows = np.searchsorted(np.asarray(table["user_id"].to_pylist(), dtype=object), past.users[people])
    assert len(rows) > 3_000
    of_spark = np.column_stack([table[name].to_numpy()[rows] for name in catalog.names])
    online = np.stack([build_one(one(past, int(user)), plan, AS_OF) for user in people])
    assert differing(catalog.names, of_spark, online) == []


@pytest.mark.usefixtures("spark")
def test_a_folder_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    world = write_world(tmp_path, dirty(300, 20))
    (tmp_path / "by spark").mkdir()
    (tmp_path / "by spark" / "thesis.txt").write_text("five years", "utf-8")
    with pytest.raises(InputProblem, match="that winback did not write") as raised:
        by_spark(world)
    assert raised.value.code == "unwritable_file"
    assert names(list((tmp_path / "by spark").iterdir())) == ["thesis.txt"]


def test_a_failing_write_leaves_the_old_folder(spark: SparkSession, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "down [1]"
    assert write_folder(spark, spark.range(3), str(out), {"n": 1}).count() == 3
    assert write_folder(spark, spark.range(4), str(out), {"n": 2}).count() == 4
    before = names(list(out.iterdir()))
    with pytest.raises(Exception, match="no more"):
        write_folder(spark, spark.range(5).selectExpr("if(id < 4, id, raise_error('no more')) AS id"), str(out), {})
    assert names(list(out.iterdir())) == before
    assert names(list(out.parent.iterdir())) == ["down [1]"]
    assert json.loads((out / "_winback.json").read_text("utf-8")) == {"n": 2}


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize(("source", "code"), [
    ("events.csv", "not_parquet"), ("nowhere.parquet", "missing_file"), ("file:/nowhere/at/all", "missing_file"),
])  # fmt: skip
def test_sources_that_spark_cannot_read(tmp_path: Path, source: str, code: str) -> None:
    (tmp_path / "events.csv").write_text("id,who\n1,2\n", "utf-8")
    (tmp_path / "winback.toml").write_text(CONFIG.replace("events of 2024", source), "utf-8")
    with pytest.raises(InputProblem) as raised:
        by_spark(World(tmp_path, read_business(tmp_path / "winback.toml")))
    assert raised.value.code == code


@pytest.mark.usefixtures("spark")
def test_problems_of_the_rows_reach_the_caller(tmp_path: Path) -> None:
    table = dirty(300, 20)
    late = with_columns(table, at=pa.array([NOW + 1 + n for n in range(300)], pa.timestamp("us", "UTC")))
    kinds = with_columns(table, what=pa.array([f"kind {n}" for n in range(300)]))
    for name, rows, code in (("late", late, "all_rejected"), ("kinds", kinds, "too_many_kinds")):
        world = write_world(tmp_path / name, rows, 1)
        with pytest.raises(InputProblem) as raised:
            by_spark(world)
        assert raised.value.code == code
    world = write_world(tmp_path / "early", table, 1)
    with pytest.raises(InputProblem) as raised:
        by_spark(world, START - DAY)
    assert raised.value.code == "as_of_too_early"


CUSTOM = """
from features.custom import PastEvents, feature

@feature(unit="orders", concept="rhythm", says="orders of more than 40")
def large_orders(past: PastEvents, as_of: int) -> float:
    dear = past.of("order").value > 40.0
    return float(dear.sum()) if {fine} else 1 / 0
"""


@pytest.mark.usefixtures("spark", "small_buckets")
def test_features_of_the_business_itself_travel_to_the_workers(tmp_path: Path) -> None:
    config = CONFIG + '[features]\ncustom = "own.py"\n'
    world = write_world(tmp_path, dirty(3_000, 100), config=config)
    (tmp_path / "own.py").write_text(CUSTOM.format(fine=True), "utf-8")
    assert differences(embedded(world), by_spark(world)) == []
    assert pc.max(pq.read_table(tmp_path / "by spark")["custom_large_orders"]).as_py() > 1
    (tmp_path / "own.py").write_text(CUSTOM.format(fine="len(past) < 25"), "utf-8")
    with pytest.raises(InputProblem, match=r"large_orders failed for .* ZeroDivisionError") as raised:
        by_spark(world)
    assert raised.value.code == "custom_feature"


def test_champions_arrive_with_the_features_of_the_business_itself() -> None:
    bundle, code = made.bundle("churn", "rfm"), CustomCode("own.py", "0123456789abcdef", b"ANSWER = 42")
    catalog = replace(bundle.catalog, custom=code)
    bundle = replace(bundle, inputs=replace(bundle.inputs, catalog=catalog))
    shipped = serving_spark._shipped([Champion("churn", "winback-churn", "3", Path("/nowhere"), bundle)])
    found = serving_spark._revived(shipped)["churn"]
    assert (found.name, found.version, found.bundle.catalog) == ("winback-churn", "3", catalog)
    assert found.bundle.catalog.custom is not None
    assert found.bundle.catalog.custom.source == code.source
    x = np.zeros((5, len(bundle.inputs.names)), dtype=np.float32)
    assert (found.bundle.predict(x) == bundle.predict(x)).all()


def test_parts_that_were_read_in_two_ways_are_refused(tmp_path: Path) -> None:
    business = write_world(tmp_path, dirty(10, 2), 1).business
    plain = Account(10, 9)
    comma = replace(plain, notes=("'worth' has a decimal comma, as in '1,5'.",))
    days = replace(plain, notes=("'at' was read as day first (3 rows leave no doubt, the first is '13/1/2024').",))
    more = replace(plain, notes=("'at' was read as day first (1 rows leave no doubt, the first is '31/1/2024').",))
    months = replace(plain, notes=("'at' was read as month first.",))
    ids = replace(plain, notes=("User ids such as 123.0 are whole numbers; they were read as 123.",))
    nothing = Account(10, 0, nothing=("nothing", "all_rejected"))
    for fine in ([plain, plain], [days, more, nothing], [comma, nothing], [ids, plain]):
        assert agreed(fine, business).events == 9 * sum(account.events > 0 for account in fine)
    for torn in ([plain, comma], [days, months], [days, plain], [ids, replace(plain, whole_numbers=False)]):
        with pytest.raises(InputProblem) as raised:
            agreed(torn, business)
        assert raised.value.code == "undecided_reading"
    euro, dollar = (replace(plain, notes=(f"Amounts in 'worth' are in {name}.",)) for name in ("EUR", "USD"))
    with pytest.raises(InputProblem, match="2 currencies"):
        agreed([euro, dollar], business)


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "pyspark.sql", None)
        with pytest.raises(InputProblem, match=r"pip install winback\[spark\]") as raised:
            spark_session(MASTER, tmp_path / "log")
        assert raised.value.code == "no_spark"
    from pyspark.sql import SparkSession

    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(InputProblem, match="Java") as raised:
        spark_session(MASTER, tmp_path / "log")
    assert raised.value.code == "no_java"
