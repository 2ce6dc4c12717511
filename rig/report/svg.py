"""Pictures as inline SVG text: a histogram and a time line. Colours come from the page's CSS."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from rig.capture.model import Capture
from rig.latency import Press
from rig.report.words import micros

WIDTH = 720  # of a time line; below 620 px of screen it scrolls
_LEFT, _RIGHT = 96, 14  # px of room for line names, and for the last tick's label
_SPAN = WIDTH - _LEFT - _RIGHT
HIST_WIDTH = 330  # fits a phone; three stand side by side on a wide screen
_HIST_LEFT, _HIST_SPAN = 34, 280
_TOP, _BASE = 24, 118  # y of a histogram's tallest bar and of its axis
_ROW, _SWING = 30, 16  # px: height of a line's row, and of a level change in it
_BUSY_EDGES = 400  # more edges than this in one row are a blur; one block says so and stays small
_BINS_PER_DECADE = 10
_LOWEST_US = 0.1


def _open(width: int, height: int, title: str) -> str:
    box = f'viewBox="0 0 {width} {height}"'
    label = escape(title, quote=True)
    return f'<svg {box} role="img" aria-label="{label}" xmlns="http://www.w3.org/2000/svg">'


def _text(x: float, y: float, text: str, kind: str, anchor: str = "middle") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} class="{kind}">{escape(text)}</text>'


def _line(x0: float, y0: float, x1: float, y1: float, kind: str) -> str:
    ends = f'x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"'
    return f'<line {ends} class="{kind}"/>'


def histogram(samples: NDArray[np.float64], title: str, limit_us: float | None) -> str:
    """How many of `samples` (us, shape (n,)) lie where, on a logarithmic axis, with the limit."""
    finite = samples[np.isfinite(samples)]
    if not finite.size:
        return f"<p>{escape(title)}: not measured</p>"
    values = np.maximum(finite, _LOWEST_US)  # a sampled 0 has no place on a logarithmic axis
    high = max(float(values.max()), limit_us or 0.0)
    low_decade = math.floor(math.log10(float(values.min())) + 1e-9)
    decades = max(1, math.ceil(math.log10(high) + 0.02) - low_decade)
    edges = 10.0 ** (low_decade + np.arange(decades * _BINS_PER_DECADE + 1) / _BINS_PER_DECADE)
    counts, _ = np.histogram(values, edges)
    return "".join(
        [
            _open(HIST_WIDTH, 142, f"{title}: histogram of {finite.size} presses"),
            *_bars(counts, edges),
            *_decade_axis(low_decade, decades),
            *_limit_mark(limit_us, low_decade, decades),
            "</svg>",
        ]
    )


def _bars(counts: NDArray[np.int64], edges: NDArray[np.float64]) -> list[str]:
    width = _HIST_SPAN / len(counts)
    most = int(counts.max())
    parts = [_text(_HIST_LEFT - 6, _TOP + 4, f"{most}", "tick", "end")]
    parts.append(_text(_HIST_LEFT - 6, _BASE, "0", "tick", "end"))
    parts.append(_line(_HIST_LEFT, _TOP, _HIST_LEFT + _HIST_SPAN, _TOP, "grid"))
    for index in np.flatnonzero(counts):
        height = max(2.0, (_BASE - _TOP) * int(counts[index]) / most)  # one press stays visible
        x = _HIST_LEFT + index * width
        span = f"{micros(float(edges[index]))} to {micros(float(edges[index + 1]))} us"
        parts.append(
            f'<rect x="{x + 0.5:.1f}" y="{_BASE - height:.1f}" width="{max(1.0, width - 1):.1f}" '
            f'height="{height:.1f}" class="bar"><title>{span}: {counts[index]}</title></rect>'
        )
    return parts


def _decade_axis(low: int, decades: int) -> list[str]:
    parts = [_line(_HIST_LEFT, _BASE, _HIST_LEFT + _HIST_SPAN, _BASE, "axis")]
    for power in range(decades + 1):
        for step in (1, 2, 5) if power < decades else (1,):
            x = _HIST_LEFT + _HIST_SPAN * (power + math.log10(step)) / decades
            parts.append(_line(x, _BASE, x, _BASE + (6 if step == 1 else 3), "axis"))
            if step == 1 or decades == 1:
                value = f"{step * 10.0 ** (low + power):g}"
                rim = power == decades  # the last label grows inwards, or it would be cut off
                anchor = "end" if rim else "middle"
                parts.append(_text(x + 14 * rim, _BASE + 19, value, "tick", anchor))
    return parts


def _limit_mark(limit_us: float | None, low: int, decades: int) -> list[str]:
    if limit_us is None or limit_us <= 0:
        return []
    x = _HIST_LEFT + _HIST_SPAN * (math.log10(limit_us) - low) / decades
    label = _text(x - 6, 14, f"limit {micros(limit_us)} us", "tick", "end")
    return [_line(x, 6, x, _BASE, "limit"), label] if x >= _HIST_LEFT else []


def time_line(capture: Capture, press: Press, title: str) -> str:
    """All lines of `capture` around one press, in us from the moment the switch opened."""
    start, end = _view_ns(capture, press)
    part = capture.window(start, end)
    height = _ROW * len(part.lines) + 74
    scale = _SPAN / max(1, part.end_ns - part.start_ns)

    def x_of(t_ns: float) -> float:
        return _LEFT + (t_ns - part.start_ns) * scale

    parts = [_open(WIDTH, height, title)]
    bottom = height - 30
    parts += _time_axis(part, press.t_switch_ns, x_of, bottom)
    parts += _marks(press, x_of, bottom)
    for row, line in enumerate(part.lines):
        base = 40 + _ROW * row + 22
        parts.append(_text(_LEFT - 8, base - 3, line, "name", "end"))
        parts.append(_wave(part, line, x_of, base))
    return "".join([*parts, "</svg>"])


def _view_ns(capture: Capture, press: Press) -> tuple[int, int]:
    """The press with some air on both sides; two milliseconds where its end is missing."""
    seen = [t for t in (press.t_halt_ns, press.t_ack_ns) if t is not None]
    span = max(max(seen) - press.t_switch_ns, 20_000) if seen else 2_000_000
    if not press.complete:
        span = max(span, 2_000_000)
    start = max(press.t_switch_ns - span // 6, capture.start_ns)
    return start, min(press.t_switch_ns + span + span // 4, capture.end_ns)


def _time_axis(part: Capture, zero_ns: int, x_of, bottom: float) -> list[str]:
    parts = [_line(_LEFT, bottom, _LEFT + _SPAN, bottom, "axis")]
    step_us = _nice_step((part.end_ns - part.start_ns) / 1000 / 7)
    first = math.ceil((part.start_ns - zero_ns) / 1000 / step_us)
    last = math.floor((part.end_ns - zero_ns) / 1000 / step_us)
    for k in range(first, last + 1):
        x = x_of(zero_ns + k * step_us * 1000)
        parts.append(_line(x, 34, x, bottom + 4, "grid"))
        at_the_rim = x > WIDTH - 20  # the label would be cut off
        anchor = "end" if at_the_rim else "middle"
        parts.append(_text(x + 12 * at_the_rim, bottom + 18, f"{k * step_us:,g}", "tick", anchor))
    parts.append(_text(_LEFT - 8, bottom + 18, "us", "tick", "end"))
    return parts


def _nice_step(raw: float) -> float:
    power = 10.0 ** math.floor(math.log10(max(raw, 1e-3)))
    return next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)


def _marks(press: Press, x_of, bottom: float) -> list[str]:
    """Numbered dashed lines at switch, HALT and ACK; their meaning stands in the caption."""
    parts: list[str] = []
    taken = -math.inf
    for label, t_ns in (("1", press.t_switch_ns), ("2", press.t_halt_ns), ("3", press.t_ack_ns)):
        if t_ns is None:
            continue
        x = x_of(t_ns)
        label_x = max(x, taken + 17)  # HALT follows within nanoseconds; labels step aside
        taken = label_x
        parts.append(_line(x, 34, x, bottom, "mark"))
        parts.append(f'<circle cx="{label_x:.1f}" cy="16" r="8" class="dot"/>')
        parts.append(_line(label_x, 24, x, 34, "mark"))
        parts.append(_text(label_x, 20, label, "dotlabel"))
    return parts


def _wave(part: Capture, line: str, x_of, base: float) -> str:
    """One line as a stepped path; a plain block where the edges would run together."""
    times = part.edges[line].tolist()
    level = part.initial[line]
    if len(times) > _BUSY_EDGES:
        x0, x1 = x_of(times[0]), x_of(times[-1])
        box = f'x="{x0:.1f}" y="{base - _SWING}" width="{max(1.0, x1 - x0):.1f}" height="{_SWING}"'
        return f'<rect {box} class="busy"><title>{len(times)} edges</title></rect>'
    path = [f"M{x_of(part.start_ns):.1f} {base - _SWING * level:.1f}"]
    for t_ns in times:
        level ^= 1
        path.append(f"H{x_of(t_ns):.1f}V{base - _SWING * level:.1f}")
    path.append(f"H{x_of(part.end_ns):.1f}")
    return f'<path d="{"".join(path)}" class="wave"/>'


def pick(presses: Sequence[Press]) -> tuple[int | None, int | None]:
    """Indices of the median complete press (nearest rank) and of the worst: a missing one first."""
    whole = [(p.switch_to_ack_us or 0.0, i) for i, p in enumerate(presses) if p.complete]
    missing = [i for i, p in enumerate(presses) if not p.complete]
    whole.sort()
    median = whole[(len(whole) - 1) // 2][1] if whole else None
    worst = missing[0] if missing else whole[-1][1] if whole else None
    return median, worst
