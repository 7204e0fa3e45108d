"""Long work says where it is: a bar or a spinner on a terminal, plain lines in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, TextIO, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """What long work tells; `text` says what is being done, such as "reading events"."""

    def step(self, text: str) -> AbstractContextManager[None]:
        """Work of unknown length, from entering to leaving."""
        ...

    def track(self, items: Sequence[T], text: str) -> Iterator[T]:
        """Hand out the items one by one, and show how many of them are done."""
        ...


class Silent:
    """Says nothing; for callers that are not people."""

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        yield

    def track(self, items: Sequence[T], text: str) -> Iterator[T]:
        yield from items


class PlainLines:
    """A line when work starts, and one with the elapsed seconds when it is done."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        start = time.perf_counter()
        self._line(f"{text} ...")
        yield
        self._line(f"{text}: done in {time.perf_counter() - start:.1f} s")

    def track(self, items: Sequence[T], text: str) -> Iterator[T]:
        with self.step(f"{text} ({len(items)})"):
            yield from items

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class Bars:
    """Spinners and bars of `rich`, which leave one line each when they are done."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self._console = Console(file=stream)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        start = time.perf_counter()
        with self._console.status(_plain(text)):
            yield
        self._done(text, start)

    def track(self, items: Sequence[T], text: str) -> Iterator[T]:
        from rich.progress import track

        start = time.perf_counter()
        yield from track(items, description=_plain(text), console=self._console, transient=True)
        self._done(text, start)

    def _done(self, text: str, start: float) -> None:
        self._console.print(f"{text}: done in {time.perf_counter() - start:.1f} s", markup=False, highlight=False)


def progress_on(stream: TextIO) -> Progress:
    """Bars when the stream is a terminal, plain lines when it is a file or a pipe."""
    return Bars(stream) if stream.isatty() else PlainLines(stream)


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text)
