"""The whole road on real data: CDNOW's full transaction log in, explained scores out, through the command line."""

from __future__ import annotations

import csv
import importlib.util
import itertools
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

LOG = "CDNOW_master.txt"
SECONDS_TO_START = 120
FIRST = 3


def main() -> None:
    """Run every command of the road in the folder given, and say what to do next."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
    start = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    for old in ("winback.toml", ".winback", "report"):
        _remove(folder / old)
    shutil.copy(cdnow(), folder / LOG)
    tell(f"CDNOW sold CDs on the web; this is every order of the customers who came in early 1997 ({LOG}).")
    tell("1. Look at the data and propose what 'active', 'converted' and 'value' mean.")
    winback(folder, "init", LOG)
    tell("2. What can be learned from it, and what was rejected?")
    winback(folder, "check")
    tell("3. Learn. Candidates compete, simplest first; the last half year is kept out of sight for the judgement.")
    winback(folder, "train")
    tell("4. Score everybody.")
    winback(folder, "score", "--out", "scores.parquet")
    tell("5. Write the report for the people who will act.")
    winback(folder, "report", "--out", "report")
    first_look(folder / "report" / "first_to_contact.csv")
    tell("6. Serve, and ask for one customer as a CRM system would.")
    ask_once(folder)
    tell(f"Done in {time.monotonic() - start:.0f} s. Next:")
    print(f"  open  {folder / 'report' / 'report.html'}          the report for operations")
    print(f"  open  {folder / 'report' / 'model_card.html'}      the model card for engineers")
    print(f"  type  cd {folder} && ../.venv/bin/winback serve      the service, with its interface at /docs")
    print(f"  type  .venv/bin/mlflow ui --backend-store-uri sqlite:///{folder}/.winback/mlflow.db")
    print("  type  .venv/bin/winback init YOUR_EVENTS.csv        the same road on your own events")


def cdnow() -> Path:
    """The full CDNOW log inside the installed `lifetimes` wheel, whose code is not imported."""
    found = importlib.util.find_spec("lifetimes")
    if found is None or not found.submodule_search_locations:
        sys.exit("The demo's data come with the package `lifetimes`: pip install 'winback[demo]'")
    return Path(found.submodule_search_locations[0]) / "datasets" / LOG


def tell(text: str) -> None:
    """A heading of the story."""
    print(f"\n=== {text}", flush=True)


def winback(folder: Path, *words: str) -> None:
    """Run one command as a user would type it, and show it; a failure ends the demo with its exit code."""
    print(f"$ winback {shlex.join(words)}", flush=True)
    done = subprocess.run(command(*words), cwd=folder, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def command(*words: str) -> list[str]:
    """The command line of this environment."""
    return [sys.executable, "-m", "winback", *words]


def first_look(listed: Path) -> None:
    """The head of the list that the report wrote: who to look at first, and why."""
    print("Look at first (not yet lapsed, most at stake):")
    with listed.open(encoding="utf-8-sig", newline="") as file:
        for row in itertools.islice(csv.DictReader(file), FIRST):
            risk, spent = float(row["churn_probability"]), float(row["spent_365_days"])
            print(f"  {row['user_id']}: {risk:.0%} likely to leave, {row['stage']}, spent {spent:,.0f} in a year")
            print(f"      why:  {row['reasons']}")
            print(f"      next: {row['next_step']}")


def ask_once(folder: Path) -> None:
    """Start the service on a free port, ask for one customer, print the answer, stop it."""
    port = _free_port()
    user = pq.read_table(folder / "scores.parquet", columns=["user_id"])["user_id"][1].as_py()
    with serving(folder, port) as url:
        body = {"user_ids": [user], "reasons": 3, "lang": "en"}
        print(f"$ curl -s {url}/score -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body))}")
        print(json.dumps(post(f"{url}/score", body), indent=2, ensure_ascii=False))


@contextmanager
def serving(folder: Path, port: int) -> Iterator[str]:
    """A service on loopback, ready to be asked; its own lines go to serve.log in the folder."""
    with (folder / "serve.log").open("w") as log:
        started = subprocess.Popen(
            command("serve", "--port", str(port)), cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield _when_ready(f"http://127.0.0.1:{port}", started, folder / "serve.log")
        finally:
            os.killpg(started.pid, signal.SIGINT)
            try:
                started.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(started.pid, signal.SIGKILL)
                started.wait(10)


def _when_ready(url: str, started: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end and started.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):
                return url
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    sys.exit(f"The service did not become ready; its last lines:\n{log.read_text()[-2000:]}")


def post(url: str, body: dict[str, Any]) -> Any:
    """POST JSON, and give back the JSON of the answer."""
    asked = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
