"""The files for those who have a container engine or Grafana name only what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from serving.interface.laps import Laps
from serving.interface.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def test_the_dashboard_shows_figures_that_the_service_has() -> None:
    board = json.loads((DEPLOY / "grafana" / "winback.json").read_text("utf-8"))
    asked = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    metrics = Metrics()
    metrics.answered("/score", 503, "store_unavailable", 0.1, Laps())
    metrics.taken({"accepted": 1, "duplicates": 1, "rejected": [1]})
    metrics.serving({"churn": "winback-churn/1"})
    metrics.scored({"scores": [{"models": {"churn": "1"}, "churn": {"percentile": 3.0}}], "missing": ["u"]})
    metrics.refused_model("churn")
    laps = Laps()
    laps.lap("read")
    metrics.answered("/score", 200, None, 0.1, laps)
    known = set(re.findall(r"^(winback_\w+)", metrics.text().decode(), re.MULTILINE))
    wanted = set(re.findall(r"winback_\w+", asked))
    assert wanted
    assert wanted <= known


def test_the_containers_are_made_of_files_that_exist() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    named = [name for line in copied for name in line.split()]
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]
    mounted = [volume.split(":")[0] for one in services.values() for volume in one["volumes"] if volume.startswith("./")]
    missing = [name for name in mounted if not (DEPLOY / name).exists()]
    assert missing == ["./prometheus.key"]  # a secret of the reader's own
    assert (DEPLOY / services["service"]["build"]["context"] / services["service"]["build"]["dockerfile"]).exists()
