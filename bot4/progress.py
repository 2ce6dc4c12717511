"""A bar that shows how far something is: on a terminal alone, and never in what is printed."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Protocol


class Shown(Protocol):
    """Takes how much of the total is done, and a word on it."""

    def __call__(self, done: float, note: str = "") -> None: ...


@contextlib.contextmanager
def progress(what: str, total: float) -> Iterator[Shown]:
    """Show a bar while the block runs."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as shown:
        task = shown.add_task(what, total=total)

        def step(done: float, note: str = "") -> None:
            shown.update(task, completed=done, description=f"{what} {note}")

        yield step
