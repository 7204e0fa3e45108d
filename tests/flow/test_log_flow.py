"""Everything behind the log says the same as without it: check, learning rows, scores, report, online histories."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from features.business import Business, read_business
from features.log import ingest as ingesting
from features.log.ingest import ingest
from features.log.reading import EventLog
from features.online.store import open_store
from features.past import Past, catalog_of, open_past
from features.progress import Silent
from serving.batch import score
from serving.live import warm
from serving.report.page import write_report
from tests import made
from tests.histories_made import at
from training.checking import precheck
from training.checking.precheck_text import lines
from training.job import train
from training.rows import Rows, gather, sampled
from training.splits import timeline

NOW = at("2030-01-01")


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> tuple[Business, Business]:
    """The same business twice: read from its file, and from a log of many buckets that came in three deliveries."""
    events = made.shop()
    folders = [tmp_path_factory.mktemp(name) for name in ("direct", "log")]
    direct, logged = (read_business(made.write_shop(folder, events)) for folder in folders)
    header, *rows = (folders[1] / "events.csv").read_text("utf-8").splitlines(keepends=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ingesting, "A_BUCKET", len(rows) // 20)
        for part in range(3):
            path = folders[1] / f"part{part}.csv"
            path.write_text(header + "".join(rows[part::3]), "utf-8")
            ingest(logged.reading(str(path), Path.cwd()), NOW, Silent())
    return direct, logged


def past_of(business: Business) -> Past:
    return open_past(business, NOW, Silent())[0]


def by_user(rows: Rows) -> Rows:
    """In the order of cut-offs and names."""
    order = np.lexsort((rows.people[rows.user].astype(str), rows.as_of))
    return replace(rows.take(order), user=rows.user[order])


@pytest.mark.parametrize("task", made.TASKS)
def test_learning_rows_are_the_same(shops: tuple[Business, Business], task: str) -> None:
    found = []
    for business in shops:
        past = past_of(business)
        line = timeline(made.question(task), past)
        found.append(by_user(gather(made.question(task), past, catalog_of(business, past), line)))
    one, other = found
    assert isinstance(past_of(shops[1]), EventLog)
    assert len(list(past_of(shops[1]).buckets())) > 4
    assert one.names == other.names
    assert (one.people[one.user] == other.people[other.user]).all()
    for name in ("y", "as_of", "group"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    rhythm = np.array([name.startswith("btyd_") for name in one.names])
    np.testing.assert_array_equal(one.x[:, ~rhythm], other.x[:, ~rhythm])
    np.testing.assert_allclose(one.x[:, rhythm], other.x[:, rhythm], rtol=1e-4)  # sums in another order of users


def test_a_share_of_the_users_is_the_same_users_at_every_cutoff(shops: tuple[Business, Business]) -> None:
    chosen = []
    for business in shops:
        past = past_of(business)
        line = timeline(made.question("churn"), past)
        rows = gather(made.question("churn"), past, catalog_of(business, past), line, users_share=0.3)
        for at_cutoff in line.cutoffs:
            here = set(rows.people[rows.user[rows.as_of == at_cutoff]])
            assert all(sampled(np.array(sorted(here), dtype=object), 0.3))
        chosen.append(sorted(set(rows.people[rows.user])))
        assert 0.2 < len(chosen[-1]) / past.user_count < 0.4
    assert chosen[0] == chosen[1]


def test_the_check_says_the_same(shops: tuple[Business, Business]) -> None:
    said = []
    for business in shops:
        past, account = open_past(business, NOW, Silent())
        told = list(lines(precheck.check(business, account, past)))
        counted = next(n for n, line in enumerate(told) if "kinds of event" in line)
        said.append([told[0], *told[counted:]])
    assert said[0] == said[1]
    assert any("ltv: " in line for line in said[0])


def test_one_champion_scores_the_same(shops: tuple[Business, Business], tmp_path: Path) -> None:
    direct, logged = shops
    train(direct, ("churn", "ltv"), NOW, Silent())
    log = replace_state(logged, direct)
    for name, business in (("direct", direct), ("log", log)):
        for moment in (None, made.START + 120 * 86_400_000_000):
            score(business, moment, tmp_path / f"{name}{moment}.parquet", NOW, "en", Silent())
        write_report(business, None, tmp_path / name, "en", NOW, Silent())
    for moment in ("None", str(made.START + 120 * 86_400_000_000)):
        one, other = (pq.read_table(tmp_path / f"{name}{moment}.parquet").sort_by("user_id") for name in ("direct", "log"))
        assert one.equals(other, check_metadata=True)
    lists = [(tmp_path / name / "first_to_contact.csv").read_text("utf-8") for name in ("direct", "log")]
    assert lists[0] == lists[1]
    newest = warm(log, NOW, Silent())
    store = open_store(log.state / "history.sqlite", "UTC")
    assert store.fingerprint is not None
    assert store.fingerprint.startswith(past_of(direct).fingerprint())
    assert len(store.read([newest]).histories) == 1


def replace_state(logged: Business, trained: Business) -> Business:
    """The business with the log, seeing the registry of the other."""
    (logged.state / "log").rename(trained.root / "moved")
    other = read_business(trained.root / "winback.toml")
    (trained.root / "moved").rename(other.state / "log")
    return other
