"""How far a session is: a bar on a terminal, plain lines anywhere else, nothing beside JSON."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

# Lines of progress in a layout, where there is no bar.
_LINES = 100


class Pressed(NamedTuple):
    """The press that comes next, counted from 1."""

    layout: str
    number: int
    total: int

    def __str__(self) -> str:
        return f"{self.layout.replace('_', ' ')}: press {self.number} of {self.total}"


class Say(Protocol):
    """Takes a line of text, or the press that comes next."""

    def __call__(self, news: str | Pressed, /) -> None: ...


@contextmanager
def progress(quiet: bool) -> Iterator[Say]:
    """Give what tells the user; `quiet` for a run whose output is one JSON object."""
    if quiet:
        yield lambda _news: None
    elif sys.stderr.isatty():
        yield from _bars()
    else:
        yield _lines


def _lines(news: str | Pressed) -> None:
    if isinstance(news, Pressed) and news.number % max(1, news.total // _LINES):
        return
    print(f"{time.strftime('%H:%M:%S')}  {news}", file=sys.stderr, flush=True)


def _bars() -> Iterator[Say]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bars:
        tasks = {}

        def say(news: str | Pressed) -> None:
            if not isinstance(news, Pressed):
                bars.console.print(
                    f"{time.strftime('%H:%M:%S')}  {news}", markup=False, highlight=False
                )
                return
            if news.layout not in tasks:
                tasks[news.layout] = bars.add_task(news.layout.replace("_", " "), total=news.total)
            bars.update(tasks[news.layout], completed=news.number)

        yield say
