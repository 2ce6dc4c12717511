"""A simulated bench started once: the controller answers, and the lamp test proves its wires."""

import tempfile
from pathlib import Path

from controller import leds, wiring
from rig.benches import open_bench, setup
from rig.benchfile import BenchFile
from rig.doctor import Finding
from rig.processes import BenchError

LAMPS = ("LED_RED", "LED_YELLOW", "LED_GREEN")
ANSWER_S = 5.0
Edges = list[tuple[int, int, int]]


def findings(name: str, bench: BenchFile, ready: bool) -> list[Finding]:
    """Return what a trial start shows; without all parts there is none, and that is a finding too."""
    if not ready:
        return [Finding("controller", "missing", f"{name} was not started: mend the above first")]
    try:
        with tempfile.TemporaryDirectory(prefix="bot4-doctor-") as folder:
            with open_bench(bench, setup(bench, out=Path(folder))) as up:
                up.wires.wait(
                    lambda levels: len(lamp_pulses(up.wires.fetch_edges())) == 3, ANSWER_S
                )
                pulses = lamp_pulses(up.wires.fetch_edges())
                status = up.status()
                told = up.identity()
    except BenchError as error:
        return [Finding("controller", "missing", f"the bench does not start: {error}")]
    return [_controller(status, f"{told['mcu']}, {told['micropython']}"), _wires(pulses)]


def _controller(status: dict | None, identity: str) -> Finding:
    state = status["controller"] if status else "silent"
    if state == "silent":
        return Finding("controller", "missing", f"{identity}: silent", "see pico.log of a run")
    return Finding("controller", "ok", f"{identity}: {state}")


def _wires(pulses: list[tuple[str, int]]) -> Finding:
    """The lamps light one after the other: another order is swapped wires, no pulse a broken one."""
    told = ", ".join(f"{line} {width_ns / 1e6:.1f} ms" for line, width_ns in pulses)
    wanted = ", ".join(f"{ms} ms" for ms in leds.LAMP_TEST_MS)
    if tuple(line for line, _width in pulses) == LAMPS:
        return Finding("wiring", "ok", f"lamp test ({wanted}): {told}")
    advice = "swapped or broken lamp wires: `bot4 bench wiring`"
    return Finding("wiring", "missing", f"lamp test ({wanted}): {told or 'no pulse'}", advice)


def lamp_pulses(edges: Edges) -> list[tuple[str, int]]:
    """Return (line, width ns) of the first pulse of each lamp, in the order in which they began."""
    rose: dict[str, int] = {}
    pulses: dict[str, int] = {}
    for at_ns, line, level in edges:
        name = wiring.NAMES[line]
        if name not in LAMPS:
            continue
        if level:
            rose.setdefault(name, at_ns)
        elif name in rose:
            pulses.setdefault(name, at_ns - rose[name])
    return [(name, pulses[name]) for name in rose if name in pulses]
