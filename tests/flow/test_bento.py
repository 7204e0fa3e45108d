"""The bento of a business starts from an empty folder, without registry, network or anything beside it, and answers."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from serving.bento import NAME, PACKAGES
from tests.flow.conftest import Run
from tests.serving.conftest import Shop, shop
from tests.serving.started import Started, copy_of

__all__ = ["shop"]


def test_a_bento_starts_from_an_empty_folder_and_answers(shop: Shop, tmp_path: Path, run: Run, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    home = tmp_path / "bentos"
    monkeypatch.setenv("BENTOML_DO_NOT_TRACK", "True")
    config = copy_of(shop, tmp_path / "own")
    key = run("keys", "add", "crm", "--scope", "score", "--scope", "events", "--config", str(config)).out
    token = re.search(r"wb_\S+", key)
    assert token
    words = [sys.executable, "-m", "winback", "bento", "--config", str(config)]
    said = subprocess.run(words, env=os.environ | {"BENTOML_HOME": str(home)}, capture_output=True, text=True, check=True)
    tag = re.search(NAME + r":\w+", said.stdout)
    assert tag, said
    (tmp_path / "own").rename(tmp_path / "gone")  # registry, log and store
    empty = tmp_path / "empty"
    empty.mkdir()
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(empty), "BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True",
    }  # fmt: skip
    words = [sys.executable, "-m", "bentoml", "serve", tag[0], "--port", str(port), "--host", "127.0.0.1"]
    log = tmp_path / "bento.log"
    with log.open("wb") as out, subprocess.Popen(words, cwd=empty, env=environment, stdout=out, stderr=out) as process:
        try:
            service = Started(f"http://127.0.0.1:{port}", config, log, process)
            service.wait()
            with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {token[0]}"}, timeout=30) as http:
                event = {"event_id": "1", "user_id": "x", "time": "2025-12-01", "kind": "order", "value": 3}
                assert http.post("/events", json={"events": [event]}).json()["accepted"] == 1
                score = http.post("/score", json={"user_ids": ["x"]}).json()["scores"][0]
                assert 0 < score["churn"]["probability"] < 1
                assert score["models"]["churn"] == "winback-churn/1"
            assert httpx.post(f"{service.url}/score", json={"user_ids": ["x"]}).status_code == 401
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
    assert (empty / ".winback" / "history.sqlite").exists()  # what it writes is beside the folder it was started in
    bento = home / "bentos" / tag[0].replace(":", "/")
    assert not list(bento.rglob(".winback"))
    assert {path.name for path in (bento / "src").iterdir()} == {*PACKAGES, "models", "winback.toml", "bentofile.yaml"}
    locked = (bento / "env" / "python" / "requirements.txt").read_text("utf-8")
    assert "://" not in locked  # no index is written down
