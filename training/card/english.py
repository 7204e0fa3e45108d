"""Every sentence of the model card in English, and those that the report for operations shares with it."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    # the page
    "lang": "en", "card_title": "Model card",
    "card_lead": "For engineers: what the model was made from, how it was judged, and what it must not be used for.",
    "card_reading": (
        "Brackets are 95 % intervals over customers. Days are UTC. Sentences in quotation marks, column names "
        "and flags are those of the training log."
    ),
    "card_made": "Written on {now} for scores as of {as_of}.", "card_of": "{name}, version {version}",
    "card_task_churn": "Churn", "card_task_conversion": "Conversion", "card_task_ltv": "Value",
    "card_quoted": "\"{said}\"", "card_range": "{low} to {high}", "card_unit_points": "percentage points",
    "card_unit_amount": "amount",
    # what it is
    "card_what": "What it is", "card_question": "Question", "card_model": "Model",
    "card_candidate": "Winning candidate", "card_grade": "Evidence grade",
    "card_grade_reasons": "What keeps it from a better one", "card_no_reasons": "nothing", "card_data": "Data",
    "card_data_line": "{events:event|events}, {users:user|users}, complete until {until}", "card_catalog": "Features",
    "card_catalog_line": "{features} features, {inputs} inputs, windows {windows} days",
    "card_calibration": "Calibration", "card_as_given": "as the model gives it", "card_base": "Base of the reasons",
    "card_rhythm": "Rhythm models", "card_healthy": "no flags", "card_left_out": "Columns not used",
    "card_prints": "Fingerprints", "card_prints_line": "data {data}; features {catalog}; bundle format {format}",
    # the periods
    "card_time": "Learned from and judged on",
    "card_time_lead": (
        "{n:label window|label windows} of {days} days, each from the moment of asking to the end of what was "
        "looked ahead. On a judged window a model was used that had learned only from windows that were over by "
        "then, and from other customers."
    ),
    "card_refit": (
        "The model in use was then fitted on all windows; every figure on this page is of models that had not "
        "seen what they were judged on."
    ),
    "card_windows": "All label windows", "card_as_of": "As of", "card_rows": "Rows", "card_mean": "Mean outcome",
    "card_role": "What was done with it", "card_role_learned": "learned from",
    "card_role_judged": "judged on, then learned from", "card_role_test": "last window: the test, then learned from",
    "card_data_end": "data end {until}",
    # the test
    "card_test": "Test window",
    "no_test": (
        "This model carries no test results, so nothing can be said about how good it is. Retrain it with "
        "`winback train`."
    ),
    "card_test_line": "{start} to {end}, {rows:row|rows}, {positives} positive", "card_unseen": "out of time",
    "card_same": "not out of time: other customers of the same window",
    "card_same_rows": "candidates were chosen on the same rows",
    "card_uncalibrated": "not calibrated: no earlier window out of time was known by then", "card_metric": "Metric",
    "card_point": "Value", "card_low": "95 % low", "card_high": "95 % high", "card_reliability": "Reliability",
    "card_read_reliability": "On the thin line, what was promised is what happened. Bars: 95 % intervals.",
    "card_reliability_table": "Reliability in figures", "card_predicted": "Promised", "card_observed": "Observed",
    "card_deciles": "Promised and came, by tenth", "card_tenth": "Tenth", "card_promised": "Promised",
    "card_came": "Came",
    # metrics
    "card_metric_auc": "AUC", "card_metric_log_loss": "Log loss", "card_metric_brier": "Brier score",
    "card_metric_average_precision": "Average precision", "card_metric_ece": "Calibration error (ECE)",
    "card_metric_calibration_slope": "Calibration slope (1 is right)",
    "card_metric_calibration_intercept": "Calibration intercept (0 is right)",
    "card_metric_calibration_gap": "Promised minus came", "card_metric_slope": "Slope",
    "card_metric_intercept": "Intercept", "card_metric_lift_10": "Lift in the top tenth",
    "card_metric_capture_10": "Found in the top tenth", "card_metric_normalized_gini": "Normalised Gini",
    "card_metric_spearman": "Spearman's rank correlation", "card_metric_mae": "Mean absolute error",
    "card_metric_bias": "Bias of the total", "card_metric_deviance": "Tweedie deviance",
    "card_metric_coverage_80": "Inside the 80 % interval", "card_metric_coverage_90": "Inside the 90 % interval",
    "card_metric_decile_mape": "Mean error by tenth (MAPE)",
    # the back-test
    "card_backtest": "Back-test, window by window",
    "card_backtest_lead": (
        "On every window the candidate, its calibration and its level were settled with what was known by then, "
        "as for a real forecast."
    ),
    "card_read_small": "The pictures: promised against what happened, each window on the same axes.",
    "card_rate": "Outcome", "card_mean_amount": "Mean amount", "card_pooled": "All together",
    "card_same_period": "same period",
    # what to expect
    "card_expected": "Which AUC to expect of today's scores", "card_expected_short": "AUC expected today",
    "card_expected_lead": (
        "Today's scores will probably turn out to have an AUC of <b>{auc}</b>. It is the AUC that today's "
        "probabilities promise of themselves, moved by how far past windows came out above or below theirs."
    ),
    "card_expected_errors": "Past windows, realised minus promised: {errors}.",
    "card_expected_alone": "No window out of time could tell yet how far such a forecast is off.",
    "card_level": "Level: promised and came", "card_level_lead": "How many were promised to do it, and how many did.",
    "card_level_lead_amount": "How much was promised in total, and how much came.",
    "card_level_aggregate": (
        "The total is that of the aggregate forecast (Pareto/NBD with Gamma-Gamma); the model says who brings it."
    ),
    "card_level_own": "The total is the ranking model's own, at the level of past windows.", "card_off": "Off by, %",
    "card_forecast": (
        "Promised of everybody asked today: <b>{forecast}</b>, {low} to {high} if it is off as past windows were "
        "(by about {error})."
    ),
    "card_forecast_alone": (
        "Promised of everybody asked today: <b>{forecast}</b>; no window could tell how far such totals are off."
    ),
    # how sure
    "card_width": "How sure a single score is",
    "card_width_lead": (
        "Venn-Abers: between which two probabilities the calibrated one could lie for want of evidence, for "
        "{n:customer|customers} of today. Wide means that few like them were seen."
    ),
    "card_width_median": "half of the customers: at most", "card_width_p90": "nine in ten: at most",
    "card_width_widest": "the least sure", "card_points": "Percentage points", "card_customers": "Customers",
    "card_width_lead_amount": (
        "Conformal intervals by tier of predicted value ({tiers} tiers): between which amounts a customer's "
        "value lies, for the share of customers named. How often they held is among the metrics above."
    ),
    "card_holds": "Holds {share} of customers",
    # by segment
    "card_segments": "By kind of customer",
    "card_segments_lead": (
        "On the window after {at}. A segment with too few rows or cases gets no figures rather than unsure ones."
    ),
    "card_segment": "Segment", "card_cases": "Cases", "card_cases_amount": "With any value",
    "card_too_few": "too few", "card_segment_of": "{by}: {name}", "card_by_value": "Past value",
    "card_by_activity": "Past activity", "card_by_tenure": "Tenure", "card_by_stage": "Stage",
    "card_tier_none": "none", "card_tier_low": "low", "card_tier_middle": "middle", "card_tier_high": "high",
    "card_tenure_none": "none", "card_tenure_new": "new", "card_tenure_middle": "middle", "card_tenure_old": "old",
    "stage_prospect": "Not yet customers", "stage_new": "New", "stage_active": "Active",
    "stage_returning": "Came back", "stage_slipping": "Slipping away", "stage_lapsed": "Lapsed", "stage_left": "Left",
    # candidates
    "card_candidates": "Candidates on the test window", "card_candidate_short": "Candidate",
    "card_chosen": "Chosen because: \"{reason}\".",
    "card_choice_at": "Chosen on the windows after {moments}, of {days} days.",
    "card_choice_at_same": (
        "Chosen on the windows after {moments}, of {days} days, on other customers of the same period: history "
        "is short."
    ),
    "card_raw": (
        "As they come, before calibration. Minus winner: paired bootstrap over customers of the loss minus that "
        "of the calibrated winner; above 0 is worse."
    ),
    "card_loss_chosen": "Loss when chosen", "card_loss_test": "Loss in the test", "card_minus": "Minus winner (95 %)",
    "card_by_window": "Loss by window", "rung_recency": "Simple rule: days since last activity",
    "rung_bg_nbd": "BG/NBD (rhythm model)", "rung_pareto_nbd": "Pareto/NBD (rhythm model)",
    "rung_rfm": "Regression on recency, frequency, amount", "rung_boosted": "Boosted trees on all features",
    "rung_blend": "Mean of regression and trees", "rung_blend_btyd": "Mean of Pareto/NBD, regression and trees",
    # curves
    "card_sizes": "How large the trees must be",
    "card_sizes_lead": (
        "Loss on an earlier window beside what an exact explanation of a score costs. The cheapest size that is "
        "not significantly worse than the best is used: the red dot."
    ),
    "card_sizes_plot": "Loss by cost, rounds × depth", "card_size": "Rounds × depth",
    "card_cost": "Cost, of the largest", "card_cost_axis": "rounds × depth, by the cost of an explanation",
    "card_loss": "Loss", "card_against_best": "Minus the best", "card_learning": "Would more data help?",
    "card_learning_lead": (
        "The chosen candidate learned from less and was judged on the same other customers of the last window. "
        "Where the loss still falls on the right, more would help."
    ),
    "card_by_customers": "By number of customers", "card_by_cutoffs": "By number of moments learned at",
    "card_cutoffs": "Moments", "card_customers_table": "By number of customers, in figures",
    "card_cutoffs_table": "By number of moments, in figures",
    # reasons
    "card_drivers": "What drives the scores",
    "card_drivers_lead": (
        "Mean size of each concept's exact contribution to the calibrated score, over a sample of today's "
        "customers. It is what the model looks at, not what causes the outcome."
    ),
    "card_drivers_plot": "Mean effect on the score, in {unit}",
    "card_drivers_by_segment": "Mean effect by kind of customer, in {unit}", "card_concept": "Concept",
    "card_effect": "Effect", "card_swarm": "The strongest inputs, customer by customer",
    "card_swarm_lead": (
        "Each dot is one of the same {n:customer|customers}: to the right the input raises the score, to the "
        "left it lowers it."
    ),
    "card_effect_axis": "effect on the score, {unit}", "card_inputs": "The inputs in figures", "card_input": "Input",
    "card_value_low": "low value", "card_value_middle": "middle", "card_value_high": "high value",
    "card_value_missing": "not known", "card_dependence": "Which values have which effects",
    "card_dependence_lead": (
        "The very strongest inputs, for the same {n:customer|customers}. Dots above each other: other inputs "
        "change what this one does."
    ),
    "card_value": "value", "card_stability": "Would the reasons be the same with other customers?",
    "card_stability_lead": (
        "The candidate was fitted anew on two bootstrap samples of the customers ({refits} rows), and the two "
        "gave their reasons for the same {customers:customer|customers}; {concepts} concepts are in use."
    ),
    "card_stability_says": (
        "For <b>{share}</b> of the customers both name the same strongest reason, in the same direction. A "
        "reason that changes with the sample should not be told to a customer as a fact."
    ),
    "card_stability_still": (
        "This candidate learns nothing from outcomes: its parameters come from the histories, so these refits "
        "leave its reasons as they are."
    ),
    "card_top_agrees": "same strongest reason, same direction",
    "card_two_of_three_agree": "at least two of the top three reasons in common",
    "card_rank_mean": "rank correlation of the concepts, mean over customers",
    "card_rank_lowest_tenth": "of the least alike tenth of customers: at most",
    "card_score_change": "mean distance of the two scores, {unit}", "card_figure": "Figure",
    # what was checked
    "card_leaks": "Leak checks",
    "card_leaks_none": "{ran:detector|detectors} ran on this training and found nothing.",
    "card_leaks_found": "{ran:detector|detectors} ran on this training; <b>{n:alarm|alarms}</b>:",
    "card_alarm": "Alarm: {said}", "card_not_looked": "Not looked for: {kind}, {why}.",
    "card_detectors": "The checks that ran", "card_detector": "Check",
    "card_looked_at": "Rows, users or events looked at", "card_compared": "Beside the model before it",
    # what it is not for
    "card_not": "What it must not be used for",
    "card_not_1": (
        "Deciding who can be persuaded. It predicts who leaves, buys or brings value without a campaign; whom "
        "contact changes needs an experiment with people held out."
    ),
    "card_not_2": (
        "Decisions with legal or similarly grave effect on a person: credit, prices, insurance, employment, "
        "refusal of service."
    ),
    "card_not_3": "Causes. A driver is what the model looks at; changing it need not change the outcome.",
    "card_not_4": (
        "Another definition, horizon or population than the ones above, or events recorded in another way since "
        "training."
    ),
    "card_not_5": "Percentiles and bands are ranks and ranges; only the probability is a probability.",
    # how sentences are put together
    "definition_contract": "<b>Left</b>: {ends} within {days} days{gap}; asked of those under contract ({holds}).",
    "holds_term": "{kinds} in the last {term} days",
    "holds_grace": "{kinds} in the last {term} days and {grace} of grace",
    "holds_since": "{said} and no {cancel} since",
    "runs_out": "contract runs out",
    "list_separator": ", ", "or": " or ", "and_more": "{said} or {more} more",
    "definition_churn": "<b>Left</b>: no {kinds} within {days} days{cancel}{gap}.",
    "definition_cancel": ", or {kinds} in that time",
    "definition_conversion": "<b>Converted</b>: {kinds} within {days} days{gap}; asked of {eligible}.",
    "definition_ltv": "<b>Value</b>: the sum of {value} of {kinds} within {days} days{gap}.",
    "definition_gap": ", counted from {gap} days after the day of scoring", "asked_any": "everybody",
    "asked_below": "those with fewer than {n} {kind} events", "asked_none": "those without {kind}",
    "asked_least": "those with at least {n} {kind} events", "the_value": "the values",
    "the_column": "the column {column}",
}  # fmt: skip
