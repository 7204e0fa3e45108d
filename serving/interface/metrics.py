"""What the service says of itself to Prometheus; several workers add up to one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client import generate_latest as rendered
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from serving.interface.laps import Laps

MEDIA = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_TENTHS = tuple(float(edge) for edge in range(10, 100, 10))
_TOGETHER = "PROMETHEUS_MULTIPROC_DIR"  # the folder in which BentoML lets its workers' figures meet
_UNITS: Final[Mapping[str, int]] = {"_bucket": 0, "_count": 1, "_sum": 2}


class Metrics:
    """The figures.  No label is a user, an event, an amount or anything else that callers choose freely.

    prometheus_client looks labels up under a lock; the ones used again and again are kept at hand.
    """

    def __init__(self) -> None:
        one = self._registry = CollectorRegistry()
        self._duration = Histogram(
            "winback_request_seconds", "Time to an answer", ["route"], buckets=_SECONDS, registry=one
        )
        self._stage = Histogram(
            "winback_stage_seconds",
            "Time in one stage of an answer: wait (for a thread), parse, read (the store), features, predict (with "
            "contributions), reasons (in words), write (the store), encode",
            ["route", "stage"], buckets=_SECONDS, registry=one,
        )  # fmt: skip
        self._requests = Counter("winback_requests", "Answers by route and status", ["route", "status"], registry=one)
        self._refused = Counter("winback_rejected", "Answers that are errors, by code", ["code"], registry=one)
        self._events = Counter("winback_events", "Posted events by what became of them", ["verdict"], registry=one)
        self._percentile = Histogram(
            "winback_score_percentile",
            "Scores by their percentile among customers when the model was made; flat while customers are as then",
            ["task"], buckets=_TENTHS, registry=one,
        )  # fmt: skip
        self._missing = Counter("winback_users_missing", "Users asked for and not known", registry=one)
        self._running = Gauge(
            "winback_in_flight", "Requests being answered", registry=one, multiprocess_mode="livesum"
        )
        self._lag = Gauge(
            "winback_freshness_lag_seconds", "How long ago the newest known event happened", registry=one,
            multiprocess_mode="mostrecent",
        )  # fmt: skip
        self._model = Gauge(
            "winback_model_info", "How many workers answer with this version", ["task", "model"], registry=one,
            multiprocess_mode="livesum",
        )  # fmt: skip
        self._bad_models = Counter(
            "winback_models_refused", "Bundles that did not pass their checks before taking over", ["task"],
            registry=one,
        )  # fmt: skip
        self._at_hand: dict[tuple[str, ...], Any] = {}
        self._models: Mapping[str, str] = {}

    def answered(self, route: str, status: int, code: str | None, seconds: float, laps: Laps) -> None:
        """One answer.  code: the error's, None when it is none."""
        self._child(self._requests, route, str(status)).inc()
        self._child(self._duration, route).observe(seconds)
        for stage, spent in laps.seconds.items():
            self._child(self._stage, route, stage).observe(spent)
        if code is not None:
            self._child(self._refused, code).inc()

    def scored(self, answer: Mapping[str, Any]) -> None:
        """The scores of one answer (`ScoreResponse`)."""
        for score in answer["scores"]:
            for task in score["models"]:
                if score[task] is not None:
                    self._child(self._percentile, task).observe(score[task]["percentile"])
        if answer["missing"]:
            self._missing.inc(len(answer["missing"]))

    def taken(self, answer: Mapping[str, Any]) -> None:
        """The events of one answer (`EventsResponse`)."""
        counts = (answer["accepted"], answer["duplicates"], len(answer["rejected"]))
        for verdict, count in zip(("accepted", "duplicate", "rejected"), counts, strict=True):
            if count:
                self._child(self._events, verdict).inc(count)

    def running(self, requests: int) -> None:
        """How many requests this worker is at."""
        self._running.set(requests)

    def lag(self, seconds: float) -> None:
        """How long ago the newest known event of anybody happened."""
        self._lag.set(seconds)

    def serving(self, models: Mapping[str, str]) -> None:
        """What this worker answers with from now on, such as {"churn": "winback-churn/3"}."""
        for task, model in self._models.items():
            self._model.labels(task, model).set(0)
        for task, model in models.items():
            self._model.labels(task, model).set(1)
        self._models = dict(models)

    def refused_model(self, task: str) -> None:
        """A bundle of this question did not pass its checks."""
        self._bad_models.labels(task).inc()

    def text(self) -> bytes:
        """Every figure of all workers in Prometheus' text format."""
        folder = os.environ.get(_TOGETHER)
        if folder is None:
            return rendered(self._registry)
        _forget_the_dead(Path(folder))
        together = CollectorRegistry()
        MultiProcessCollector(together, folder)  # type: ignore[no-untyped-call]
        return rendered(_Sorted(together))  # type: ignore[arg-type]

    def _child(self, metric: Any, *labels: str) -> Any:
        key = (metric._name, *labels)
        found = self._at_hand.get(key)
        if found is None:
            found = self._at_hand[key] = metric.labels(*labels)
        return found


class _Sorted:
    """Histograms in the order that Prometheus' format asks for: buckets, count, sum (the collector mixes them)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> list[Metric]:
        found = list(self._registry.collect())
        for metric in found:
            if metric.type == "histogram":
                metric.samples.sort(key=_place)
        return found


def _place(sample: Any) -> tuple[list[tuple[str, str]], int, float]:
    labels = sorted((name, value) for name, value in sample.labels.items() if name != "le")
    unit = next(place for end, place in _UNITS.items() if sample.name.endswith(end))
    return labels, unit, float(sample.labels.get("le", 0))


def _forget_the_dead(folder: Path) -> None:
    """What a killed worker was doing is no longer being done; what it had done still counts."""
    for process in {int(path.stem.rpartition("_")[2]) for path in folder.glob("gauge_live*_*.db")}:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            mark_process_dead(process, str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            continue
