"""Changes of the mode at given times: what a person or the guard would have done meanwhile."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from host.data.table import IntArray
from host.modes import TradingMode

# EMERGENCY is left by a person at the box alone, so a script cannot come back from it.
MODES = (TradingMode.NORMAL, TradingMode.REDUCED, TradingMode.PAUSED)
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Change:
    """From `at_ns` on (UTC, since 1970) the mode is `mode`."""

    at_ns: int
    mode: TradingMode


def parse(line: str) -> Change:
    """Read `TIME=MODE`; a time without an offset is UTC. Raises ValueError with one line."""
    text, equals, name = line.strip().partition("=")
    wanted = {mode.name: mode for mode in MODES}
    if not equals or name.strip() not in wanted:
        raise ValueError(f"{line.strip()[:60]!r}: TIME=MODE, MODE one of {', '.join(wanted)}")
    try:
        when = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{line.strip()[:60]!r}: no time such as 2024-01-01T00:00:00Z") from None
    when = when if when.tzinfo else when.replace(tzinfo=datetime.UTC)
    us = (when - _EPOCH) // datetime.timedelta(microseconds=1)
    return Change(us * 1000, wanted[name.strip()])


def script(lines: Iterable[str]) -> list[Change]:
    """Read changes, empty lines and comments (#) left out, and bring them into order."""
    wanted = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return sorted((parse(line) for line in wanted), key=lambda change: change.at_ns)


def by_row(changes: Iterable[Change], at_ns: IntArray) -> dict[int, TradingMode]:
    """Return {row: mode}: each change holds for the first row at or after it; a later one wins."""
    return {
        int(np.searchsorted(at_ns, change.at_ns)): change.mode
        for change in changes
        if change.at_ns <= at_ns[-1]
    }
