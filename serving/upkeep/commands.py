"""The commands that keep a running service: its store, its keys, its state, and what it knows of people."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from serving.upkeep.terminal import Config, business_of, config_file, right_now, say, showing_progress


def forget(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="The id as the source writes it")],
    at_once: Annotated[bool, typer.Option("--now", help="Compact the event log too")] = False,
    config: Config = None,
) -> None:
    """Erase a user from store, log and score files; print and keep a receipt."""
    business = business_of(ctx, config)
    from serving.upkeep.forgetting import forget as run

    say(run(business, user, right_now(), at_once, showing_progress()).lines())


def flush(ctx: typer.Context, config: Config = None) -> None:
    """Carry the events that were posted to the service into the event log, each exactly once."""
    from features.online.flush import flush as run
    from features.online.place import open_history

    business = business_of(ctx, config)
    store = open_history(business)
    say(run(business, store, right_now(), showing_progress()).lines())
    store.close()


def warm(ctx: typer.Context, config: Config = None) -> None:
    """Fill the service's store of histories from the event log, at bulk speed and while the service runs."""
    from features.online.place import open_history
    from features.online.place import warm as run

    business = business_of(ctx, config)
    store = open_history(business)
    past, filled = run(business, store, right_now(), showing_progress())
    store.close()
    says = "are at hand now" if filled else "were at hand already"
    say([f"{past.event_count:,} events of {past.user_count:,} users {says}; posted events are kept."])


def backup(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Such as winback-backup.tar.gz")],
    config: Config = None,
) -> None:
    """Everything that cannot be made again in one file, while the service goes on: log, store, models, keys."""
    path, business = config_file(ctx, config), business_of(ctx, config)
    from serving.upkeep.backup import backup as run

    say(run(business, path, out, right_now(), showing_progress()).lines())


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
    from serving.upkeep.restore import restore as run

    say(run(archive, into or config_file(ctx, config).resolve().parent, force, showing_progress()).lines())


def status(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine")] = False,
    config: Config = None,
) -> None:
    """How things stand: data age, event log, store, champions, what waits, what is missing and what to do."""
    from serving.upkeep.status import status as run

    found = run(business_of(ctx, config), right_now())
    if as_json:
        import json

        say([json.dumps(found.to_json(), indent=1, ensure_ascii=False)])
        return
    say(found.lines())


def bento(ctx: typer.Context, config: Config = None) -> None:
    """Pack the service with its champions into a bento, which starts anywhere without registry or network."""
    path = config_file(ctx, config)
    business_of(ctx, config)
    from serving.bento import build

    tag = build(path, showing_progress())
    say([
        f"{tag} is built. `bentoml serve {tag}` starts it; its state then lies in .winback of that folder.",
        "It asks callers for the API keys of this folder; WINBACK_KEYS=off in its environment lets everybody in.",
    ])  # fmt: skip


keys = typer.Typer(help="API keys of the service.", no_args_is_help=True, rich_markup_mode=None)


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
    from serving.interface.keys import add_key

    token = add_key(business_of(ctx, config), name, scope or (), right_now())
    say([token])
    print("Keep it now: only a hash of it is stored. Send it as 'Authorization: Bearer ...'.", file=sys.stderr)


@keys.command("list")
def keys_list(ctx: typer.Context, config: Config = None) -> None:
    """Names, scopes and ages of the keys."""
    from serving.interface.keys import listing

    say(listing(business_of(ctx, config)))


@keys.command("remove")
def keys_remove(
    ctx: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME")], config: Config = None
) -> None:
    """Take a key back; a running service refuses it within a second."""
    from serving.interface.keys import remove_key

    remove_key(business_of(ctx, config), name)
    say([f"removed: {name}"])


COMMANDS = (flush, warm, status, backup, restore, forget, bento)
