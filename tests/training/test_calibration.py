"""Calibration: recovers a known distortion, never turns customers round, never makes its own rows worse."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.calibration import IDENTITY, OUTPUT_CLIP, BetaCalibration, fit_beta, sigmoid
from training.measures.metrics import calibration_line, log_loss

CURVES = st.builds(BetaCalibration, a=st.floats(0, 5), b=st.floats(0, 5), c=st.floats(-5, 5))
SEEDS = st.integers(0, 10_000)


def crowd(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes that follow the scores, run against them, or have nothing to do with them, by seed."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(rng.normal(), rng.gamma(2.0), n)
    y = rng.random(n) < sigmoid(rng.normal() + rng.normal() * margin + rng.normal() * 0.3 * margin**2)
    return y.astype(float), sigmoid(margin)


# Seen to fail with c of the wrong sign, and with ln(1 - p) in place of -ln(1 - p).
@pytest.mark.parametrize("true", [BetaCalibration(0.6, 1.7, -0.5), BetaCalibration(2.0, 0.4, 0.3), IDENTITY])
def test_a_known_distortion_is_recovered(true: BetaCalibration) -> None:
    rng = np.random.default_rng(1)
    p = rng.uniform(0.001, 0.999, 200_000)
    y = (rng.random(200_000) < true.apply(p)).astype(float)
    found = fit_beta(y, p)
    assert (found.a, found.b, found.c) == pytest.approx((true.a, true.b, true.c), abs=0.05)
    assert np.abs(found.apply(p) - true.apply(p)).max() < 0.01
    assert calibration_line(y, found.apply(p)) == pytest.approx((0.0, 1.0), abs=0.02)
    assert found.note.startswith("fitted on ")


# Seen to fail when a negative slope was kept, as a free logistic fit gives it.
@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_a_higher_score_never_becomes_a_lower_probability(seed: int) -> None:
    fitted = fit_beta(*crowd(seed), minimum_positives=5)
    rounding = 2 * np.finfo(float).eps
    assert (np.diff(fitted.apply_margin(np.linspace(-40, 40, 801))) >= -rounding).all()
    assert (np.diff(fitted.apply(np.linspace(0, 1, 801))) >= -rounding).all()


# Seen to fail when a negative slope was set to 0 without fitting the others again.
@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_calibration_never_hurts_the_rows_it_was_fitted_on(seed: int) -> None:
    y, p = crowd(seed)
    after, before = (log_loss(y, curve.apply(p)) for curve in (fit_beta(y, p, minimum_positives=5), IDENTITY))
    assert after <= before + OUTPUT_CLIP


# Seen to fail when c was pulled towards 0 as a and b are towards 1.
@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_calibrated_scores_add_up_to_what_happened(seed: int) -> None:
    y, p = crowd(seed)
    fitted = fit_beta(y, p, minimum_positives=5)
    if fitted.note.startswith("fitted"):
        assert fitted.apply(p).mean() == pytest.approx(y.mean(), abs=1e-5)


# Seen to fail when the weights reached the loss but not its gradient.
def test_weights_mean_repetition() -> None:
    (y, p), weight = crowd(3, n=2_000), np.random.default_rng(3).integers(0, 4, 2_000)
    weighted, repeated = fit_beta(y, p, weight), fit_beta(np.repeat(y, weight), np.repeat(p, weight))
    assert (weighted.a, weighted.b, weighted.c) == pytest.approx((repeated.a, repeated.b, repeated.c), abs=1e-6)
    assert weighted.note == repeated.note


# Seen to fail when only positives were counted.
def test_too_few_of_either_outcome_leave_the_scores_as_they_are_and_say_so() -> None:
    p = np.linspace(0.01, 0.99, 1_000)
    y = (np.arange(1_000) % 20 == 19).astype(float)
    y[19] = 0.0
    for outcomes, seen in ((y, "49 positives and 951 negatives"), (1 - y, "951 positives and 49 negatives")):
        fitted = fit_beta(outcomes, p)
        assert fitted == IDENTITY
        assert fitted.note == f"not calibrated: {seen}, needs 50 of each"
    assert fit_beta(y, p, minimum_positives=49).note == "fitted on 49 positives and 951 negatives"
    assert fit_beta(np.zeros(1_000), p, minimum_positives=0) == IDENTITY


def test_scores_that_run_backwards_are_flattened_and_the_note_says_so() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.01, 0.99, 5_000)
    y = (rng.random(5_000) < 1 - p).astype(float)
    fitted = fit_beta(y, p)
    assert (fitted.a, fitted.b) == (0.0, 0.0)
    assert fitted.note.endswith("a and b held at 0 to stay monotone")
    np.testing.assert_allclose(fitted.apply(p), y.mean(), atol=1e-9)


# Seen to fail without the pull: one score leaves a and b open, and separated outcomes send them off.
def test_one_score_only_and_separated_outcomes_have_a_finite_sensible_answer() -> None:
    y = np.arange(1_000) % 4 == 0
    assert fit_beta(y, np.full(1_000, 0.6)).apply(0.6) == pytest.approx(0.25, abs=1e-9)
    margin = np.linspace(-2, 2, 1_000)
    separated = fit_beta(margin > 0, sigmoid(margin))
    assert 1 < separated.a < 50
    assert 1 < separated.b < 50
    assert log_loss(margin > 0, separated.apply_margin(margin)) < log_loss(margin > 0, sigmoid(margin))


# Seen to fail when the margin was turned into p first: at 40, p is 1 and 1 - p has no logarithm.
def test_margins_keep_their_meaning_far_out() -> None:
    curve = BetaCalibration(0.1, 0.2, -3.0)
    # for margin m >> 0: ln p = 0, -ln(1 - p) = m, so logit = 0.2 m - 3; for m << 0: logit = 0.1 m - 3
    np.testing.assert_allclose(curve.apply_margin([40.0, 38.0, -40.0]), sigmoid(np.array([5.0, 4.6, -7.0])), rtol=1e-9)
    assert np.isfinite(curve.apply_margin([-1e6, 1e6])).all()


@settings(max_examples=60, deadline=None)
@given(curve=CURVES, margin=st.floats(-30, 30))
def test_probabilities_and_margins_agree(curve: BetaCalibration, margin: float) -> None:
    p = float(sigmoid(np.array(margin)))
    # p near 1 holds few digits of 1 - p, so compare as close as its rounding allows
    slack = 1e-9 + 5 * np.finfo(float).eps / (1 - p)
    assert curve.apply(p) == pytest.approx(float(curve.apply_margin(margin)), abs=slack)


# Seen to fail without the clip.
@settings(max_examples=60, deadline=None)
@given(curve=CURVES)
def test_nobody_is_ever_certain(curve: BetaCalibration) -> None:
    for scores in (curve.apply([0.0, 1e-300, 0.5, 1.0]), curve.apply_margin([-1e6, -40.0, 40.0, 1e6])):
        assert (scores >= 1e-6).all()
        assert (scores <= 1 - 1e-6).all()


def test_the_identity_changes_nothing_within_the_clip() -> None:
    p = np.linspace(1e-6, 1 - 1e-6, 1_001)
    np.testing.assert_allclose(IDENTITY.apply(p), p, rtol=1e-12)
    np.testing.assert_allclose(IDENTITY.apply(p.reshape(7, 143)), p.reshape(7, 143), rtol=1e-12)


def test_json_brings_the_same_curve_back() -> None:
    fitted = fit_beta(*crowd(8), minimum_positives=5)
    again = BetaCalibration(**json.loads(json.dumps(asdict(fitted))))
    assert again == fitted
    assert again.note == fitted.note
    assert replace(fitted, note="") == fitted


@pytest.mark.parametrize("wrong", [{"a": -0.1}, {"b": -0.1}, {"c": float("nan")}, {"a": float("inf")}])
def test_a_curve_that_would_turn_customers_round_cannot_be_made(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"Needs finite numbers, a, b >= 0"):
        replace(IDENTITY, **wrong)  # type: ignore[arg-type]


def test_what_is_no_probability_is_refused() -> None:
    for wrong in (1.5, -0.1, float("nan")):
        with pytest.raises(ValueError, match="Give margins to apply_margin"):
            IDENTITY.apply([0.5, wrong])
    with pytest.raises(ValueError, match=r"probabilities: 1 of 2 rows cannot be used \(first: 1.5, row 1\)"):
        fit_beta([0, 1], [0.5, 1.5])
