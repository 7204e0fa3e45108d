"""The BentoML service: POST /score and POST /events beside BentoML's own /livez, /readyz and /metrics.

Both routes are an ASGI application mounted in the service and not API methods. Measured with bentoml 1.4.39: a mounted
route costs 0.55 ms CPU where an API method costs 0.9; an API method writes rejected input into the log (somebody's
data), reads Arrow and forms besides JSON, and answers errors in a form of its own.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import bentoml

from features.business import read_business
from features.definitions import TaskName
from features.problems import InputProblem
from features.progress import progress_on
from serving.gate import Gate
from serving.http import application
from serving.keys import demand, key_file
from serving.live import open_live, warm
from serving.wire import speak_our_form
from training.bundle import load_bundle
from training.keeping.registry import Champion, champions

CONFIG, CHAMPIONS, KEYS = "WINBACK_CONFIG", "WINBACK_CHAMPIONS", "WINBACK_KEYS"
SECONDS_TO_START = 180
LONGEST_ANSWER_SECONDS = 3600  # BentoML's own limit, 60, would answer 10,000 users with reasons by an error

routes = application()


class Winback:
    """Scores of now, with reasons, and events taken in."""

    def __init__(self) -> None:
        live = open_live(Path(os.environ[CONFIG]), _handed_over(os.environ.get(CHAMPIONS)))
        live.warm_up()
        speak_our_form()
        routes.state.lock(key_file(live.business), os.environ.get(KEYS))
        routes.state.live = live


service = bentoml.service(
    name="winback", traffic={"timeout": LONGEST_ANSWER_SECONDS}, logging={"access": {"enabled": False}},
    metrics={"enabled": False},
)(Winback)  # fmt: skip
service.add_asgi_middleware(Gate, interface=routes)


def run(
    config: Path, port: int = 3000, host: str = "127.0.0.1", workers: int = 1, without_keys: bool = False
) -> None:
    """Serve until Ctrl-C.

    Raises InputProblem before anything listens: no configuration, no champion, one of another definition, a port
    in use.
    """
    business = read_business(config)
    keys = demand(business, host, without_keys)
    held = champions(business)
    open_live(config, held).store.close()
    address = _free(host, port)
    user = warm(business, time.time_ns() // 1000, progress_on(sys.stdout))
    os.environ |= {
        CONFIG: str(config.resolve()),
        CHAMPIONS: _handing_over(held),
        KEYS: keys,
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_QUIET": "True",
        "BENTOML_HOME": os.environ.get("BENTOML_HOME", str(business.state.resolve() / "bentoml")),
    }
    service.config["workers"] = workers
    print(f"starting the service with {workers} worker{'s' if workers > 1 else ''} ...", flush=True)
    threading.Thread(target=_announce, args=(f"http://{host}:{port}", user), daemon=True).start()
    service.serve_http(host=address, port=port)


def _handing_over(held: Mapping[TaskName, Champion]) -> str:
    """Where the champions lie: all workers have the same, start without MLflow, and live on without the registry."""
    return json.dumps(
        [[champion.task, champion.name, champion.version, str(champion.folder)] for champion in held.values()]
    )


def _handed_over(text: str | None) -> dict[TaskName, Champion] | None:
    if text is None:
        return None
    return {
        task: Champion(task, name, version, Path(folder), load_bundle(Path(folder)))
        for task, name, version, folder in json.loads(text)
    }  # fmt: skip


def _free(host: str, port: int) -> str:
    """The address of the host, which BentoML wants as a number; InputProblem when nobody can listen there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
            return str(trial.getsockname()[0])
        except (OSError, OverflowError) as error:
            raise InputProblem(
                f"Cannot listen on {host}:{port} ({error}). Choose another with --port.", "port_in_use"
            ) from None


def _announce(url: str, user: str) -> None:
    """Say so once the service is ready, and what to ask it."""
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):
                break
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    else:
        print(f"The service is not ready after {SECONDS_TO_START} s; its own lines above say why.", flush=True)
        return
    body = shlex.quote(json.dumps({"user_ids": [user]}, ensure_ascii=False))
    print(f"ready: {url} (its interface: {url}/docs; Ctrl-C stops it). Ask it for one customer:", flush=True)
    print(f"  curl -s {url}/score -H 'Content-Type: application/json' -d {body}", flush=True)
