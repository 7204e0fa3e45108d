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
from features.definitions import definitions
from features.past import catalog_of, open_past
from features.progress import Silent
from serving import batch
from tests import made
from tests.flow.killing import in_a_child, killed_at
from tests.histories_made import DAY
from training.bundle import Bundle, Origin
from training.calibration import IDENTITY
from training.inputs import Inputs
from training.keeping.registry import Champion
from training.level import AS_IT_IS
from training.models.bg_nbd import BGNBD
from training.models.linear import Linear
from training.models.pareto_nbd import ParetoNBD

NOW = made.START + 400 * DAY
CROWD = 110


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


def champions(business: Business) -> dict[str, Champion]:
    """Models written down rather than fitted, without a registry around them: what they say is another test's."""
    past, _ = open_past(business, NOW, Silent())
    inputs = Inputs(catalog_of(business, past), 45, BGNBD(0.8, 9.0, 0.3, 2.5), ParetoNBD(0.8, 9.0, 0.6, 90.0), None)
    columns = tuple(inputs.position[name] for name in ("order_recency", "order_count_90d", "visit_count_30d"))
    model = Linear(columns, ("log1p",) * 3, (3.0, 1.0, 0.5), (1.0,) * 3, (0.8, -0.6, -0.2), -0.5)
    origin = Origin("0" * 16, 1, 1, 0, (0,), 1)
    bundles = {
        task: Bundle(
            definition, inputs, "rfm", model, AS_IT_IS if task == "ltv" else IDENTITY, "B", ("made for a test",),
            tuple(np.linspace(0, 1, 101).tolist()), origin, made.interval() if task == "ltv" else None,
        )
        for task, definition in definitions(business).items()
    }  # fmt: skip
    return {task: Champion(task, f"winback-{task}", "1", Path("/nowhere"), one) for task, one in bundles.items()}


def main(config: Path, folder: Path, most: int) -> None:
    batch.champions, batch.MOST_USERS = champions, CROWD  # type: ignore[assignment]
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
