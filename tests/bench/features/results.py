"""Everything that one run of the bench found, and its JSON."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench.features.agreement import Agreement
from tests.bench.features.limits import Limit
from tests.bench.features.small_costs import FirstCall
from tests.bench.features.timing import Timing


@dataclass
class Results:
    """timings: by contestant.  grown: ours on ten times the events.  extrapolated: CPU seconds of featuretools on all
    users, and how that was found.  one_user: see `one_user`.  missing: why a contestant is not there.
    """

    events: int
    users: int
    rounds: int
    features: int
    subset: int
    timings: dict[str, Timing] = field(default_factory=dict)
    grown_events: int = 0
    grown: dict[str, Timing] = field(default_factory=dict)
    extrapolated: tuple[float, str] | None = None
    one_user: dict[str, Any] | None = None
    help_s: float | None = None
    first_call: FirstCall | None = None
    agreements: list[Agreement] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)

    def cpu(self, name: str) -> float | None:
        """Median CPU seconds of a contestant; None when it was not timed."""
        return self.timings[name].cpu_s if name in self.timings else None

    def grown_cpu(self, name: str) -> float | None:
        return self.grown[name].cpu_s if name in self.grown else None

    @property
    def faults(self) -> list[str]:
        """Why the bench must fail: somebody crashed, or somebody's values are not ours; empty when all is well."""
        return [*self.failures, *(f"{a.peer} disagrees with us: {fault}" for a in self.agreements for fault in a.faults)]

    @property
    def missed(self) -> list[str]:
        """The limits that this run did not keep; a finding, and no fault of the run."""
        return [f"{one.says}: {one.found}, wanted {one.wanted}" for one in self.limits if one.holds is False]

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self._json(), indent=1))

    def _json(self) -> dict[str, Any]:
        return {
            "machine": {"cores": os.cpu_count(), "processor": platform.processor() or platform.machine(),
                        "python": platform.python_version(), "load_before_end": os.getloadavg()},
            "versions": {name: version(name) for name in ("numpy", "numba", "pyarrow", "duckdb")},
            "events": self.events, "users": self.users, "rounds": self.rounds,
            "features": self.features, "subset": self.subset,
            "timings": {name: timing.summary() for name, timing in self.timings.items()},
            "grown_events": self.grown_events,
            "grown": {name: timing.summary() for name, timing in self.grown.items()},
            "featuretools_extrapolated": self.extrapolated,
            "one_user": self.one_user, "help_s": self.help_s,
            "first_call": asdict(self.first_call) if self.first_call else None,
            "agreements": [asdict(one) for one in self.agreements],
            "limits": [{**asdict(limit), "verdict": limit.verdict} for limit in self.limits],
            "missing": self.missing, "missed": self.missed, "faults": self.faults,
        }  # fmt: skip
