"""The BentoML service: one worker's models, store and interface, and how all of it starts.

BentoML starts and restarts the workers, and packs them. Every path is answered by `serving.interface.http`, an ASGI
middleware before BentoML's router, and not by API methods: these write rejected input into the log (somebody's data),
read Arrow and forms besides JSON, and answer errors in a form of their own.
"""

from __future__ import annotations

import gc
import json
import os
import shlex
import shutil
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import bentoml

from features.business import STATE, Business, read_business
from features.problems import InputProblem
from features.progress import progress_on
from serving.champions.follow import Follower
from serving.champions.handover import FILE, handover_file, loaded, read_handover
from serving.champions.watch import hand_over
from serving.interface.gate import Gate
from serving.interface.http import application
from serving.interface.keys import demand, key_file
from serving.interface.wire import keep_no_timers, speak_our_form
from serving.live import Live, open_live, warm
from training.keeping.registry import exists

CONFIG, KEYS = "WINBACK_CONFIG", "WINBACK_KEYS"
BAKED = Path(__file__).resolve().parents[1]  # where `winback bento` puts winback.toml and the models
BROUGHT = "models"
SECONDS_TO_START = 180

routes = application()


class Winback:
    """Scores of now, with reasons, and events taken in."""

    def __init__(self) -> None:
        config = _config()
        business = read_business(config)
        file = _models(business)
        handed = read_handover(file) or hand_over(business)
        live = open_live(config, loaded(handed, file, business))
        live.warm_up()
        speak_our_form()
        keep_no_timers()
        routes.state.lock(_key_file(business), os.environ.get(KEYS))
        self._take(live)
        self._follower = Follower(config, file, live, self._take, routes.state.metrics.refused_model)
        routes.state.watch_report = self._follower.report
        self._follower.start()
        gc.collect()
        gc.freeze()  # what lives as long as the worker is not looked through again while somebody waits

    def _take(self, live: Live) -> None:
        routes.state.live = live

    @bentoml.on_deployment
    def settle() -> None:  # type: ignore[misc]  # BentoML makes it a static method
        """Before the workers start, in the folder where the service was started: where a bento's state lies."""
        if _config() == BAKED / "winback.toml":
            os.environ.setdefault(STATE, str(Path.cwd() / ".winback"))

    @bentoml.on_shutdown
    def close(self) -> None:
        """What was acknowledged is on disk already; the watch ends, and the store's connections close."""
        self._follower.stop()
        routes.state.live.store.close()


service = bentoml.service(
    name="winback", logging={"access": {"enabled": False}}, metrics={"enabled": False}
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
    handed = hand_over(business)
    open_live(config, loaded(handed, handover_file(business), business)).store.close()
    address = _free(host, port)
    newest = warm(business, time.time_ns() // 1000, progress_on(sys.stdout))
    user = "AN ID AS YOU WRITE IT" if business.events.hash_users else newest
    for said in (handed.away and f"The models of before serve on: {handed.away}.", *handed.refused.values()):
        if said:
            print(said, flush=True)
    os.environ |= {
        CONFIG: str(config.resolve()),
        KEYS: keys,
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_QUIET": "True",
        "BENTOML_HOME": os.environ.get("BENTOML_HOME", str(business.state.resolve() / "bentoml")),
    }
    service.config["workers"] = workers
    print(f"starting the service with {workers} worker{'s' if workers > 1 else ''} ...", flush=True)
    threading.Thread(target=_announce, args=(f"http://{host}:{port}", user), daemon=True).start()
    service.serve_http(host=address, port=port)


def _config() -> Path:
    """The winback.toml that the environment names, or of this folder, or that the bento brings along."""
    here = Path(os.environ.get(CONFIG, "winback.toml"))
    return here.resolve() if CONFIG in os.environ or here.exists() else BAKED / "winback.toml"


def _models(business: Business) -> Path:
    """The handover file to follow.

    A bento brings models along; they serve where there is no registry, and until the registry has been asked.
    """
    file, brought = handover_file(business), BAKED / BROUGHT / FILE
    if not exists(business) and brought.exists():
        return brought
    if not file.exists() and brought.exists():
        shutil.copytree(brought.parent, file.parent, dirs_exist_ok=True)
    return file


def _key_file(business: Business) -> Path:
    """The keys of the business, or those that a bento brings along while its own state has none."""
    own, brought = key_file(business), BAKED / BROUGHT / key_file(business).name
    return brought if brought.exists() and not own.exists() else own


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
