"""Analyser and stimulus by name on a bench that is up: one press, seen on the wires."""

import random
from pathlib import Path

import pytest

from controller.times import Times
from rig.analysers import AnalyserAbsent, Trigger, open_analyser
from rig.emulated.bench import EmulatedBench
from rig.processes import BenchAbsent
from rig.session import Session
from rig.stimuli import open_stimulus
from rig.virtual import stimulus
from rig.virtual.bench import Setup, VirtualBench
from tests.emulated.kit import MISSING

BENCHES = {"virtual": VirtualBench, "emulated": EmulatedBench}
OTHER = {"virtual": "emulated", "emulated": "virtual"}


@pytest.mark.parametrize("kind", BENCHES)
def test_a_press_is_seen_from_the_switch_to_the_wires(kind: str, tmp_path: Path) -> None:
    if kind == "emulated" and MISSING:
        pytest.skip(MISSING)
    rng = random.Random(5)
    try:
        with BENCHES[kind](Setup(out=tmp_path, span_s=60.0, patience_s=90.0)) as bench:
            session = Session(bench, Times("bench"), rng, lambda _line: None)
            session.rearm()
            analyser = open_analyser(kind, {}, bench=bench, limit_us=1000)
            hand = open_stimulus("virtual", {}, profile="bench", wires=bench.wires)
            analyser.arm(Trigger("HALT", "falling"), 0.05)
            hand.press(stimulus.press(rng))
            capture = analyser.wait(10)
            if kind == "virtual":
                with pytest.raises(AnalyserAbsent, match="no emulated Pico"):
                    open_analyser("emulated", {}, bench=bench)
            session.close()
    except BenchAbsent as error:
        pytest.skip(str(error))
    [fell] = capture.falling("HALT")
    opened = min(int(capture.rising(name)[0]) for name in ("SWITCH_A", "SWITCH_B"))
    print(f"{kind}: switch -> HALT {(fell - opened) / 1000:.3f} us")
    assert 0 < fell - opened < 50_000_000
    assert len(capture.rising("ACK")) == 1
