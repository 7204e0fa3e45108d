"""What every command of the command line shares: its options, the time, and the two streams that a person reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.problems import InputProblem, did_you_mean

if TYPE_CHECKING:
    from features.business import Business
    from features.progress import Progress

DEFAULT_CONFIG = Path("winback.toml")

Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The business's file [default: winback.toml]")
]


def config_file(ctx: typer.Context, after: Path | None) -> Path:
    """The file that --config names, after or before the command."""
    return after or ctx.obj or DEFAULT_CONFIG


def business_of(ctx: typer.Context, after: Path | None) -> Business:
    from features.business import read_business

    return read_business(config_file(ctx, after))


def one_of(word: str, known: Sequence[str], what: str) -> str:
    if word not in known:
        raise InputProblem(f"'{word}' is not a {what}. {did_you_mean(word, known)}", f"unknown_{what}")
    return word


def moment_of(as_of: str | None, business: Business) -> int | None:
    from features.clock import parse_instant

    return None if as_of is None else parse_instant(as_of, business.events.time_zone)


def right_now() -> int:
    """Microseconds UTC; the only place of the library that asks what time it is."""
    import time

    return time.time_ns() // 1000


def remember(business: Business, *paths: str | Path) -> None:
    """Note files with rows of users, so that `winback forget` finds them."""
    from features.outputs import remember as note

    note(business, *paths)


def who() -> str:
    """Who gives an order, as the machine knows them."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"user {os.getuid()}"


def showing_progress() -> Progress:
    from features.progress import progress_on

    return progress_on(sys.stderr)


def say(lines: Iterable[str]) -> None:
    """All that a person reads on standard output passes here."""
    for line in lines:
        typer.echo(line)


def complain(text: str) -> None:
    """All that a person reads on standard error passes here; one paragraph."""
    typer.echo(" ".join(text.split()), err=True)

