"""A small shop with a real champion a question, and a real BentoML server that answers for it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import mlflow
import numpy as np
import pandas as pd
import pytest

from features.build import build_at
from features.business import Business, read_business
from features.catalog import Catalog, catalog
from features.clock import format_instant, parse_instant
from features.definitions import Definition, definitions
from features.events import read_events
from features.histories import Histories, histories
from training.amounts import AmountInterval
from training.bundle import Bundle, Origin
from training.calibration import BetaCalibration
from training.inputs import Inputs
from training.judging.promotion import Verdict
from training.keeping import registry, runs, succession, versions
from training.labels import labels
from training.level import AS_IT_IS
from training.measures.venn_abers import fit_venn_abers
from training.models.bg_nbd import BGNBD
from training.models.boosted import Boosted, fit_boosted
from training.models.gamma_gamma import GammaGamma
from training.models.linear import Linear, fit_amount, fit_logistic
from training.models.pareto_nbd import ParetoNBD

DAY = 86_400_000_000
START = parse_instant("2024-01-01")
NOW = parse_instant("2026-01-01")
CONFIG = """
[events]
source = "events.csv"
user = "who"
time = "at"
kind = "what"
value = "worth"
item = "page"
event_id = "id"
time_zone = "Europe/Berlin"

[churn]
activity = ["order"]
horizon_days = 60

[conversion]
target = ["order"]
eligible = "fewer than 2 order"
horizon_days = 45

[ltv]
of = ["order"]
horizon_days = 60

[service]
local_without_key = true
"""


@dataclass(frozen=True)
class Shop:
    """A folder with winback.toml, its log and trained champions."""

    config: Path
    users: tuple[str, ...]


@dataclass(frozen=True)
class Server:
    """A running service.  log: what it has printed.  process: the one whose children answer."""

    url: str
    shop: Shop
    log: Path
    process: int


def write_log(path: Path, users: int = 400) -> tuple[str, ...]:
    """Customers who order at their own pace until they leave, with visits in between; some ids are unusual."""
    chance = np.random.default_rng(7)
    names = ("a b", "😀", "用户", "u,1", *(f"u{number}" for number in range(users)))
    rows = ["id,who,at,what,worth,page"]
    for name in names:
        at, pace = chance.uniform(0, 600), chance.gamma(2.0, 12.0) + 1
        until = min(at + chance.exponential(300) + 1, 729)
        while at < until:
            for kind in ("visit", "order") if chance.random() < 0.5 else ("order",):
                worth = f"{chance.gamma(2, 20):.2f}" if kind == "order" else ""
                moment = format_instant(START + int(at * DAY))
                rows.append(f'e{len(rows)},"{name}",{moment},{kind},{worth},p{chance.integers(9)}')
            at += chance.exponential(pace) + 0.01
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return names


def bundle_of(definition: Definition, past: Histories, features: Catalog) -> Bundle:
    """A plain model, fitted at the last moment whose window ahead the log holds."""
    as_of = past.span.last - definition.reach_days * DAY
    table = build_at(past, features, as_of)
    inputs = Inputs(
        features,
        definition.horizon_days,
        BGNBD(0.8, 9.0, 0.3, 2.5),
        ParetoNBD(0.8, 9.0, 0.6, 90.0),
        GammaGamma(6.0, 4.0, 15.0),
    )
    x = inputs.matrix(table)
    y = labels(definition, past, table.user, as_of)
    columns = [
        inputs.position[name] for name in ("order_recency", "order_count_90d", "order_sum_365d", "visit_count_30d")
    ]
    fit = fit_amount if definition.task == "ltv" else fit_logistic
    if definition.task == "churn":
        model: Boosted | Linear = fit_boosted(x, y, range(x.shape[1]), [0] * x.shape[1], "binary")
    else:
        model = fit(x, y, columns, ["log1p"] * len(columns))
    money = definition.task == "ltv"
    return Bundle(
        definition, inputs, "logistic", model, AS_IT_IS if money else BetaCalibration(1.0, 1.0, 0.0), "B",
        ("made for a test",), tuple(np.linspace(0, 1, 101).tolist()),
        Origin(past.fingerprint(), len(past), len(past.time), past.span.complete_until, (as_of,), 1),
        AmountInterval((0.8, 0.9), (0.0,), ((0.4,), (0.2,)), ((1.9,), (2.6,)), 0.0) if money else None,
        fit_venn_abers(y, model.margin(x)) if definition.task == "churn" else None,  # conversion's is not known
    )  # fmt: skip


def register_champion(business: Business, bundle: Bundle) -> None:
    """Put a bundle into the registry as `winback train` does."""
    task = bundle.definition.task
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # MLflow sets it itself, and it would lead to another test's registry
    with registry.connected(business) as client:
        runs.open_experiment(client, business)
        with mlflow.start_run():
            example = pd.DataFrame(
                np.zeros((1, len(bundle.inputs.names)), np.float32), columns=list(bundle.inputs.names)
            )
            model, run = runs.log_bundle(bundle, {}, {}, {}, example)
        version = versions.register(client, task, model, run, Verdict(True, ("made for a test",)))
        succession.crown(client, task, version)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Real bundles in a real registry; how well they predict is another room's test."""
    folder = tmp_path_factory.mktemp("shop")
    users = write_log(folder / "events.csv")
    (folder / "winback.toml").write_text(CONFIG, "utf-8")
    business = read_business(folder / "winback.toml")
    past = histories(read_events(business, NOW), business.events.time_zone)
    features = catalog(business, past.uses())
    for definition in definitions(business).values():
        register_champion(business, bundle_of(definition, past, features))
    return Shop(folder / "winback.toml", users)


@pytest.fixture(scope="session")
def server(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The service in a process of its own, as `winback serve` starts it."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    code = f"from pathlib import Path; from serving.service import run; run(Path({str(shop.config)!r}), port={port})"
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    with (
        log.open("wb") as out,
        subprocess.Popen([sys.executable, "-c", code], stdout=out, stderr=out, env=environment) as process,
    ):
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(url, process, log)
            yield Server(url, shop, log, process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the service did not start:\n{log.read_text('utf-8')}")


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as http:
        yield http
