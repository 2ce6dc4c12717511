"""The presses of a session, in the clocks of its bench."""

from typing import Any

from rig import latency
from rig.bench import Bench
from rig.capture.model import Capture, CaptureError
from rig.latency import Press
from rig.session import Layout


class Presses:
    """Where the hub's clock is not true to a stage, the bench has stamps of its own for it.

    complaints -- why the run proves nothing
    clocks -- stage -> clock, when there is more than the hub's
    environment -- more lines for the report
    """

    def __init__(self, bench: Bench, capture: Capture) -> None:
        self.capture = capture
        self.complaints: list[str] = []
        self.clocks: dict[str, str] = {}
        self.environment: dict[str, str] = {}
        self._joined: dict[int, Press] = {}
        self._stamped = False
        try:
            self._join(bench.stamps())
        except CaptureError as error:
            self.complaints.append(str(error))
            self._stamped = True

    def of(self, layout: Layout) -> list[Press]:
        """Return the presses of one layout; a press without stamps of its own has no HALT."""
        seen = latency.find_presses(self.capture.window(layout.start_ns, layout.end_ns))
        if not self._stamped:
            return seen
        return [
            self._joined.get(press.t_switch_ns, Press(press.t_switch_ns, None, press.t_ack_ns))
            for press in seen
        ]

    def _join(self, stamps: Any) -> None:
        if stamps is None:
            return
        self._stamped = True
        seen = latency.find_presses(self.capture)
        joined = stamps.restamp(seen)
        self._joined = {press.t_switch_ns: own for press, own in zip(seen, joined, strict=True)}
        self.complaints += stamps.complaints()
        self.clocks = stamps.clocks
        wall = latency.stats(latency.samples_us(seen)["switch_to_ack"])
        self.environment = {
            **stamps.environment(),
            "switch to ACK, all on the hub's clock": f"p50 {wall['p50']} us, max {wall['max']} us "
            "(contains the emulator's pacing)",
        }
