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


# Seen to fail: dots without a known rank left out; every input in one lane.
def test_a_swarm_and_the_dependence_show_every_dot_of_every_input() -> None:
    one = {"name": "x", "effects": [0.1, -0.2, 0.1], "ranks": [0.1, None, 0.9], "values": [1.0, None, 3.0]}
    found = {"rows": 3, "inputs": [one, one | {"name": "y"}]}
    drawn = plots.report_plots(report() | {"beeswarm": found, "dependence": found}, "rfm")
    assert {"beeswarm.png", "dependence.png"} < set(drawn)
    axes = drawn["beeswarm.png"].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["x", "y"]
    places = [np.asarray(dots.get_offsets()) for dots in axes.collections[::2]]
    for lane, dots in enumerate(places):
        assert np.allclose(dots[:, 0], one["effects"])
        assert np.all(np.abs(dots[:, 1] - lane) < 0.5)
        assert dots[0, 1] != dots[2, 1]
    values = np.asarray(drawn["dependence.png"].axes[1].collections[0].get_offsets())
    assert np.allclose(values, [[1, 0.1], [np.nan, -0.2], [3, 0.1]], equal_nan=True)
    assert set(plots.report_plots(report() | {"beeswarm": {"inputs": []}}, "rfm")) == set(plots.report_plots(report(), "rfm"))
