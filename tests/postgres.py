"""A real PostgreSQL for tests: a cluster in a temporary folder, on a free port of the loopback, thrown away after."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

OWNER, PASSWORD = "winback_owner", "s3cret/p@ss"
_UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class Server:
    """host, port: where it listens; every login needs the password.  OWNER owns the database `events`.

    stop, start: as a crash would, and again on the same port.  data: the cluster's folder.
    """

    host: str
    port: int
    stop: Callable[[], None]
    start: Callable[[], None]
    data: Path
    database: str = "events"

    @property
    def url(self) -> str:
        """Without a password."""
        return f"postgresql://{OWNER}@{self.host}:{self.port}/{self.database}"

    def signal(self, what: signal.Signals) -> None:
        """To all of its processes, as SIGSTOP for a server that hangs and SIGCONT for one that goes on."""
        first = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                name, _, rest = stat.read_text().rpartition(") ")
                if first in (int(name.split()[0]), int(rest.split()[1])):
                    os.kill(int(name.split()[0]), what)

    @property
    def url_with_password(self) -> str:
        return self.url.replace("@", f":{quote(PASSWORD, safe='')}@", 1)


def binaries() -> Path | None:
    """The folder of initdb and postgres: from the path, or where Debian puts them, the newest first."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return debian[-1].parent if debian else None


@contextmanager
def running() -> Iterator[Server]:
    """A server for the time of the block; the test is skipped where no PostgreSQL is installed."""
    where = binaries()
    if where is None:
        assert not os.environ.get("CI"), "CI skips nothing: .ci/run has to install PostgreSQL"
        pytest.skip("no PostgreSQL (initdb) is installed")
    with tempfile.TemporaryDirectory(prefix="winback-pg-") as name, _free_port() as port:
        folder, account = Path(name), _account()
        if account:
            shutil.chown(folder, account)
        _made(where, folder, account)
        log = folder / "log"
        options = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories={folder} -c fsync=off"
        control = [str(where / "pg_ctl"), "-D", str(folder / "data"), "-w", "-t", "60"]
        start = partial(_run, [*control, "-l", str(log), "-o", options, "start"], account, log)
        stop = partial(_run, [*control, "-m", "immediate", "stop"], account, log)
        start()
        try:
            server = Server("127.0.0.1", port, stop, start, folder / "data")
            _run(
                [str(where / "createdb"), "-h", server.host, "-p", str(port), "-U", OWNER, server.database],
                account,
                log,
            )
            yield server
        finally:
            stop()


def _made(where: Path, folder: Path, account: str) -> None:
    secret = folder / "password"
    secret.write_text(PASSWORD)
    if account:
        shutil.chown(secret, account)
    command = [str(where / "initdb"), "-D", str(folder / "data"), "-U", OWNER, "--pwfile", str(secret)]
    _run([*command, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"], account, folder / "log")


def _account() -> str:
    """Whom to run as: PostgreSQL refuses root; "" for oneself."""
    if os.geteuid() != 0:
        return ""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _UNPRIVILEGED if name in known)


def _run(command: list[str], account: str, log: Path) -> None:
    """Run as an account, with output into a file: a server that keeps a pipe open would never let us go on."""
    who: dict[str, Any] = {"user": account, "group": pwd.getpwnam(account).pw_gid, "extra_groups": []} if account else {}
    environment = {**os.environ, "PGPASSWORD": PASSWORD, "LC_ALL": "C"}
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            command, stdout=said, stderr=said, stdin=subprocess.DEVNULL, env=environment, cwd="/", check=False, **who
        )
        if done.returncode:
            said.seek(0)
            tail = log.read_text("utf-8", "replace")[-2_000:] if log.exists() else ""
            raise RuntimeError(f"{command[0]} failed: {said.read().decode('utf-8', 'replace')[-2_000:]}{tail}")


@contextmanager
def _free_port() -> Iterator[int]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    yield port
