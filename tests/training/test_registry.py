"""The registry: a real MLflow over SQLite, trained through the job on a log file, judged, read back, and judged again."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from features.build import build_at
from features.business import Business, read_business
from features.catalog import catalog
from features.definitions import definitions
from features.events import read_events
from features.histories import Histories, histories
from features.problems import InputProblem
from features.progress import Silent
from tests import made
from tests.histories_made import DAY
from training.bundle import FILE
from training.job import Trained, train
from training.judging.promotion import judge
from training.judging.standing import standing_of
from training.keeping import registry, runs
from training.measures.bootstrap import Interval

NOW = made.START + 400 * DAY
SHOP = made.shop(220, 190, seed=3)
CUT = made.START + 140 * DAY


@dataclass(frozen=True)
class Trained3:
    """One business over time: trained, trained again on the same log, and again when the log had grown.  elsewhere: where that was done.
    before: what the first two saw.  held: the champion's version before the log had grown.
    """

    config: Path
    elsewhere: Path
    first: Trained
    again: Trained
    grown: Trained
    before: Histories
    held: str

    @property
    def business(self) -> Business:
        return read_business(self.config)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Trained3:
    """MLflow's first migration alone takes seconds, so everything below looks at one store."""
    folder, elsewhere = tmp_path_factory.mktemp("registry"), tmp_path_factory.mktemp("elsewhere")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        os.environ.pop("MLFLOW_TRACKING_URI", None)  # MLflow sets it itself, and it would lead to another test's store
        config = made.write_shop(folder, [event for event in SHOP if event.time <= CUT])
        business = read_business(config)
        past = histories(read_events(business, NOW), "UTC")
        (first,), (again,) = (train(business, ("churn",), NOW, Silent()) for _ in range(2))
        held = registry.champions(business)["churn"].version
        made.write_shop(folder, SHOP)
        (grown,) = train(business, ("churn",), NOW, Silent())
    return Trained3(config, elsewhere, first, again, grown, past, held)


@pytest.fixture(autouse=True)
def own_store(world: Trained3) -> None:
    """MLflow's global state leads to this store, whichever test has run before."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    client(world)


def client(world: Trained3) -> mlflow.MlflowClient:
    with registry.connected(world.business) as found:
        return found  # type: ignore[no-any-return]


def artifacts(world: Trained3, trained: Trained, path: str = "") -> set[str]:
    return {Path(item.path).name for item in client(world).list_artifacts(trained.run_id, path)}


# Seen to fail without the tag.
def test_the_first_model_becomes_champion_with_its_reasons(world: Trained3) -> None:
    assert world.first.verdict is not None
    assert world.first.verdict.promote
    version = client(world).get_model_version("winback-churn", world.first.version)
    assert version.tags["promoted"] == "true"
    assert version.tags["reasons"].startswith("there is no champion yet; ")
    assert version.description == version.tags["reasons"] == "; ".join(world.first.verdict.reasons)
    assert version.run_id == world.first.run_id


def test_the_run_keeps_everything_that_a_reviewer_asks_for(world: Trained3) -> None:
    run = client(world).get_run(world.first.run_id)
    assert world.first.bundle is not None
    assert run.data.params["data"] == world.before.fingerprint() == world.first.bundle.origin.data
    assert run.data.params["catalog"] == world.first.bundle.catalog.fingerprint()
    assert run.data.params["definition"] == "left = no order within 45 days"
    assert {"auc", "auc_low", "auc_high", "log_loss", "candidate_recency_loss"} <= set(run.data.metrics)
    assert artifacts(world, world.first) >= {"plots", "report.json", "holdout.parquet", "winback.toml", "environment.json"}
    assert artifacts(world, world.first, "plots") >= {"drivers.png", "calibration.png", "gains.png"}
    holdout = runs.holdout_of(world.first.run_id)
    assert holdout is not None
    assert {"user_id", "as_of", "y", "p", "before", "value", "tenure", "stage"} == set(holdout.columns)


def test_the_registered_model_has_signature_and_example_and_no_pickle(world: Trained3) -> None:
    uri = f"models:/winback-churn/{world.first.version}"
    info = mlflow.models.get_model_info(uri)
    assert world.first.bundle is not None
    assert tuple(info.signature.inputs.input_names()) == world.first.bundle.inputs.names
    folder = Path(mlflow.artifacts.download_artifacts(uri))
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert "input_example.json" in {path.name for path in files}
    assert {path.suffix for path in files} <= {".json", ".txt", ".yaml", ".yml", ".py", "", ".pyc"}
    assert not [path for path in files if b"\x80\x04\x95" in path.read_bytes()[:16]]
    saved = json.loads((folder / "artifacts" / "bundle" / FILE).read_text("utf-8"))
    assert saved["rung"] == world.first.bundle.rung


def test_mlflow_scores_as_the_bundle_does(world: Trained3) -> None:
    # The columns arrive shuffled, as a caller's may.
    bundle = world.first.bundle
    assert bundle is not None
    x = bundle.matrix(build_at(world.before, bundle.catalog, world.before.span.last))
    frame = pd.DataFrame(x, columns=list(bundle.inputs.names))
    model = mlflow.pyfunc.load_model(f"models:/winback-churn/{world.first.version}")
    shuffled = frame[list(np.random.default_rng(0).permutation(frame.columns))]
    np.testing.assert_array_equal(model.predict(shuffled), bundle.predict(x))
    with pytest.raises(mlflow.exceptions.MlflowException, match="order_recency"):
        model.predict(frame.drop(columns="order_recency"))


def test_the_same_data_give_the_same_model_which_is_not_registered_twice(world: Trained3) -> None:
    # Seen to fail when record() asked nobody whether the bundle was known: version 2, "not better than the champion".
    assert world.held == "1"
    assert world.again.known
    assert (world.again.version, world.again.run_id) == (world.first.version, world.first.run_id)
    assert world.again.verdict is not None
    assert not world.again.verdict.promote
    assert world.again.lines()[-1].strip() == (
        "identical to winback-churn/1; nothing new is registered: it is the champion already"
    )


def test_a_champion_that_learned_from_older_data_is_met_on_fair_rows(world: Trained3) -> None:
    # Seen to fail when the champion's saved holdout was used whatever the window: no row then fits.
    assert world.first.bundle is not None
    assert world.grown.bundle is not None
    assert world.grown.verdict is not None
    told = world.grown.verdict.reasons[0]
    test = max(world.grown.bundle.origin.cutoffs)
    learned = max(world.first.bundle.origin.cutoffs) + 45 * DAY
    rows = world.grown.bundle.report["test"]["rows"]
    assert learned <= test, "the champion has not learned from the window of the judgement"
    assert f"the champion's on {rows:,} rows" in told
    held = registry.champions(world.business)["churn"]
    assert world.grown.version == "2"
    assert held.version == ("2" if world.grown.verdict.promote else "1")
    assert held.bundle.predict(np.zeros((1, len(held.bundle.inputs.names)), np.float32)).shape == (1,)


def test_without_a_champion_nothing_scores(tmp_path: Path, world: Trained3) -> None:
    # Seen to fail with an empty mapping as the answer.
    config = made.write_shop(tmp_path, SHOP)
    with pytest.raises(InputProblem, match="Run `winback train` first") as raised:
        registry.champions(read_business(config))
    assert raised.value.code == "missing_champion"
    assert not (tmp_path / ".winback" / "mlflow.db").exists()


def test_a_changed_question_does_not_score(world: Trained3) -> None:
    # Seen to fail without _same_question.
    changed = world.business.model_copy(
        update={"churn": made.asking(churn={"activity": ["order"], "horizon_days": 60}).churn}
    )
    with pytest.raises(InputProblem) as raised:
        registry.champions(changed)
    assert raised.value.code == "definition_changed"
    for part in ("no order within 45 days", "no order within 60 days", "winback train churn"):
        assert part in str(raised.value)


def test_an_unknown_question_is_refused(world: Trained3) -> None:
    business = world.business.model_copy(update={"ltv": None})
    with pytest.raises(InputProblem, match=r"add a \[ltv\] table") as raised:
        train(business, ("ltv",), NOW, Silent())
    assert raised.value.code == "unknown_task"


# Failed before: MLflow sets its own variable, after which no registry looked local and files went to ./mlruns.
def test_the_models_files_lie_beside_the_registry(world: Trained3) -> None:
    assert not (world.elsewhere / "mlruns").exists()
    assert list((world.business.state / "mlartifacts").rglob(FILE))


# Failed before: the variable that MLflow had set for one business led the next one to it.
def test_two_businesses_in_one_process_have_two_registries(world: Trained3, tmp_path: Path) -> None:
    other = read_business(made.write_shop(tmp_path, SHOP))
    assert registry.tracking_uri(other) == f"sqlite:///{other.state / 'mlflow.db'}"


def test_a_changed_activity_replaces_every_champion_that_no_longer_scores(world: Trained3) -> None:
    assert world.first.bundle is not None
    asked = definitions(made.asking())["ltv"]
    changed = replace(asked, activity=("order", "visit"))
    old, new = (replace(world.first.bundle, definition=definition) for definition in (asked, changed))
    skill = Interval(-1.0, -2.0, -0.5)
    verdict = judge(standing_of(new, skill), standing_of(old, skill), None)
    assert verdict.promote, "registry.champions refuses the old one, so the new one must take over"


def test_the_catalogue_of_a_retrained_model_still_fits_the_log(world: Trained3) -> None:
    business = world.business
    past = histories(read_events(business, NOW), "UTC")
    assert world.grown.bundle is not None
    assert world.grown.bundle.catalog.names == catalog(business, past.uses()).names
