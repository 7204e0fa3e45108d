"""Run as a program: score everybody again and again, killed (SIGKILL) at one file operation after the other.

Prints one line a try: the operation's number, how the process ended, whether the file stood there after the kill, how
many crowds the next run scored, and how it ended.  Both runs are children of one process, which forks before any library
starts threads.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from features.business import Business, read_business
from features.progress import Silent
from serving import batch
from tests import made
from tests.flow.killing import in_a_child, killed_at
from tests.histories_made import DAY
from training.keeping.registry import Champion

NOW = made.START + 400 * DAY
CROWD = 60


def work(config: Path, out: Path, said: Path, number: int | None = None) -> None:
    """Score everybody; number: the operation at which it is killed."""
    scored = 0

    class Counting(batch.Asked):
        def scored(self, table, people):  # type: ignore[no-untyped-def]
            nonlocal scored
            scored += 1
            return super().scored(table, people)

    batch.Asked = Counting  # type: ignore[misc]
    if number is not None:
        killed_at(number, str(out.parent))
    batch.score(read_business(config), None, out, NOW, "en", Silent())
    said.write_text(str(scored))


def champions(_: Business) -> dict[str, Champion]:
    """Real bundles without a registry around them."""
    return {
        task: Champion(task, f"winback-{task}", "1", Path("/nowhere"), made.bundle(task, "rfm")) for task in made.TASKS
    }  # fmt: skip


def main(config: Path, folder: Path, most: int) -> None:
    batch.champions, batch.MOST_USERS = champions, CROWD  # type: ignore[assignment]
    for bundle in (made.bundle(task, "rfm") for task in made.TASKS):
        bundle.model.contributions(np.zeros((1, len(bundle.inputs.names)), np.float32))
    in_a_child(work, config, folder / "whole" / "s.parquet", folder / "said.txt")
    out, said = folder / "killed" / "s.parquet", folder / "said.txt"
    for number in range(most):
        ended = in_a_child(work, config, out, said, number)
        there = out.exists()
        again = in_a_child(work, config, out, said)
        print(number, ended, there, said.read_text(), again, flush=True)
        out.rename(folder / f"{number}.parquet")
        if ended == 0:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
