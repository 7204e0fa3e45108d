"""Who is timed, and by which command: our front door in its two ways of reading, and the peers."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.features.environments import HERE, OURS, python_of
from tests.bench.features.made_events import AS_OF, CUT_OFFS, business_of
from tests.bench.features.subset import Subset
from tests.bench.features.timing import CommandFailed, Contestant

RAW, INGEST, LOG = "winback features, raw Parquet", "winback ingest", "winback features, event log"
SCAN = "DuckDB group-by of five columns"
PANDAS, POLARS, SQL = "pandas", "Polars", "DuckDB SQL, one pass"
FEATURETOOLS = "featuretools"
PEERS = {SCAN: "peer_duckdb_scan.py", PANDAS: "peer_pandas.py", POLARS: "peer_polars.py", SQL: "peer_duckdb_sql.py"}
ONE_RAW, SIX_RAW = "one cut-off, raw Parquet", "six cut-offs, raw Parquet"
ONE_LOG, SIX_LOG = "one cut-off, event log", "six cut-offs, event log"


@dataclass(frozen=True)
class Place:
    """Where the data of one size are: the events, and a winback.toml for reading them raw and for their log."""

    events: Path
    raw: Path
    log: Path
    out: Path

    @classmethod
    def of(cls, events: Path, work: Path) -> Place:
        folder = work / events.stem
        out = folder / "out"
        out.mkdir(parents=True, exist_ok=True)
        return cls(events, business_of(events, folder / "raw"), business_of(events, folder / "log"), out)

    def forget_log(self) -> None:
        """Remove the event log, so that an ingest starts from nothing."""
        shutil.rmtree(self.log.parent / ".winback", ignore_errors=True)

    def require_log(self) -> None:
        """Refuse to time the reading of a log that is not there: without one the source would be read instead."""
        if not (self.log.parent / ".winback" / "log").exists():
            raise CommandFailed(f"there is no event log beside {self.log}")


def features_raw(place: Place) -> Contestant:
    return Contestant(RAW, _features(place.raw, place.out / "raw.parquet"), place.out / "raw.parquet")


def features_log(place: Place) -> Contestant:
    out = place.out / "log.parquet"
    return Contestant(LOG, _features(place.log, out), out, before=place.require_log)


def ingest(place: Place) -> Contestant:
    command = [OURS / "winback", "ingest", "--config", place.log]
    return Contestant(INGEST, [str(part) for part in command], before=place.forget_log)


def cut_offs(place: Place) -> list[Contestant]:
    """Several moments into NumPy, with the process that reads the events."""
    module = [sys.executable, "-m", "tests.bench.features.six_cut_offs"]
    return [
        Contestant(name, [*module, str(config), *moments], before=before)
        for name, config, moments, before in (
            (ONE_RAW, place.raw, CUT_OFFS[-1:], None), (SIX_RAW, place.raw, CUT_OFFS, None),
            (ONE_LOG, place.log, CUT_OFFS[-1:], place.require_log), (SIX_LOG, place.log, CUT_OFFS, place.require_log),
        )
    ]  # fmt: skip


def peers(place: Place, subset: Subset, missing: dict[str, str]) -> list[Contestant]:
    """Each a script in an environment of its own; why one cannot take part is noted in `missing`."""
    python, why = python_of("peers")
    if python is None:
        missing.update(dict.fromkeys(PEERS, why))
        return []
    return [
        Contestant(name, _script(python, script, place, subset, out := place.out / f"{Path(script).stem}.parquet"), out)
        for name, script in PEERS.items()
    ]


def featuretools(place: Place, subset: Subset, users: int, missing: dict[str, str]) -> Mapping[int, Contestant]:
    """featuretools on a twentieth and on a quarter of the users, by the number of users."""
    python, why = python_of("featuretools")
    if python is None:
        missing[FEATURETOOLS] = why
        return {}
    found = {}
    for step in (20, 4):
        chosen = [f"u{number:07d}" for number in range(0, users, step)]
        listed, out = place.out / f"users-{step}.json", place.out / f"peer_featuretools_{step}.parquet"
        listed.write_text(json.dumps(chosen))
        command = [*_script(python, "peer_featuretools.py", place, subset, out), str(listed)]
        found[len(chosen)] = Contestant(f"{FEATURETOOLS}, {len(chosen):,} users", command, out)
    return found


def _features(config: Path, out: Path) -> list[str]:
    command = [OURS / "winback", "features", "--as-of", AS_OF, "--out", out, "--config", config]
    return [str(part) for part in command]


def _script(python: Path, script: str, place: Place, subset: Subset, out: Path) -> list[str]:
    return [str(part) for part in (python, "-P", HERE / script, place.events, subset.path, out)]
