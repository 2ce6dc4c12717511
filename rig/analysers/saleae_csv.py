"""The raw data that Logic 2 exports: `digital.csv`, one row for every change of any channel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rig.analysers.model import SECOND_NS, CaptureFailed, WrongChannels

# Nine decimals and more, and times before the trigger below zero.
_TIME = re.compile(r"(-?)(\d{1,9})(?:\.(\d{1,15}))?", re.ASCII)
Row = tuple[int, tuple[int, ...]]


def read_digital_csv(path: Path, channels: Sequence[int]) -> list[Row]:
    """Return (ns, level of each channel in the order of `channels`) of each row, the first at 0 ns.

    Raises WrongChannels, CaptureFailed: one line with the file's name and the row.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CaptureFailed(f"saleae: {path.name} cannot be read: {error}") from None
    lines = text.splitlines()
    if not lines or not text.endswith("\n"):
        raise CaptureFailed(f"saleae: {path.name} is empty or breaks off")
    order = _columns(path.name, lines[0], channels)
    rows = [_row(path.name, number, line, order) for number, line in enumerate(lines[1:], 2)]
    if not rows:
        raise CaptureFailed(f"saleae: {path.name} has no row")
    first_ns = rows[0][0]
    for number, (before, after) in enumerate(zip(rows, rows[1:], strict=False), 3):
        if after[0] <= before[0]:
            raise CaptureFailed(f"saleae: {path.name} row {number}: goes back in time")
    return [(at - first_ns, levels) for at, levels in rows]


def _columns(name: str, head: str, channels: Sequence[int]) -> list[int]:
    names = head.split(",")
    wanted = [f"Channel {channel}" for channel in channels]
    if names[0] != "Time [s]" or sorted(names[1:]) != sorted(wanted):
        there = ", ".join(names[1:]) or "none"
        raise WrongChannels(f"saleae: {name} has the channels {there}, not {', '.join(wanted)}")
    return [names.index(channel) for channel in wanted]


def _row(name: str, number: int, line: str, order: Sequence[int]) -> Row:
    fields = line.split(",")
    time = _TIME.fullmatch(fields[0])
    if time is None or len(fields) != len(order) + 1 or not {"0", "1"}.issuperset(fields[1:]):
        raise CaptureFailed(f"saleae: {name} row {number}: not a time and {len(order)} levels")
    fraction = (time[3] or "").ljust(9, "0")
    # Digits below a nanosecond are rounded, half up.
    at = int(time[2]) * SECOND_NS + int(fraction[:9]) + (fraction[9:10] >= "5")
    return (-at if time[1] else at, tuple(int(fields[column]) for column in order))
