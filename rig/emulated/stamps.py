"""The emulated Pico's own record of its pins, and how it joins the hub's.

Two clocks: the switch reaches the chip, and HALT leaves it, in emulated nanoseconds, exact to the
cycle. HALT -> ACK runs through the host and is on the hub's clock (CLOCK_MONOTONIC). A press is therefore
put together: its HALT and ACK edges where the hub saw them, its switch edge before HALT by the emulated
time. What the hub itself saw from switch to ACK contains the pacing of the emulator and is told apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from controller import wiring
from rig.capture.model import Capture, CaptureError, from_events
from rig.latency import Press, find_presses

CLOCKS = {
    "switch_to_halt": "emulated: the chip's own cycles, 8 ns; silicon adds 16 ns of input synchroniser",
    "halt_to_ack": "the hub's CLOCK_MONOTONIC",
    "switch_to_ack": "the sum of both",
}
LINES = tuple(name for _channel, name in wiring.analysed() if name != "PICO_TX")
PERCENT = 100


@dataclass(frozen=True)
class Stamps:
    """What `rig.emulated.pico` left behind; `presses` in emulated time, `facts` as it wrote them."""

    presses: list[Press]
    facts: dict[str, Any]

    def restamp(self, seen: Sequence[Press]) -> list[Press]:
        """Return the hub's presses with their switch edges put where the emulation had them.

        Raises CaptureError when the two records do not tell of the same presses.
        """
        if len(seen) != len(self.presses):
            raise CaptureError(
                f"the hub saw {len(seen)} presses, the emulated Pico {len(self.presses)}"
            )
        return [_joined(*pair) for pair in zip(seen, self.presses, strict=True)]

    def complaints(self) -> list[str]:
        """Return what makes the record unusable."""
        lost = self.facts["edges_lost"]
        found = [f"the emulator lost {lost} edges"] if lost else []
        resets = self.facts["resets"]
        return found + ([f"the emulated Pico was reset {resets} times"] if resets else [])

    @property
    def clocks(self) -> dict[str, str]:
        """Return the clock of each stage."""
        return CLOCKS

    def environment(self) -> dict[str, str]:
        """Return how the emulator was doing, for the report.

        An emulated clock that runs slow delays the next challenge, but no stage: each is in a clock of
        its own.
        """
        pace = self.facts["pace"]
        load = PERCENT * pace["busy_ns"] / max(1, pace["wall_ns"])
        clocks = {f"clock of {stage}": clock for stage, clock in CLOCKS.items()}
        return {
            **clocks,
            "emulator": f"{load:.0f} % of a core, worst lag {pace['worst_lag_ns'] / 1e6:.1f} ms, "
            f"{pace['lost_ns'] / 1e6:.1f} ms slower than the wall clock",
        }


@dataclass(frozen=True)
class RecordFile:
    """What the emulated Pico wrote: edges as (emulated ns, line of the wiring table, level)."""

    edges: list[tuple[int, ...]]
    facts: dict[str, Any]


def read_record(file: Path) -> RecordFile:
    """Read the file. Raises CaptureError when there is none to be had."""
    try:
        facts = msgspec.json.decode(file.read_bytes())
        edges = [tuple(edge) for edge in facts.pop("edges")]
    except (OSError, msgspec.DecodeError, KeyError) as error:
        raise CaptureError(f"the emulated Pico left no record of its pins: {error}") from None
    return RecordFile(edges, facts)


def read_stamps(file: Path) -> Stamps:
    """Read the record of a Pico that has ended. Raises CaptureError when there is none."""
    record = read_record(file)
    capture = capture_of(record.edges, record.facts["now_ns"])
    return Stamps(find_presses(capture), record.facts)


def capture_of(edges: list[tuple[int, ...]], now_ns: int) -> Capture:
    """Return the edges of the analysed lines from power-up to `now_ns`, in emulated time."""
    kept = {wiring.INDEX[name]: place for place, name in enumerate(LINES)}
    events = [(at, kept[line], level) for at, line, level in edges if line in kept]
    return from_events(
        sorted(events, key=lambda event: event[0]),
        bench="emulated",
        initial={name: wiring.UNDRIVEN[wiring.INDEX[name]] for name in LINES},
        start_ns=-1,
        end_ns=max([now_ns, *(event[0] for event in events)]),
        lines=LINES,
    )


def _joined(seen: Press, emulated: Press) -> Press:
    if seen.t_halt_ns is None or emulated.t_halt_ns is None:
        return replace(seen, t_halt_ns=None)
    return replace(seen, t_switch_ns=seen.t_halt_ns - (emulated.t_halt_ns - emulated.t_switch_ns))
