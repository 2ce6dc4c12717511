"""What an analyser would have seen of the hub: stamped edges, and D7 made of the noted bytes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from controller import wiring
from rig.capture.model import LINES, Capture, from_events
from rig.virtual import serial_line

# The hub stamps edges; on D7, the serial line, it notes bytes.
STAMPED = tuple(name for name in LINES if name != "PICO_TX")
# Bytes on the serial line above which it is left out of a capture: minutes of it make a gigabyte.
MOST_SERIAL_BYTES = 400_000


def capture_of(
    edges: Sequence[tuple[int, int, int]],
    sent: Sequence[tuple[int, bytes]],
    state: dict[str, Any],
    end_ns: int,
    bench: str,
) -> Capture:
    """Return the capture from what `Wires` gives of edges, serial bytes and state.

    Of a long run it has no D7: whoever wants the messages presses less often.
    """
    kept = {wiring.INDEX[name]: place for place, name in enumerate(STAMPED)}
    events = [(at, kept[line], level) for at, line, level in edges if line in kept]
    span = {"start_ns": state["started_ns"], "end_ns": end_ns}
    stamped = from_events(
        events,
        bench=bench,
        initial={name: state["initial"][name] for name in STAMPED},
        lines=STAMPED,
        **span,
    )
    if sum(len(data) for _at, data in sent) > MOST_SERIAL_BYTES:
        return stamped
    return replace(
        stamped,
        initial={**stamped.initial, "PICO_TX": serial_line.IDLE},
        edges={**stamped.edges, "PICO_TX": serial_line.edges(sent, **span)},
        lines=LINES,
    )
