"""Pictures are drawn from the report alone, and say what they show."""

from __future__ import annotations

import numpy as np

from training import plots
from training.evaluate import flat_metrics, probability_report


def report() -> dict[str, object]:
    rng = np.random.default_rng(0)
    p = rng.random(400)
    y = (rng.random(400) < p).astype(float)
    test = probability_report(y, p, {"recency": p**2, "rfm": p}, np.arange(400))
    choice = {"by_window": {"2025-01-01": {"recency": 0.5, "rfm": float("nan")}}}
    return {"test": test, "drivers": {"rhythm": 0.1, "recency": 0.2}, "choice": choice}


def test_a_run_has_calibration_gains_lift_and_drivers() -> None:
    drawn = plots.report_plots(report(), "rfm")
    assert set(drawn) == {"calibration.png", "gains.png", "lift.png", "drivers.png"}
    assert all(figure.axes[0].get_xlabel() for figure in drawn.values())


def test_lift_is_what_was_found_over_what_was_contacted() -> None:
    # Seen to fail without the division by the share contacted.
    made = report()
    line = plots.lift_plot(made["test"]).axes[0].lines[1]  # type: ignore[arg-type]
    gains = made["test"]["gains"]  # type: ignore[index]
    assert np.allclose(line.get_ydata(), np.array(gains["captured"][1:]) / np.array(gains["share"][1:]))
    assert np.isclose(line.get_ydata()[-1], 1.0)


def test_metrics_for_mlflow_are_finite_and_name_their_window() -> None:
    flat = flat_metrics(report())
    assert flat["loss_2025-01-01_recency"] == 0.5
    assert "loss_2025-01-01_rfm" not in flat
    assert {"auc", "auc_low", "auc_high", "candidate_recency_loss"} <= set(flat)
    assert all(np.isfinite(value) for value in flat.values())
