"""The soak: `python -m tests.emulated.soak --minutes 10`. The firmware as built, armed with a live host.

Unpaced, in emulated time. It fails on any trip, on a heap that grows, and on fewer challenges than the
time holds. Loop time comes from the planted pass gauge, the heap is asked for every so often.
"""

import argparse
import sys
import time
from pathlib import Path

import msgspec

from tests.emulated.kit import COLLECTS, MISSING, MS, SPARE, Box
from tests.emulated.plants import PASSES, SOAK_HEAP, planted

PROFILE = "production"
PASS_MS, HEAP_BYTES = 10, 60 * 1024
CHALLENGE_MS = 20
# Of the challenges that the time holds, at least so many must have been answered.
SHARE = 0.97


class Gauges:
    """Times pulses of the spare pins without keeping the edges."""

    def __init__(self, box: Box) -> None:
        self._up: dict[int, int] = {}
        self.took: dict[int, list[int]] = {SPARE: [], COLLECTS: []}
        self.heap: list[int] = []
        self._text = b""
        box.edges = self  # type: ignore[assignment]
        self.halt: list[tuple[int, int, int]] = []
        box.pico.on_uart(self._hear)

    def append(self, edge: tuple[int, int, int]) -> None:
        """Take an edge in the place of the box's list."""
        pin, level, t_ns = edge
        if pin not in self.took:
            self.halt.append(edge)
        elif level == 1:
            self._up[pin] = t_ns
        elif pin in self._up:
            self.took[pin].append(t_ns - self._up.pop(pin))

    def __iter__(self):  # noqa: ANN204
        return iter(self.halt)

    def _hear(self, data: bytes, _t_ns: int) -> None:
        self._text = (self._text + data)[-40:]
        if data == b"\n" and b"HEAP " in self._text:
            self.heap.append(int(self._text.rpartition(b"HEAP ")[2]))
            self._text = b""


def soak(minutes: float) -> dict:
    """Run; return the figures."""
    box = Box(PROFILE, planted(PROFILE, PASSES + SOAK_HEAP))
    gauges = Gauges(box)
    box.arm()
    for taken in gauges.took.values():
        taken.clear()
    answered = [0]
    send = box.link._send
    box.link._send = lambda frame: (answered.__setitem__(0, answered[0] + 1), send(frame))[1]
    box.vouch(int(minutes * 60))
    began_wall, began_ns = time.monotonic(), box.pico.now_ns
    for minute in range(int(minutes * 6)):
        box.run_ms(10_000)
        if sys.stderr.isatty() or minute % 6 == 5:
            print(f"{(minute + 1) / 6:.1f} min, {answered[0]} answers", file=sys.stderr, flush=True)
        if not box.halt_high():
            break
    wall_s = time.monotonic() - began_wall
    passes = sorted(gauges.took[SPARE])
    return {
        "simulated_s": (box.pico.now_ns - began_ns) / 1e9,
        "wall_s": round(wall_s, 1),
        "challenges_answered": answered[0],
        "trips": box.reasons(),
        "resets": len(box.resets),
        "passes": len(passes),
        "pass_p50_ms": passes[len(passes) // 2] / MS,
        "pass_p999_ms": passes[len(passes) * 999 // 1000] / MS,
        "pass_max_ms": passes[-1] / MS,
        "longest_collection_ms": max(gauges.took[COLLECTS]) / MS,
        "heap_first": gauges.heap[:1],
        "heap_last": gauges.heap[-1:],
        "heap_max": max(gauges.heap, default=None),
        "uart_overruns": box.pico.uart.overruns,
        "armed_to_the_end": box.halt_high(),
    }


def complaints(found: dict) -> list[str]:
    """Return what does not hold."""
    wanted = SHARE * found["simulated_s"] * 1000 / CHALLENGE_MS
    half = found["heap_first"][0] if found["heap_first"] else 0
    checks = {
        "tripped": found["trips"] or not found["armed_to_the_end"],
        "reset": found["resets"],
        "too few challenges": found["challenges_answered"] < wanted,
        "a pass too long": found["pass_max_ms"] > PASS_MS,
        "no heap was told": not found["heap_last"],
        "the heap grows": (found["heap_max"] or 0) > half + 1024,
        "the heap is too large": (found["heap_max"] or 0) > HEAP_BYTES + 1024,
    }
    return [name for name, broken in checks.items() if broken]


def main() -> None:
    """Soak and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if MISSING:
        print(f"soak: {MISSING}", file=sys.stderr)
        sys.exit(2)
    found = soak(options.minutes)
    found["complaints"] = complaints(found)
    text = msgspec.json.format(msgspec.json.encode(found), indent=1)
    print(text.decode())
    if options.out:
        options.out.write_bytes(text)
    sys.exit(bool(found["complaints"]))


if __name__ == "__main__":
    main()
