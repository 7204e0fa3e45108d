"""The front door: the command line. Every command reads what it is given, calls one room, and says what came out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, cast

import typer

from features.problems import InputProblem, did_you_mean

if TYPE_CHECKING:
    from features.business import Business
    from features.definitions import TaskName
    from features.progress import Progress
    from serving.phrases import Language
    from training.proposing.proposal import Proposal

DEFAULT_CONFIG = Path("winback.toml")
TASKS = ("churn", "conversion", "ltv")
LANGUAGES = ("en", "zh")

app = typer.Typer(
    help="Raw event history in, decisions about people out: who leaves, who buys, what each is worth, why, and "
        "what to do.",
    rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, no_args_is_help=True,
)  # fmt: skip

Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The business's file [default: winback.toml]")
]
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

    path = _config(ctx, config)
    refuse_existing(path, force)
    with _progress().step(f"looking at {without_password(source)[0]}"):
        proposal = propose(source, path, _now(), {"user": user, "time": time}, query)
    write_config(proposal.config.text, path, force)
    _say(_proposed(proposal, path))


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

    business = _business(ctx, config)
    for one in [business.reading(source, Path.cwd()) for source in sources or ()] or [business]:
        _say(run(one, _now(), _progress()).lines())


@app.command()
def compact(ctx: typer.Context, config: Config = None) -> None:
    """Merge the segments of the event log into one."""
    from features.log.compaction import compact as run

    _say(run(_business(ctx, config), _progress()).lines())


@app.command()
def forget(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="The id as the source writes it")],
    at_once: Annotated[bool, typer.Option("--now", help="Compact the event log too")] = False,
    config: Config = None,
) -> None:
    """Erase a user from store, log and score files; print and keep a receipt."""
    business = _business(ctx, config)
    from serving.forgetting import forget as run

    _say(run(business, user, _now(), at_once, _progress()).lines())


@app.command()
def flush(ctx: typer.Context, config: Config = None) -> None:
    """Carry the events that were posted to the service into the event log, each exactly once."""
    from features.online.flush import flush as run
    from features.online.place import open_history

    business = _business(ctx, config)
    store = open_history(business)
    _say(run(business, store, _now(), _progress()).lines())
    store.close()


@app.command()
def warm(ctx: typer.Context, config: Config = None) -> None:
    """Fill the service's store of histories from the event log, at bulk speed and while the service runs."""
    from features.online.place import open_history
    from features.online.place import warm as run

    business = _business(ctx, config)
    store = open_history(business)
    past, filled = run(business, store, _now(), _progress())
    store.close()
    says = "are at hand now" if filled else "were at hand already"
    _say([f"{past.event_count:,} events of {past.user_count:,} users {says}; posted events are kept."])


@app.command()
def backup(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Such as winback-backup.tar.gz")],
    config: Config = None,
) -> None:
    """Everything that cannot be made again in one file, while the service goes on: log, store, models, keys."""
    path, business = _config(ctx, config), _business(ctx, config)
    from serving.backup import backup as run

    _say(run(business, path, out, _now(), _progress()).lines())


@app.command()
def restore(
    ctx: typer.Context,
    archive: Annotated[Path, typer.Argument(metavar="FILE", help="A file of `winback backup`")],
    into: Annotated[
        Path | None, typer.Option("--into", metavar="DIR", help="A folder [default: that of winback.toml]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the state that is there")] = False,
    config: Config = None,
) -> None:
    """Bring a backup back, every file of it checked first; stop the service before."""
    from serving.restore import restore as run

    _say(run(archive, into or _config(ctx, config).resolve().parent, force, _progress()).lines())


@app.command()
def status(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine")] = False,
    config: Config = None,
) -> None:
    """How things stand: data age, event log, store, champions, what waits, what is missing and what to do."""
    from serving.status import status as run

    found = run(_business(ctx, config), _now())
    if as_json:
        import json

        _say([json.dumps(found.to_json(), indent=1, ensure_ascii=False)])
        return
    _say(found.lines())


@app.command()
def check(ctx: typer.Context, config: Config = None) -> None:
    """Pre-check: rows, users, span, kinds, rejected rows, what each task can and cannot learn, what to fix."""
    from features.past import open_past
    from training.checking import precheck
    from training.checking.precheck_text import lines

    business, progress = _business(ctx, config), _progress()
    past, account = open_past(business, _now(), progress)
    with progress.step("looking at what can be learned"):
        found = precheck.check(business, account, past)
    _say(lines(found))
    if found.problem:
        raise found.problem
    rejected = business.state / "rejected.csv"
    if len(account.rejected) or rejected.exists():
        account.rejected.write(rejected)
        _say([f"Rejected rows: {rejected}"])


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
    language = cast("Language", _one_of(lang, LANGUAGES, "language"))
    business, progress = _business(ctx, config), _progress()
    from features.past import open_past
    from serving.definition_lines import lines
    from training.define.workbench import compare

    past, _ = open_past(business, _now(), progress)
    found = compare(business, past, progress)
    if out is not None:
        import json

        from features.whole_file import whole_file

        with whole_file(out) as draft:
            draft.write_text(json.dumps(found.to_json(), indent=1, ensure_ascii=False), "utf-8")
    _say(lines(found, language))


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
    business, progress, now = _business(ctx, config), _progress(), _now()
    if describe:
        from features.describe import describe as described
        from features.past import catalog_of, open_past

        past, _ = open_past(business, now, progress)
        _say(described(catalog_of(business, past)))
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
    _remember(business, out)
    _say([f"{out}: {written.users:,} users, {written.features:,} features as of {as_of}"])


@app.command()
def train(
    ctx: typer.Context,
    tasks: Annotated[
        list[str] | None, typer.Argument(metavar="[churn|conversion|ltv ...]", help="All three by default")
    ] = None,
    config: Config = None,
) -> None:
    """Train, judge and register a model for each task; promote it if the judge agrees."""
    named = tuple(cast("TaskName", _one_of(name, TASKS, "task")) for name in dict.fromkeys(tasks or ()))
    business = _business(ctx, config)
    from training.job import train as run

    for result in run(business, named, _now(), _progress()):
        _say(result.lines())


@app.command()
def compare(
    ctx: typer.Context,
    first: Annotated[str, typer.Argument(metavar="A", help="Such as churn/3, champion, or a run's id")],
    second: Annotated[str, typer.Argument(metavar="B", help="Such as churn/2, champion, or a run's id")],
    config: Config = None,
) -> None:
    """Two models side by side: window by window, for whom they differ, and what they were made from."""
    from training.judging.contrast import compare as run

    _say(run(_business(ctx, config), first, second, _now(), _progress()))


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

    _say(run(_business(ctx, config), models, Order(_who(), reason, _now()), _progress()))


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

    _say(run(_business(ctx, config), tasks, Order(_who(), reason, _now()), _progress()))


@app.command()
def retrain(
    ctx: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="Of MLflow; or a version such as churn/3")],
    config: Config = None,
) -> None:
    """Repeat a training with its own configuration on today's data; say what differs, if anything does."""
    from training.keeping.retrain import retrain as run

    for result in run(_business(ctx, config), run_id, _now(), _progress()):
        _say(result.lines())


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
    language = cast("Language", _one_of(lang, LANGUAGES, "language"))
    business = _business(ctx, config)
    moment = _moment(as_of, business)
    if stages:
        from serving.stages import write_stages

        _say(write_stages(business, moment, Path(out), _now(), _progress()).lines())
        _remember(business, out)
        return
    if spark:
        from serving.spark import score as on_spark

        _say(on_spark(business, moment, out, _now(), language, spark, _progress()).lines())
        _remember(business, out)
        return
    from serving.batch import score as run

    _say(run(business, moment, Path(out), _now(), language, _progress()).lines())
    _remember(business, out)


@app.command()
def report(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write the page into")],
    as_of: AsOf = None,
    lang: Lang = "en",
    config: Config = None,
) -> None:
    """Write the explanation report for operations, and the model card."""
    language = cast("Language", _one_of(lang, LANGUAGES, "language"))
    business = _business(ctx, config)
    moment = _moment(as_of, business)
    from serving.report.page import write_report
    from training.define.workbench import compare

    page = write_report(business, moment, out, language, _now(), _progress(), compare)
    _remember(business, page, page.with_name("first_to_contact.csv"))
    _say([f"Report: {page}"])


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
    path = _config(ctx, config)
    _business(ctx, config)
    from serving.service import run

    run(path, port, host, workers, no_keys)


@app.command()
def bento(ctx: typer.Context, config: Config = None) -> None:
    """Pack the service with its champions into a bento, which starts anywhere without registry or network."""
    path = _config(ctx, config)
    _business(ctx, config)
    from serving.bento import build

    tag = build(path, _progress())
    _say([
        f"{tag} is built. `bentoml serve {tag}` starts it; its state then lies in .winback of that folder.",
        "It asks callers for the API keys of this folder; WINBACK_KEYS=off in its environment lets everybody in.",
    ])  # fmt: skip


keys = typer.Typer(help="API keys of the service.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(keys, name="keys")


@keys.command("add")
def keys_add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who uses it, such as crm; it appears in the logs")],
    scope: Annotated[
        list[str] | None, typer.Option("--scope", metavar="S", help="score, events or admin; may be repeated")
    ] = None,
    config: Config = None,
) -> None:
    """Make a key and print it once; a running service knows it within a second."""
    from serving.keys import add_key

    token = add_key(_business(ctx, config), name, scope or (), _now())
    _say([token])
    print("Keep it now: only a hash of it is stored. Send it as 'Authorization: Bearer ...'.", file=sys.stderr)


@keys.command("list")
def keys_list(ctx: typer.Context, config: Config = None) -> None:
    """Names, scopes and ages of the keys."""
    from serving.keys import listing

    _say(listing(_business(ctx, config)))


@keys.command("remove")
def keys_remove(
    ctx: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME")], config: Config = None
) -> None:
    """Take a key back; a running service refuses it within a second."""
    from serving.keys import remove_key

    remove_key(_business(ctx, config), name)
    _say([f"removed: {name}"])


def main() -> NoReturn:
    """Run a command; exit 0 done, 1 the work failed, 2 the input is wrong."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # the others touch new memory for every piece read
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # our algebra is small: waiting threads cost ten times the work
    try:
        app()
    except InputProblem as problem:
        _complain(str(problem))
        sys.exit(2)
    except (SystemExit, KeyboardInterrupt):
        raise
    except Exception as error:  # the one place where anything may arrive; --debug shows it whole
        if "--debug" in sys.argv:
            raise
        said = " ".join(str(error).split())[:300]
        _complain(
            f"winback could not finish: {type(error).__name__}{': ' + said if said else ''}. Run `winback --debug "
            f"...` for the traceback."
        )
        sys.exit(1)
    sys.exit(0)


def _config(ctx: typer.Context, after: Path | None) -> Path:
    """The file that --config names, after or before the command."""
    return after or ctx.obj or DEFAULT_CONFIG


def _business(ctx: typer.Context, after: Path | None) -> Business:
    from features.business import read_business

    return read_business(_config(ctx, after))


def _one_of(word: str, known: Sequence[str], what: str) -> str:
    if word not in known:
        raise InputProblem(f"'{word}' is not a {what}. {did_you_mean(word, known)}", f"unknown_{what}")
    return word


def _moment(as_of: str | None, business: Business) -> int | None:
    from features.clock import parse_instant

    return None if as_of is None else parse_instant(as_of, business.events.time_zone)


def _now() -> int:
    """Microseconds UTC; the only place of the library that asks what time it is."""
    import time

    return time.time_ns() // 1000


def _remember(business: Business, *paths: str | Path) -> None:
    """Note files with rows of users, so that `winback forget` finds them."""
    from features.outputs import remember

    remember(business, *paths)


def _who() -> str:
    """Who gives an order, as the machine knows them."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"user {os.getuid()}"


def _progress() -> Progress:
    from features.progress import progress_on

    return progress_on(sys.stderr)


def _proposed(proposal: Proposal, path: Path) -> list[str]:
    found = [f"  {role:<12} {choice.column}" for role, choice in proposal.columns.choices.items() if choice.column]
    if proposal.config.to_fill:
        lines = [f"  line {number}: {key} = ..." for key, number in proposal.config.to_fill.items()]
        return [f"{path} is written, but not complete. {proposal.problem}", *found, "Fill in:", *lines]
    said = [f"  {sentence}" for sentence in proposal.meaning.says]
    return [f"{path} is written; the comments in it say why.", *found, *said, "Next: winback check"]


def _say(lines: Iterable[str]) -> None:
    """All that a person reads on standard output passes here."""
    for line in lines:
        typer.echo(line)


def _complain(text: str) -> None:
    """All that a person reads on standard error passes here; one paragraph."""
    typer.echo(" ".join(text.split()), err=True)


if __name__ == "__main__":
    main()
