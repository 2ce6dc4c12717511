"""Small pictures as SVG elements of a page: lines over time, and bars by month. Colours are variables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from host.data.table import FloatArray, IntArray

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 920, 240, 74, 10, 10, 26
# Two points for each column of pixels are all that an eye, and a small file, can use.
COLUMNS = WIDTH - LEFT - RIGHT
TICKS = 4


class Frame:
    """From time and value to places in the picture."""

    def __init__(self, at_ns: IntArray, low: float, high: float) -> None:
        self.first, self.last = int(at_ns[0]), max(int(at_ns[-1]), int(at_ns[0]) + 1)
        spread = high - low or abs(high) or 1.0
        self.low, self.high = low - 0.04 * spread, high + 0.04 * spread

    def x(self, at_ns: Any) -> Any:
        """Place of a time."""
        return LEFT + (at_ns - self.first) / (self.last - self.first) * COLUMNS

    def y(self, value: Any) -> Any:
        """Place of a value."""
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def lines(
    title: str,
    at_ns: IntArray,
    columns: Sequence[tuple[str, FloatArray]],
    percent: bool = False,
    filled: bool = False,
) -> str:
    """Return a picture of columns over time; names and colours in the order of `.l0`, `.l1`."""
    taken = [thin(at_ns, column) for _name, column in columns]
    low = min(float(values.min()) for _at, values in taken)
    high = max(float(values.max()) for _at, values in taken)
    frame = Frame(at_ns, low, high)
    parts = [*_axes(frame, percent)]
    for place, (times, values) in enumerate(taken):
        points = " ".join(
            f"{x:.1f},{y:.1f}" for x, y in zip(frame.x(times), frame.y(values), strict=True)
        )
        if filled:
            zero = f"{frame.y(max(frame.low, min(0.0, frame.high))):.1f}"
            parts.append(
                f'<polygon class="a{place}" points="{LEFT},{zero} {points} {WIDTH - RIGHT},{zero}"/>'
            )
        parts.append(f'<polyline class="l{place}" points="{points}"/>')
    named = [name for name, _column in columns]
    return _picture(title, parts, named if len(named) > 1 else [])


def bars(title: str, rows: Sequence[tuple[str, float]]) -> str:
    """Return a picture of one bar each, above or below zero."""
    values = [value for _name, value in rows]
    frame = Frame(np.array([0, 1]), min(0.0, *values, 0.0), max(0.0, *values, 0.0))
    wide = COLUMNS / len(rows)
    parts = [*_grid(frame, True)]
    zero = frame.y(0.0)
    for place, (name, value) in enumerate(rows):
        top, end = sorted((zero, frame.y(value)))
        parts.append(
            f'<rect class="{"up" if value >= 0 else "down"}" x="{LEFT + place * wide:.1f}" '
            f'y="{top:.1f}" width="{max(0.6, 0.8 * wide):.1f}" height="{max(0.4, end - top):.1f}">'
            f"<title>{escape(name)}: {100 * value:.2f} %</title></rect>"
        )
    for place in range(0, len(rows), max(1, len(rows) // 8)):
        parts.append(_below(LEFT + (place + 0.4) * wide, rows[place][0]))
    return _picture(title, parts, [])


def thin(at_ns: IntArray, values: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the lowest and the highest value of each column of pixels: no peak is lost."""
    if len(values) <= 2 * COLUMNS:
        return at_ns, values
    taken = []
    for part in np.array_split(np.arange(len(values)), COLUMNS):
        ends = {int(part[values[part].argmin()]), int(part[values[part].argmax()])}
        taken += sorted(ends)
    return at_ns[taken], values[taken]


def _picture(title: str, parts: list[str], names: list[str]) -> str:
    key = "".join(
        f'<span class="k{place}">{escape(name)}</span>' for place, name in enumerate(names)
    )
    return (
        f'<figure><figcaption>{escape(title)} {key}</figcaption><svg role="img" '
        f'aria-label="{escape(title)}" viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(parts)}</svg></figure>'
    )


def _axes(frame: Frame, percent: bool) -> list[str]:
    parts = _grid(frame, percent)
    days = (frame.last - frame.first) / 86_400e9
    unit = "M" if days > 60 else "D" if days > 4 else "m"
    for step in range(TICKS + 1):
        at = frame.first + (frame.last - frame.first) * step // TICKS
        text = str(np.datetime64(at, "ns").astype(f"datetime64[{unit}]"))
        place = "start" if step == 0 else "end" if step == TICKS else "middle"
        parts.append(_below(frame.x(at), text.replace("T", " "), place))
    return parts


def _grid(frame: Frame, percent: bool) -> list[str]:
    parts = []
    step = _step((frame.high - frame.low) / TICKS)
    for count in range(math.ceil(frame.low / step), math.floor(frame.high / step) + 1):
        value = count * step
        y = frame.y(value)
        text = f"{100 * value:.1f} %" if percent else short(value, frame.high - frame.low)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    if frame.low < 0 < frame.high:
        zero = f"{frame.y(0.0):.1f}"
        parts.append(
            f'<line class="zero" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{zero}" y2="{zero}"/>'
        )
    return parts


def _step(least: float) -> float:
    """Return the round number at or above: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= least * (1 - 1e-9))


def short(value: float, spread: float) -> str:
    """Return a value with the decimals that tell it from its neighbours."""
    decimals = 0 if spread > 50 else 2 if spread > 0.5 else 4
    return f"{value:,.{decimals}f}"


def _below(x: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{escape(text)}</text>'
