"""Hashed user ids: the same person under the same key, a stranger under another, and the clear id nowhere."""

from __future__ import annotations

import hmac
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.build import build_at
from features.business import Business, read_business
from features.clock import parse_instant
from features.log.compaction import compact
from features.log.ingest import ingest
from features.past import catalog_of, open_past
from features.problems import InputProblem
from features.progress import Silent
from features.pseudonyms import CHECK, CLEAR, KEY, Pseudonyms, pseudonyms_of

NOW = parse_instant("2026-01-01")
SECRET = "a secret of 16 letters or more"
CONFIG = """
[events]
source = "events.csv"
user = "who"
time = "at"
kind = "what"
value = "worth"
event_id = "id"
hash_users = true

[churn]
activity = ["order"]
horizon_days = 30
"""
ROWS = """who,at,what,worth,id
anna@x.org,2025-01-01,order,5,1
bert@x.org,2025-01-03,order,7,2
 anna@x.org ,2025-02-01,order,9,3
carl@x.org,not a time,order,1,4
dora@x.org,,order,1,5
emil@x.org,2025-02-01,order,"1,6
"""


def shop(folder: Path, config: str = CONFIG) -> Business:
    (folder / "events.csv").write_text(ROWS, "utf-8")
    (folder / "winback.toml").write_text(config, "utf-8")
    return read_business(folder / "winback.toml")


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, SECRET)


def files_under(folder: Path) -> str:
    """Everything that is kept, unpacked."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    tables = [pq.read_table(path).to_pylist() if path.suffix == ".parquet" else path.read_text() for path in files]
    return str(tables)


def test_a_pseudonym_is_a_keyed_hash() -> None:
    # Recomputed from the keyed mode's definition: BLAKE2b over the block of the key, then the message.
    from hashlib import blake2b

    names = Pseudonyms(b"k" * 32)
    assert names.of("anna") == blake2b(b"anna", key=b"k" * 32, digest_size=16, person=b"winback user").hexdigest()
    assert len(names.of("用户")) == 32
    assert not hmac.compare_digest(names.of("anna"), Pseudonyms(b"l" * 32).of("anna"))
    assert CLEAR.of("anna") == "anna"
    assert names.each(["a", "b", "a"]) == {names.of("a"): "a", names.of("b"): "b"}
    assert SECRET not in repr(names)
    assert "kkkk" not in repr(names)


def test_a_column_is_renamed_by_its_dictionary() -> None:
    names = Pseudonyms(b"k" * 32)
    users = pa.chunked_array([pa.array(["b", "a", None, "b"]).dictionary_encode()])
    assert names.column(users).to_pylist() == [names.of("b"), names.of("a"), None, names.of("b")]
    assert CLEAR.column(users) is users


@pytest.mark.usefixtures("key")
def test_same_features_under_other_names_and_no_clear_id_is_kept(tmp_path: Path) -> None:
    # Seen to fail when the rows of rejected events kept their text: `carl` and `dora` stood in it.
    hidden, clear = tmp_path / "hidden", tmp_path / "clear"
    hidden.mkdir(), clear.mkdir()
    business, plain = shop(hidden), shop(clear, CONFIG.replace("true", "false"))
    past, account = open_past(business, NOW, Silent())
    known, _ = open_past(plain, NOW, Silent())
    as_of = known.span.last
    names = pseudonyms_of(business)
    mine, theirs = next(past.buckets()), next(known.buckets())
    assert set(mine.users) == {names.of(user) for user in theirs.users}
    own, other = (build_at(some, catalog_of(plain, known), as_of).values for some in (mine, theirs))
    order = [list(mine.users).index(names.of(user)) for user in theirs.users]
    np.testing.assert_array_equal(own[order], other)
    ingest(business, NOW, Silent())
    compact(business, Silent())
    account.rejected.write(business.state / "rejected.csv")
    kept = files_under(business.state)
    assert "x.org" not in kept
    assert names.of("anna@x.org") in kept
    assert SECRET not in kept
    assert len(open_past(business, NOW, Silent())[1].rejected) == 3


@pytest.mark.parametrize("said", ["", "too short"])
def test_no_key_or_a_short_one_is_refused(tmp_path: Path, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, said)
    with pytest.raises(InputProblem, match=f"secret in the environment variable {KEY}") as caught:
        open_past(shop(tmp_path), NOW, Silent())
    assert caught.value.code == "missing_id_key"


@pytest.mark.usefixtures("key")
def test_another_key_is_refused_and_the_first_one_still_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Seen to fail with a check value that was written anew by every command.
    business = shop(tmp_path)
    first = pseudonyms_of(business).of("anna")
    monkeypatch.setenv(KEY, SECRET + "!")
    with pytest.raises(InputProblem, match="every customer would be a stranger") as caught:
        pseudonyms_of(business)
    assert caught.value.code == "other_id_key"
    monkeypatch.setenv(KEY, SECRET)
    assert pseudonyms_of(business).of("anna") == first
    assert [path.name for path in business.state.iterdir()] == [CHECK]
    (business.state / CHECK).write_text("{", "utf-8")
    with pytest.raises(InputProblem, match="cannot be read"):
        pseudonyms_of(business)


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(("first", "then"), [("true", "false"), ("false", "true")])
def test_a_log_of_clear_ids_is_not_mixed_with_one_of_hashes(tmp_path: Path, first: str, then: str) -> None:
    # Seen to fail when `hash_users` was no part of the log's meaning.
    ingest(shop(tmp_path, CONFIG.replace("true", first)), NOW, Silent())
    with pytest.raises(InputProblem, match="hash_users") as caught:
        open_past(shop(tmp_path, CONFIG.replace("true", then)), NOW, Silent())
    assert caught.value.code == "other_meaning"
    (tmp_path / "more.csv").write_text(ROWS.replace("anna", "zoe"), "utf-8")
    with pytest.raises(InputProblem, match="hash_users") as caught:
        ingest(read_business(tmp_path / "winback.toml").reading("more.csv", tmp_path), NOW, Silent())
    assert caught.value.code == "other_meaning"
