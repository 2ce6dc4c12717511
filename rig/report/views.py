"""What a page shows of one layout: its presses, and small captures around the ones that are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rig.capture.model import Capture
from rig.guard_stamps import Closing
from rig.latency import Press

MEDIAN, WORST = "median", "worst"
# ns before the switch and after ACK: contacts bounce, serial frames go by, LEDs change.
_BEFORE_NS, _AFTER_NS = 3_000_000, 12_000_000
_UNFINISHED_NS = 2_000_000  # of a press whose end never came


@dataclass(frozen=True)
class View:
    """One press that is drawn: `index` in the layout's presses, and the capture around it."""

    index: int
    capture: Capture


@dataclass(frozen=True)
class Run:
    """One layout, by its key in the result's `layouts`.

    views -- by "median" and "worst"; either may be absent
    closings -- the guard's stamps, one entry a press, or none at all
    """

    layout: str
    presses: Sequence[Press]
    views: dict[str, View] = field(default_factory=dict)
    closings: Sequence[Closing | None] = ()

    def closing(self, index: int) -> Closing | None:
        """Return the guard's stamps of one press."""
        return self.closings[index] if index < len(self.closings) else None


def run_of(
    layout: str,
    capture: Capture,
    presses: Sequence[Press],
    closings: Sequence[Closing | None] = (),
) -> Run:
    """Cut the median and the worst press out of a long capture."""
    chosen = zip((MEDIAN, WORST), pick(presses), strict=True)
    views = {
        name: View(index, capture.window(*wide_ns(presses[index])))
        for name, index in chosen
        if index is not None
    }
    return Run(layout, presses, views, closings)


def pick(presses: Sequence[Press]) -> tuple[int | None, int | None]:
    """Indices of the median complete press (nearest rank) and of the worst: a missing one first."""
    whole = [(p.switch_to_ack_us or 0.0, i) for i, p in enumerate(presses) if p.complete]
    missing = [i for i, p in enumerate(presses) if not p.complete]
    whole.sort()
    median = whole[(len(whole) - 1) // 2][1] if whole else None
    worst = missing[0] if missing else whole[-1][1] if whole else None
    return median, worst


def wide_ns(press: Press) -> tuple[int, int]:
    """The press with what happened around it."""
    return press.t_switch_ns - _BEFORE_NS, _end_ns(press) + _AFTER_NS


def close_ns(press: Press) -> tuple[int, int]:
    """The press alone, with some air on both sides."""
    span = max(_end_ns(press) - press.t_switch_ns, 20_000)
    return press.t_switch_ns - span // 6, press.t_switch_ns + span + span // 4


def _end_ns(press: Press) -> int:
    seen = [t for t in (press.t_halt_ns, press.t_ack_ns) if t is not None]
    least = 0 if press.complete else _UNFINISHED_NS
    return max([*seen, press.t_switch_ns + least])
