"""The time line of one press: all lines, D7 with the names of its messages."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from rig.capture.model import Capture, CaptureError
from rig.decode import uart
from rig.decode.messages import Message, read_messages
from rig.guard_stamps import Closing
from rig.latency import Press
from rig.report.figures import MARK, Picture, wide
from rig.report.theme import LIGHT

_SWING = 0.55  # height of a level change; rows are 1 apart
_BUSY_EDGES = 600  # more edges than this in a row are a blur; one hatched block a burst says so
_BURST_NS = 100_000  # edges further apart than this belong to two bursts
_LEAST_GAP = 0.022  # of the width: labels closer than this step aside


def picture(
    name: str, label: str, capture: Capture, press: Press, closing: Closing | None = None
) -> Picture:
    """Draw every line of `capture`, in us from the moment the switch opened.

    1 switch, 2 HALT falls, 3 seen by the guard, 4 ACK.
    """

    def draw(axes: Axes) -> None:
        for row, line in enumerate(capture.lines):
            _wave(axes, capture, line, press.t_switch_ns, len(capture.lines) - 1 - row)
        _messages(axes, capture, press.t_switch_ns)
        span_ns = capture.start_ns, capture.end_ns
        _marks(axes, moments(press, closing), span_ns, press.t_switch_ns)
        rows = range(len(capture.lines))
        axes.set_yticks([r + _SWING / 2 for r in rows], capture.lines[::-1], family="monospace")
        axes.set_ylim(-0.45, len(capture.lines) - 0.2)
        axes.set_xlim(*((t_ns - press.t_switch_ns) / 1000 for t_ns in span_ns))
        axes.grid(visible=False, axis="y")
        axes.tick_params(left=False)
        axes.set_xlabel("us from the switch")
        axes.xaxis.set_major_formatter(lambda value, _place: f"{value:,g}")

    return wide(name, label, draw)


def moments(press: Press, closing: Closing | None) -> dict[int, int]:
    """Number -> time in ns of what is marked in the picture."""
    seen = None if closing is None else closing.seen_ns
    times = enumerate((press.t_switch_ns, press.t_halt_ns, seen, press.t_ack_ns), start=1)
    return {number: at_ns for number, at_ns in times if at_ns is not None}


def _wave(axes: Axes, capture: Capture, line: str, zero_ns: int, base: int) -> None:
    times = capture.edges[line]
    if len(times) > _BUSY_EDGES:
        _bursts(axes, times, zero_ns, base)
        return
    level = capture.initial[line]
    levels = [(level ^ (place & 1)) for place in range(len(times) + 1)]
    at = [(t - zero_ns) / 1000 for t in (capture.start_ns, *times.tolist(), capture.end_ns)]
    heights = [base + _SWING * each for each in (*levels, levels[-1])]
    axes.step(at, heights, where="post", color=LIGHT["wave"], linewidth=1.3)


def _bursts(axes: Axes, times: NDArray[np.int64], zero_ns: int, base: int) -> None:
    ends = np.flatnonzero(np.diff(times) > _BURST_NS)
    first, last = times[np.r_[0, ends + 1]], times[np.r_[ends, times.size - 1]]
    spans = np.column_stack((first - zero_ns, np.maximum(last - first, 1000))) / 1000
    kind: dict[str, Any] = {
        "facecolor": LIGHT["card"],
        "edgecolor": LIGHT["wave"],
        "hatch": "|||||",
    }
    axes.broken_barh(spans.tolist(), (base, _SWING), linewidth=0.8, **kind)


def _messages(axes: Axes, capture: Capture, zero_ns: int) -> None:
    """Name the messages below D7, where they can be read and there is room."""
    if uart.LINE not in capture.lines:
        return
    base = len(capture.lines) - 1 - capture.lines.index(uart.LINE)
    room_ns = 0.075 * (capture.end_ns - capture.start_ns)
    free_ns = float(capture.start_ns)
    for message in _heard(capture):
        if message.at_ns >= free_ns:
            axes.text((message.at_ns - zero_ns) / 1000, base - 0.33, message.name, fontsize=7)
            free_ns = message.at_ns + room_ns


def _heard(capture: Capture) -> list[Message]:
    try:
        return read_messages(uart.decode(capture)).messages
    except CaptureError:
        return []  # the picture has its edges all the same


def _marks(axes: Axes, times: dict[int, int], span_ns: tuple[int, int], zero_ns: int) -> None:
    """Numbered dashed lines; their meaning stands in the caption. Labels that would meet step aside."""
    taken = -1.0
    for number, at_ns in times.items():
        place = (at_ns - span_ns[0]) / max(1, span_ns[1] - span_ns[0])
        taken = max(place, taken + _LEAST_GAP)
        axes.axvline((at_ns - zero_ns) / 1000, **MARK)
        axes.annotate(
            str(number),
            xy=(place, 1.0),
            xytext=(taken, 1.05),
            xycoords="axes fraction",
            ha="center",
            fontsize=8,
            weight="bold",
            color=LIGHT["card"],
            bbox={"boxstyle": "circle,pad=0.25", "color": LIGHT["mark"]},
            arrowprops={"arrowstyle": "-", "color": LIGHT["mark"], "linewidth": 0.8},
        )
