"""The front door: the command line. Every command reads what it is given, calls one room, and says what came out."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, cast

import typer

from features.problems import InputProblem
from serving.upkeep.commands import COMMANDS, keys
from serving.upkeep.terminal import (
    Config,
    business_of,
    complain,
    config_file,
    moment_of,
    one_of,
    remember,
    right_now,
    say,
    showing_progress,
    who,
)

if TYPE_CHECKING:
    from features.definitions import TaskName
    from serving.phrases import Language

TASKS = ("churn", "conversion", "ltv")
LANGUAGES = ("en", "zh")

app = typer.Typer(
    help="Raw event history in, decisions about people out: who leaves, who buys, what each is worth, why, and "
        "what to do.",
    rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, no_args_is_help=True,
)  # fmt: skip

AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="D", help="A date (00:00 of it) or a full ISO 8601 moment")
]
Lang = Annotated[str, typer.Option("--lang", metavar="L", help="The language of the reasons: en or zh")]
Spark = Annotated[
    str | None,
    typer.Option(
        "--spark", metavar="MASTER", help="Compute on Spark: local[2], spark://HOST:7077, yarn, ...; --out is a folder"
    ),
]


@app.callback()
def front_door(
    ctx: typer.Context,
    config: Config = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure")] = False,
) -> None:
    """Options that go before a command."""
    ctx.obj = config


@app.command()
def init(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A file, folder or glob: csv, tsv, txt, parquet, json, zip; amplitude:, mixpanel:, ga4:, segment:, "
            "shopify: in front; or a postgresql:// URL",
        ),
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace an existing winback.toml")] = False,
    user: Annotated[
        str, typer.Option("--user", metavar="COLUMN", help="The user's column, where it cannot be found")
    ] = "",
    time: Annotated[
        str, typer.Option("--time", metavar="COLUMN", help="The time's column, where it cannot be found")
    ] = "",
    query: Annotated[str, typer.Option("--query", metavar="SQL", help="Which rows of a database, one an event")] = "",
    config: Config = None,
) -> None:
    """Propose winback.toml from the data, with the evidence for each choice."""
    from features.sources.exports import without_password
    from training.proposing.config_file import refuse_existing, write_config
    from training.proposing.proposal import propose

    path = config_file(ctx, config)
    refuse_existing(path, force)
    with showing_progress().step(f"looking at {without_password(source)[0]}"):
        proposal = propose(source, path, right_now(), {"user": user, "time": time}, query)
    write_config(proposal.config.text, path, force)
    say(proposal.lines(path))


@app.command()
def ingest(
    ctx: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE...", help="Files, folders or globs [default: the source of winback.toml]"),
    ] = None,
    config: Config = None,
) -> None:
    """Append sources to the event log, every event once; the other commands read the log as soon as there is one."""
    from features.log.ingest import ingest as run

    business = business_of(ctx, config)
    for one in [business.reading(source, Path.cwd()) for source in sources or ()] or [business]:
        say(run(one, right_now(), showing_progress()).lines())


@app.command()
def compact(ctx: typer.Context, config: Config = None) -> None:
    """Merge the segments of the event log into one."""
    from features.log.compaction import compact as run

    say(run(business_of(ctx, config), showing_progress()).lines())


@app.command()
def check(ctx: typer.Context, config: Config = None) -> None:
    """Pre-check: rows, users, span, kinds, rejected rows, what each task can and cannot learn, what to fix."""
    from features.past import open_past
    from training.checking import precheck
    from training.checking.precheck_text import lines

    business, progress = business_of(ctx, config), showing_progress()
    past, account = open_past(business, right_now(), progress)
    with progress.step("looking at what can be learned"):
        found = precheck.check(business, account, past)
    say(lines(found))
    if found.problem:
        raise found.problem
    rejected = business.state / "rejected.csv"
    if len(account.rejected) or rejected.exists():
        account.rejected.write(rejected)
        say([f"Rejected rows: {rejected}"])


@app.command()
def define(
    ctx: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="F.json", help="Also write every figure as JSON")
    ] = None,
    lang: Lang = "en",
    config: Config = None,
) -> None:
    """Compare what leaving and converting could mean, on your own log; recommend one of each, with the reason."""
    language = cast("Language", one_of(lang, LANGUAGES, "language"))
    business, progress = business_of(ctx, config), showing_progress()
    from features.past import open_past
    from serving.definition_lines import lines
    from training.define.workbench import compare

    past, _ = open_past(business, right_now(), progress)
    found = compare(business, past, progress)
    if out is not None:
        import json

        from features.whole_file import whole_file

        with whole_file(out) as draft:
            draft.write_text(json.dumps(found.to_json(), indent=1, ensure_ascii=False), "utf-8")
    say(lines(found, language))


@app.command()
def features(
    ctx: typer.Context,
    as_of: AsOf = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="F.parquet", help="Where to write one row a user")
    ] = None,
    describe: Annotated[bool, typer.Option("--describe", help="Print the catalogue instead of computing it")] = False,
    spark: Spark = None,
    config: Config = None,
) -> None:
    """Every feature of every user at one moment, as Parquet; or what each of them means."""
    business, progress, now = business_of(ctx, config), showing_progress(), right_now()
    if describe:
        from features.describe import describe as described
        from features.past import catalog_of, open_past

        past, _ = open_past(business, now, progress)
        say(described(catalog_of(business, past)))
        return
    if as_of is None or out is None:
        raise InputProblem(
            "`winback features` needs --as-of D (such as 2026-07-01) and --out F.parquet; --describe prints what the "
            "features mean.",
            "missing_option",
        )
    from features.clock import parse_instant

    moment = parse_instant(as_of, business.events.time_zone)
    if spark:
        from features.spark.export import write_features as on_spark

        written = on_spark(business, moment, out, spark, now, progress)
    else:
        from features.export import write_features
        from features.past import open_past

        past, _ = open_past(business, now, progress)
        with progress.step("computing features"):
            written = write_features(business, past, moment, Path(out))
    remember(business, out)
    say([f"{out}: {written.users:,} users, {written.features:,} features as of {as_of}"])


@app.command()
def train(
    ctx: typer.Context,
    tasks: Annotated[
        list[str] | None, typer.Argument(metavar="[churn|conversion|ltv ...]", help="All three by default")
    ] = None,
    config: Config = None,
) -> None:
    """Train, judge and register a model for each task; promote it if the judge agrees."""
    named = tuple(cast("TaskName", one_of(name, TASKS, "task")) for name in dict.fromkeys(tasks or ()))
    business = business_of(ctx, config)
    from training.job import train as run

    for result in run(business, named, right_now(), showing_progress()):
        say(result.lines())


@app.command()
def compare(
    ctx: typer.Context,
    first: Annotated[str, typer.Argument(metavar="A", help="Such as churn/3, champion, or a run's id")],
    second: Annotated[str, typer.Argument(metavar="B", help="Such as churn/2, champion, or a run's id")],
    config: Config = None,
) -> None:
    """Two models side by side: window by window, for whom they differ, and what they were made from."""
    from training.judging.contrast import compare as run

    say(run(business_of(ctx, config), first, second, right_now(), showing_progress()))


@app.command()
def promote(
    ctx: typer.Context,
    models: Annotated[list[str], typer.Argument(metavar="CHURN/3 ...", help="One version of each question")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the version")] = "",
    config: Config = None,
) -> None:
    """Make versions champions by hand, whatever the judge had said."""
    from training.keeping.succession import Order
    from training.keeping.succession import promote as run

    say(run(business_of(ctx, config), models, Order(who(), reason, right_now()), showing_progress()))


@app.command()
def rollback(
    ctx: typer.Context,
    tasks: Annotated[list[str], typer.Argument(metavar="churn|conversion|ltv ...")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the version")] = "",
    config: Config = None,
) -> None:
    """Give the place back to the champion before today's; twice goes back twice."""
    from training.keeping.succession import Order
    from training.keeping.succession import rollback as run

    say(run(business_of(ctx, config), tasks, Order(who(), reason, right_now()), showing_progress()))


@app.command()
def retrain(
    ctx: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="Of MLflow; or a version such as churn/3")],
    config: Config = None,
) -> None:
    """Repeat a training with its own configuration on today's data; say what differs, if anything does."""
    from training.keeping.retrain import retrain as run

    for result in run(business_of(ctx, config), run_id, right_now(), showing_progress()):
        say(result.lines())


@app.command()
def score(
    ctx: typer.Context,
    out: Annotated[str, typer.Option("--out", metavar="F.parquet", help="Where to write one row a user")],
    as_of: AsOf = None,
    lang: Lang = "en",
    spark: Spark = None,
    stages: Annotated[bool, typer.Option("--stages", help="Lifecycle stages alone, which need no model")] = False,
    config: Config = None,
) -> None:
    """Score every user: probabilities, band, stage, reasons."""
    language = cast("Language", one_of(lang, LANGUAGES, "language"))
    business = business_of(ctx, config)
    moment = moment_of(as_of, business)
    if stages:
        from serving.stages import write_stages

        say(write_stages(business, moment, Path(out), right_now(), showing_progress()).lines())
        remember(business, out)
        return
    if spark:
        from serving.spark import score as on_spark

        say(on_spark(business, moment, out, right_now(), language, spark, showing_progress()).lines())
        remember(business, out)
        return
    from serving.batch import score as run

    say(run(business, moment, Path(out), right_now(), language, showing_progress()).lines())
    remember(business, out)


@app.command()
def report(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write the page into")],
    as_of: AsOf = None,
    lang: Lang = "en",
    config: Config = None,
) -> None:
    """Write the explanation report for operations, and the model card."""
    language = cast("Language", one_of(lang, LANGUAGES, "language"))
    business = business_of(ctx, config)
    moment = moment_of(as_of, business)
    from serving.report.page import write_report
    from training.define.workbench import compare

    page = write_report(business, moment, out, language, right_now(), showing_progress(), compare)
    remember(business, page, page.with_name("first_to_contact.csv"))
    say([f"Report: {page}"])


@app.command()
def serve(
    ctx: typer.Context,
    port: Annotated[int, typer.Option("--port", metavar="N", min=1, max=65_535)] = 3000,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS")] = "127.0.0.1",
    workers: Annotated[int, typer.Option("--workers", metavar="N", min=1, max=64, help="Processes that answer")] = 1,
    no_keys: Annotated[
        bool, typer.Option("--no-keys", help="Ask callers for no API key; on this machine alone")
    ] = False,
    config: Config = None,
) -> None:
    """Serve scores over HTTP, with events posted as they happen."""
    path = config_file(ctx, config)
    business_of(ctx, config)
    from serving.service import run

    run(path, port, host, workers, no_keys)


for command in COMMANDS:
    app.command()(command)
app.add_typer(keys, name="keys")


def main() -> NoReturn:
    """Run a command; exit 0 done, 1 the work failed, 2 the input is wrong."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # the others touch new memory for every piece read
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # our algebra is small: waiting threads cost ten times the work
    try:
        app()
    except InputProblem as problem:
        complain(str(problem))
        sys.exit(2)
    except (SystemExit, KeyboardInterrupt):
        raise
    except Exception as error:  # the one place where anything may arrive; --debug shows it whole
        if "--debug" in sys.argv:
            raise
        said = " ".join(str(error).split())[:300]
        complain(
            f"winback could not finish: {type(error).__name__}{': ' + said if said else ''}. Run `winback --debug "
            f"...` for the traceback."
        )
        sys.exit(1)
    sys.exit(0)


if __name__ == "__main__":
    main()
