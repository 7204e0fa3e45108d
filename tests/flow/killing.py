"""Run as a program: ingest or compact again and again, killed (SIGKILL) at one file operation after the other.

Prints one line a try: the operation's number, how the process ended, and the fingerprint of the log afterwards. It
forks before any library starts threads.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.business import read_business
from features.digests import event_digests, text_digests, total_digest
from features.log.compaction import compact
from features.log.ingest import ingest
from features.log.reading import open_log
from features.progress import Silent
from tests.histories_made import Event, past

_WATCHED = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "os.chmod"}


def work(what: str, config: Path, source: str, now: int) -> None:
    business = read_business(config)
    if what == "ingest":
        ingest(business.reading(source, Path.cwd()), now, Silent())
    else:
        compact(business, Silent())


def killed_at(number: int, folder: str) -> None:
    """Kill this process at its `number`-th operation on a file in `folder`."""
    count = 0

    def watch(event: str, args: tuple[object, ...]) -> None:
        nonlocal count
        if event in _WATCHED and args and isinstance(args[0], str | bytes | os.PathLike) and folder in os.fsdecode(args[0]):
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1

    sys.addaudithook(watch)


def fingerprint(config: Path) -> str:
    log = open_log(read_business(config))
    return "-" if log is None else f"{log.fingerprint()}/{sum(part.event_count for part in log.buckets())}"


def in_a_child(task, *args) -> int:  # type: ignore[no-untyped-def]
    child = os.fork()
    if child == 0:
        try:
            task(*args)
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def try_once(number: int, what: str, config: Path, source: str, now: int) -> None:
    killed_at(number, str(config.parent / ".winback" / "log"))
    work(what, config, source, now)


def tell_and_repeat(path: Path, what: str, config: Path, source: str, now: int) -> None:
    before = fingerprint(config)
    work(what, config, source, now)
    path.write_text(f"{before} {fingerprint(config)}")


def load_compiled_code() -> None:
    """Once, or every child would load it again."""
    texts = text_digests(pa.array(["a"]))
    one, number = np.zeros(1, dtype=np.int64), np.zeros(1)
    total_digest(event_digests(texts, one, texts, number, one), one)
    past([Event("u", 0), Event("u", 0)])


def main(what: str, config: Path, source: str, now: int, most: int) -> None:
    state, saved, said = config.parent / ".winback", config.parent / "saved", config.parent / "said.txt"
    shutil.copytree(state, saved)
    load_compiled_code()
    for number in range(most):
        ended = in_a_child(try_once, number, what, config, source, now)
        again = in_a_child(tell_and_repeat, said, what, config, source, now)
        after_kill, then = said.read_text().split()
        print(number, ended, after_kill, again, then, len(list((state / "log" / "segments").iterdir())), flush=True)
        if ended == 0:
            return
        shutil.rmtree(state)
        shutil.copytree(saved, state)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
