"""Every sentence of the page and the card in English.

"{n:customer|customers}" writes "1 customer" or "1,234 customers"; <b> is the only mark-up.
"""

from __future__ import annotations

from collections.abc import Mapping

# What to do next, by the strongest reason that counts against the customer and that somebody can act on.
# Edit these freely; they promise nothing on the company's behalf.
NEXT_STEPS: Mapping[str, str] = {
    "recency": "Get in touch: the silence is what counts against them.",
    "rhythm": "Remind them at their own usual interval, and make coming back easy.",
    "spend": "Look at the latest purchases: were they smaller, was something returned or complained about?",
    "variety": "Show something beyond the few things they know so far.",
    "trend": "Ask what has changed: they do less than they used to.",
    "": "Nothing that one can act on counts against them; keep the usual contact.",
}

TEXTS: Mapping[str, str] = {
    "space": " ", "title": "Customers at risk", "title_conversion": "Who will convert",
    "title_ltv": "What customers will bring",
    # 1 the answer
    "headline_churn": (
        "<b>{users:customer|customers}</b> who can still be kept will probably leave within {days} days."
    ),
    "headline_churn_none": "Nobody who can still be kept is at high risk of leaving within {days} days.",
    "headline_gone": (
        "All {users:customer has|customers have} already lapsed or left: there is nobody left to keep, only to "
        "win back."
    ),
    "headline_conversion": "<b>{users:user|users}</b> will probably convert within {days} days.",
    "headline_conversion_none": "Nobody is very likely to convert within {days} days.",
    "headline_ltv": "<b>{expected}</b> is what {users:user|users} can be expected to bring within {days} days.",
    "headline_worth_value": "In the last 365 days they spent <b>{worth}</b>.",
    "headline_worth_events": "There is no value column, so this counts people, not money.",
    "sub_churn": (
        "Probably means a probability of two in three or more. Of the {keep:customer|customers} still with you, "
        "about {expected} should be expected to leave. {gone:customer has|customers have} lapsed or left already "
        "and are not counted here."
    ),
    "sub_gone": (
        "They have been silent for longer than {days} days, or have cancelled. So there is no list of customers "
        "to keep; the table shows what is known of them."
    ),
    "sub_conversion": (
        "Probably means a probability of two in three or more. Of the {keep:user|users} asked about, about "
        "{expected} should be expected to convert."
    ),
    "sub_ltv": "No churn or conversion model is trained, so this page speaks about expected value alone.",
    "dated": "As of {as_of}. The data are complete until {until}.",
    "dated_late": "The data end before that day, so some of the silence may only be missing data.",
    "dated_early": "The models have learned from later data (until {until}), which flatters scores of a past day.",
    "grade_A": "Strong evidence (grade A of A to D)", "grade_B": "Good evidence (grade B of A to D)",
    "grade_C": "Limited evidence (grade C of A to D): good for sorting customers, not for planning budgets",
    "grade_D": "Weak evidence (grade D of A to D): a first hint, to be checked by hand",
    "grade_other": "Evidence of unknown grade ({grade})",
    "grade_why": (
        "learned at {cutoffs:moment|moments} in {windows:separate period|separate periods}, judged on "
        "{rows:customer|customers}"
    ),
    "fact_high": "will probably leave", "fact_high_conversion": "will probably convert",
    "fact_high_ltv": "expected in {days} days", "fact_worth": "they spent in 365 days",
    "fact_keep": "customers still with you", "fact_gone": "lapsed or left",
    # 2 where the risk is
    "risk": "Where the risk is", "risk_conversion": "Where the chances are", "risk_ltv": "Where the value is",
    "risk_lead": (
        "Customers still with you can be kept; the lapsed have already been silent for longer than {days} days, "
        "and reaching them is a different task, winning back. Low is below one in three, high is two in three or "
        "more."
    ),
    "risk_lead_conversion": "Low is below one in three, high is two in three or more.",
    "risk_lead_ltv": "Expected value by lifecycle stage.", "strip_keep": "still with you",
    "strip_gone": "lapsed or left", "strip_prospect": "not customers yet",
    "plot_users": "Customers still with you, by risk", "plot_worth": "What they spent in the last 365 days, by risk",
    "plot_users_conversion": "Users by chance to convert",
    "plot_worth_conversion": "What they spent in the last 365 days", "plot_users_ltv": "Users by stage",
    "plot_worth_ltv": "What they spent in the last 365 days",
    "no_keep_plot": "Nobody is left to keep, so there is nothing to draw.", "col_stage": "Stage",
    "col_users": "Customers", "col_worth": "Spent in 365 days", "col_activity": "{kinds} in 365 days",
    "col_expected": "Expected to leave", "col_expected_conversion": "Expected to convert",
    "col_expected_ltv": "Expected value", "col_total": "All", "band_high": "high", "band_medium": "medium",
    "band_low": "low", "band_none": "not asked",
    "no_value": "What they are worth is missing: the events have no values (or winback.toml names no value column).",
    "why_prospect": "Known, but no {kinds} so far.",
    "why_new": "First seen in the last {half} days, on one day only.",
    "why_active": "Comes at a pace of their own that still holds.",
    "why_returning": "Came back lately, after more than {days} days of silence.",
    "why_slipping": (
        "Silent for more than {half} days, or for more than {quarter} and twice as long as usual for them."
    ),
    "why_lapsed": "Silent for more than {days} days.", "why_left": "Cancelled.",
    # 3 whom to look at first
    "first_empty": "The customers to look at first", "first": "The {n:customer|customers} to look at first",
    "rule_churn": (
        "The rule: among all who have not lapsed or left, the most value at risk, which is the probability to "
        "leave times what they spent in the last 365 days ({kinds}). So a good customer at medium risk can come "
        "before a small one at high risk."
    ),
    "rule_churn_events": (
        "The rule: among all who have not lapsed or left, the most activity at risk, which is the probability to "
        "leave times how often they were active in the last 365 days ({kinds}). There are no values to weigh by."
    ),
    "rule_conversion": "The rule: among all who have not lapsed or left, the highest probability to convert.",
    "rule_ltv": "The rule: among all who have not lapsed or left, the highest expected value within {days} days.",
    "rule_caution": (
        "The list says who is likely to go, not who can be persuaded. Leave some of them uncontacted, at random: "
        "only that comparison shows whether contact helps."
    ),
    "first_none": "Nobody qualifies: everybody has lapsed or left.", "legend_up": "raises the risk",
    "legend_down": "lowers the risk", "legend_act": "somebody can do something about it", "act": "act",
    "legend_up_conversion": "raises the chance", "legend_down_conversion": "lowers the chance",
    "legend_up_ltv": "adds value", "legend_down_ltv": "takes value away", "p_churn": "will leave",
    "p_conversion": "will convert", "p_ltv": "expected", "worth_value": "spent {worth} in 365 days",
    "worth_events": "{worth} times active in 365 days", "at_stake": "{stake} at risk",
    "uncertain": "uncertain: for want of evidence it could move by {points}",
    "expected_value": "expected in {days} days: {expected} ({low} to {high})", "points": "{points} points",
    "points_one": "{points} point", "points_small": "under 1 point",
    "from_mean": (
        "Reasons count from the average of all who have neither lapsed nor left, and show what sets this "
        "customer apart from them."
    ),
    "adds_up": "Average {base}, these reasons {sum}, everything else {other}: together {score}.",
    "no_reasons": "The model sees nothing that sets this customer apart from the others.", "next": "Next step",
    "csv": "The same list as a file, for Excel or a CRM: {file}",
    # 4 what drives it
    "drivers": "What drives churn overall", "drivers_conversion": "What drives conversion overall",
    "drivers_ltv": "What drives value overall",
    "drivers_lead": (
        "How many percentage points each concept moves a customer's probability, up or down, on average over all "
        "customers. It shows what the model looks at, not what causes it."
    ),
    "drivers_lead_ltv": (
        "By how much each concept moves a customer's expected value, up or down, on average. It shows what the "
        "model looks at, not what causes it."
    ),
    "drivers_none": "The model carries no account of its drivers; retrain it to get one.",
    "drivers_small": "Hardly any influence: {names}.",
    # 5 how far to trust it
    "trust": "How far to trust it", "trust_of_churn": "Churn", "trust_of_conversion": "Conversion",
    "trust_of_ltv": "Value",
    "no_model": "There is no trained model for {name}, so this page does not speak about it.", "task_churn": "churn",
    "task_conversion": "conversion", "task_ltv": "value",
    "period_unseen": (
        "It was tested on what {rows:customer|customers} really did from {start} to {end}: a later period than "
        "any the tested model had learned from."
    ),
    "period_same": (
        "Careful: the history holds one period only, so it was tested on other customers of the same period "
        "({start} to {end}, {rows:customer|customers}). How it does in a new period is not known yet."
    ),
    "same_rows": "The candidates were also chosen on these very customers, which flatters the figures a little.",
    "auc_churn": (
        "<b>Order.</b> Of two customers, one who left and one who stayed, it ranks them right <b>{n} times in "
        "100</b> ({low} to {high}); guessing gets 50."
    ),
    "auc_conversion": (
        "<b>Order.</b> Of two users, one who converted and one who did not, it ranks them right <b>{n} times in "
        "100</b> ({low} to {high}); guessing gets 50."
    ),
    "auc_guess": "That cannot be told from guessing: do not use the order.",
    "auc_weak": "That is only a little better than guessing.",
    "auc_none": "<b>Order.</b> Cannot be measured: everybody in the test did the same.",
    "skill": (
        "<b>Probabilities.</b> They are <b>{skill} closer to what happened</b> than saying {rate} for everyone "
        "(log loss {loss}, {low} to {high}, against {base})."
    ),
    "skill_none": (
        "<b>Probabilities.</b> They are no closer to what happened than saying {rate} for everyone (log loss "
        "{loss}, {low} to {high}, against {base}): use the order, not the numbers."
    ),
    "promise": (
        "<b>Promises.</b> It promised {promised} on average and {came} came true; over the tenths of customers "
        "the two lie {gap} apart."
    ),
    "uncertainty": (
        "<b>Certainty.</b> For want of evidence a probability could come out otherwise: for a typical customer by "
        "{half}, for {share} of customers by more than {limit}. Those are called uncertain."
    ),
    "lift_churn": "<b>The top of the list.</b> Of the tenth at highest risk {top} left, against {rate} of all.",
    "lift_conversion": (
        "<b>The top of the list.</b> Of the tenth with the highest chance {top} converted, against {rate} of all."
    ),
    "intervals": "Ranges are 95 % intervals over customers.", "plot_reliability": "Do promises come true?",
    "plot_gains": "Who is found first?", "plot_deciles": "Promised and what came, by tenth",
    "read_reliability": "On the thin line, what was promised is what happened. Bars show how sure that is.",
    "read_gains": "The further above the thin line, the fewer customers one has to look at.",
    "read_deciles": "Customers by promised value, the highest tenth left; amounts are means a customer.",
    "promised": "promised probability", "came": "what happened", "contacted": "share of customers looked at",
    "found": "share of cases found", "chance": "by chance", "perfect": "knowing the future",
    "this_model": "this model", "simple_rule": "days since last activity", "promised_amount": "promised",
    "came_amount": "came", "decile": "tenths of customers, highest promise first",
    "compared": "What it was compared with",
    "compared_lead": (
        "All met the same customers in the same period. The simplest one that no other clearly beat on earlier "
        "data was taken. The others are shown as they come, before calibration."
    ),
    "col_candidate": "Candidate", "col_right": "Ranks right, of 100", "col_loss": "Log loss",
    "col_deviance": "Loss (Tweedie deviance)", "col_against": "Against the model used", "used": "the model used",
    "no_worse": "no clear difference", "worse": "worse", "better": "better here",
    "level_over": (
        "<b>Level.</b> It promised {promised} in total and {total} came: <b>{bias} too much</b> ({low} to "
        "{high})."
    ),
    "level_under": (
        "<b>Level.</b> It promised {promised} in total and {total} came: <b>{bias} too little</b> ({low} to "
        "{high})."
    ),
    "value_top": "<b>The top of the list.</b> The tenth with the highest promise brought {share} of all that came.",
    "coverage": "<b>Ranges.</b> Of 100 customers, {share} came out inside the range; {made} were meant to.",
    "coverage_90": "The wider range of the score file held {share} of them; it was meant to hold {made}.",
    # 6 how it was defined
    "defined": "How it was defined, and from what", "definition": "Definition", "data": "Data", "models": "Models",
    "made": "Made",
    "data_line": (
        "{events:event|events} of {users:user|users}, from {first} to {last}; {known:user|users} known as of "
        "{as_of}."
    ),
    "no_rejected": "No file of rejected rows beside the log.",
    "rejected": "{n:row|rows} rejected when `winback check` last ran: {reasons}.",
    "rejected_none": "No row was rejected when `winback check` last ran.",
    "model_line": "{task}: {name}, version {version}, {rung}; data until {until}.",
    "made_line": "on {now} by winback from {source}; times in {zone}.",
    "card_link": "For engineers: the model card, {file}",
    "printed": "Reasons add up to the probability shown. Percentages are probabilities, never percentiles.",
    "printed_ltv": "Reasons add up to the amount shown.",
    # 7 what else leaving and converting could mean
    "choice_title": "What other definitions would give", "choice": "What leaving could mean", "choice_lead": (
        "Each line is one way to define leaving, asked of the same log at up to {moments} moments of its past, always "
        "with the whole window known. The data are complete until {until}."
    ),
    "choice_conversion": "What converting could mean", "choice_recommended": "recommended", "choice_in_use": "in use",
    "choice_silence": "no {kinds} for {days} days",
    "choice_decline": "{kinds} events fall by more than half: {days} days against the {days} before",
    "choice_no_purchase": "no purchase ({kinds}) for {days} days, whatever else they do",
    "choice_no_second": "one {kinds} so far and no second within {days} days",
    "choice_cancel": "{ends} within {days} days, whether silent or not",
    "choice_contract": "{ends} within {days} days, of those under contract",
    "choice_conversion_row": "{kinds} within {days} days, of {eligible}",
    "col_definition": "Definition", "col_asked": "Asked", "col_left": "Left", "col_converted": "Converted",
    "col_share": "Share", "col_spread": "Moves by", "col_came_back": "Came back", "col_certain": "Certain after",
    "col_silent": "Silent before", "col_returns": "Returns", "col_needs": "Half need",
    "col_cutoff": "Cut-off", "days_short": "{days} d", "points_short": "{points} pts",
    "read_asked": (
        "<b>Asked, left</b>: customers at the last cut-off, and how many of them then left by this definition."
    ),
    "read_asked_conversion": (
        "<b>Asked, converted</b>: users at the last cut-off, and how many of them then converted."
    ),
    "read_share": (
        "<b>Share</b>: of those asked, the mean over the cut-offs. <b>Moves by</b>: the highest share minus the "
        "lowest, in percentage points; the less, the more steadily the definition behaves."
    ),
    "read_came_back": (
        "<b>Came back</b>: of those called gone, who came back anyway in the {follow} days after the window; only "
        "cut-offs after which all of that time is known."
    ),
    "read_certain": (
        "<b>Certain after</b>: median days from the score until it is certain who left. That is the time there is to "
        "act, and the time one waits to see whether the score was right. <b>Silent before</b>: median days that "
        "those who left had already been silent on the day of the score; a long one means that most were gone long "
        "before."
    ),
    "read_returns": "<b>Returns</b>: the chance that somebody silent for so long ever comes back in this log.",
    "read_needs": "<b>Half need</b>: days within which half of those who converted had done it.",
    "read_unknown": "<b>–</b> means not enough data to tell, or that the question does not apply.",
    "curve_title": "Who comes back after a silence",
    "curve_lead": (
        "The chance that a customer who has had no {kinds} for so many days ever comes back, from {returns} silences "
        "that ended and {open} that still last."
    ),
    "curve_short": "This log cannot tell what happens after {days} days of silence or more: not enough data.",
    "curve_none": "Not enough data: hardly any silence was ever seen to end or to last.",
    "curve_silent": "silent for (days)", "curve_back": "comes back", "curve_horizon": "horizon in use",
    "because_silence": (
        "<b>Recommended: {name}.</b> It is the shortest of these silences after which fewer than 10 % come back "
        "({returns}). At the last cut-off {left} of {asked} left by it."
    ),
    "because_silence_best": (
        "<b>Recommended, as the best that this history can show: {name}.</b> Of the silences that it holds two windows "
        "of, there is none after which fewer than 10 % come back; after this one it is {returns}. So some of those "
        "called lost are not. At the last cut-off {left} of {asked} left by it."
    ),
    "because_contract": (
        "<b>Recommended: {name}.</b> Leaving is an event here, so nobody has to be taken for gone because they are "
        "silent. At the last cut-off {left} of {asked} left by it."
    ),
    "because_first": (
        "<b>Recommended: {name}.</b> Most users have never done it, so the question is who does it first; within "
        "this time at least half of those do who do it within the longest time looked at. At the last cut-off {left} "
        "of {asked} did."
    ),
    "because_second": (
        "<b>Recommended: {name}.</b> Most users have done it once, so the question is who comes a second time; "
        "within this time at least half of those do who do it within the longest time looked at. At the last cut-off "
        "{left} of {asked} did."
    ),
    "because_anybody": (
        "<b>Recommended: {name}.</b> Too few users remain when those who have done it already are left out. At the "
        "last cut-off {left} of {asked} did."
    ),
    "because_too_few": (
        "<b>Not enough data to recommend one.</b> It takes two windows without overlap, and at the last one 50 users "
        "asked and 20 with the rarer outcome. Bring more history; until then, stages by rule still work."
    ),
    "because_not_asked": "winback.toml does not ask this question.",
    "choice_same": "It is the one in use.",
    "choice_new": "winback.toml does not ask this question yet; to ask it, write {toml} and train.",
    "choice_other": (
        "In use is another one: {name}. To take the recommended one, write {toml} in winback.toml and train anew."
    ),
    "caution_few_windows": (
        "The history holds {windows:window|windows} of it without overlap; fewer than 3 are no proof over the seasons."
    ),
    "caution_unstable": (
        "Its share moved by {spread} between the cut-offs, so the level at one moment is not that of the next."
    ),
    "caution_few_users": "Only {rarer} had the rarer outcome at the last cut-off: enough for a hint, not for more.",
    "caution_not_followed": (
        "Not enough data to say how many of those called gone come back: none could be watched for {follow} days "
        "after the window."
    ),
    "lasts_title": "How long contracts last",
    "lasts_lead": (
        "From {ended:contract that ended|contracts that ended} and {open} that still run; those count as long as "
        "they were seen (Kaplan-Meier, 95 % intervals). A contract that began before the log counts from its first "
        "event in it."
    ),
    "lasts_median": "Half of all contracts last longer than <b>{days} days</b>.",
    "lasts_no_median": "More than half still run after the longest time seen, so the median is not known yet.",
    "lasts_days": "days under contract", "lasts_share": "still under contract", "col_days": "After (days)",
    "col_reached": "Seen to reach it", "col_lasts": "Still under contract", "col_ends": "End in the next {days} days",
    "why_prospect_contract": "Known, but no contract ({kinds}) so far.",
    "why_new_contract": "Their first contract is at most {half} days old.",
    "why_lapsed_contract": "The contract ran out and was not renewed.",
    "risk_lead_contract": (
        "Customers under contract can be kept; those whose contract has ended are a different task, winning back. "
        "Low is below one in three, high is two in three or more."
    ),
    # how sentences are put together
    "sentence": "{said}.", "sentence_why": "{said}: {why}.",
}  # fmt: skip
