"""The lamp test as reference: a pulse of 10 ms on red, then 20 ms on yellow, then 30 ms on green.

Its widths bound the analyser's clock error, and its order finds swapped channels. Nothing is concluded
from a capture without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.leds import LAMP_TEST_MS
from rig.capture.model import Capture, CaptureError

LAMPS = ("LED_RED", "LED_YELLOW", "LED_GREEN")
_MS_NS = 1_000_000
# Half the step between two lamps: a pulse is one of the three, or none.
_TOLERANCE_NS = 5 * _MS_NS
_GAP_NS = 2 * _MS_NS  # from one lamp to the next: one pass of the controller's loop, and room
_S_NS = 1_000_000_000
_MOST_PULSES = 100_000


@dataclass(frozen=True)
class Reference:
    """A lamp test: when (ns), the widths of its pulses (ns) in order of LAMPS, and a bound for the
    analyser's clock error in parts per million. The bound contains how late the controller itself was."""

    at_ns: int
    widths_ns: tuple[int, ...]
    clock_error_ppm: float

    def as_dict(self, capture: Capture) -> dict[str, Any]:
        """Return it for JSON, times in us from the capture's start."""
        return {
            "at_us": (self.at_ns - capture.start_ns) / 1000,
            "widths_us": dict(zip(LAMPS, (w / 1000 for w in self.widths_ns), strict=True)),
            "clock_error_ppm": self.clock_error_ppm,
        }


def find_reference(capture: Capture) -> Reference | None:
    """Return the lamp test with the smallest error, or None when the capture has none.

    Raises CaptureError, naming the channels, when there is one but on other lines.
    """
    lines = [line for line in capture.lines if capture.edges[line].size < _MOST_PULSES]
    fitting = {line: [_fitting(capture, line, ms) for ms in LAMP_TEST_MS] for line in lines}
    right = _chains(fitting, [[lamp] if lamp in lines else [] for lamp in LAMPS])
    if right:
        return min((_reference(capture, c) for c in right), key=lambda r: r.clock_error_ppm)
    for chain in _chains(fitting, [lines, lines, lines]):
        found = [line for line, _rise, _fall in chain]
        if len(set(found)) == len(LAMPS):
            raise CaptureError(
                f"the lamp test is on {', '.join(found)}, not on {', '.join(LAMPS)}: swapped channels"
            )
    return None


_Pulse = tuple[str, int, int]


def _fitting(capture: Capture, line: str, ms: int) -> NDArray[np.int64]:
    """High pulses of about `ms` on a line: rows of (rise, fall), ns."""
    rises, falls = capture.rising(line), capture.falling(line)
    falls = falls[capture.initial[line] :]
    pulses = np.column_stack((rises[: falls.size], falls))
    return pulses[np.abs(pulses[:, 1] - pulses[:, 0] - ms * _MS_NS) < _TOLERANCE_NS]


def _chains(
    fitting: dict[str, list[NDArray[np.int64]]], choices: list[list[str]]
) -> list[list[_Pulse]]:
    """Runs of three pulses, each beginning where the one before ended."""
    chains: list[list[_Pulse]] = [[]]
    for place, lines in enumerate(choices):
        longer = []
        for chain in chains:
            for line in lines:
                pulses = fitting[line][place]
                if chain:
                    gap = pulses[:, 0] - chain[-1][2]
                    pulses = pulses[(gap >= -_GAP_NS) & (gap <= _GAP_NS)]
                longer += [[*chain, (line, int(rise), int(fall))] for rise, fall in pulses]
        chains = longer
    return chains


def _reference(capture: Capture, chain: list[_Pulse]) -> Reference:
    widths = tuple(fall - rise for _line, rise, fall in chain)
    sample_ns = _S_NS / capture.rate_hz if capture.rate_hz else 0.0
    errors = (
        (abs(width - ms * _MS_NS) + sample_ns) / (ms * _MS_NS)
        for width, ms in zip(widths, LAMP_TEST_MS, strict=True)
    )
    return Reference(chain[0][1], widths, max(errors) * 1e6)
