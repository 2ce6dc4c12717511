"""Contacts bounce, glitch and part one by one: one press is one halt, and the first edge counts."""

import time

import pytest

from hil.kit import Bench, Record

pytestmark = pytest.mark.needs("timed-contacts", "edge-clock")

Pattern = list[tuple[int, str, int]]

PATTERNS: dict[str, Pattern] = {
    "both at once": [(0, "SWITCH_A", 1), (0, "SWITCH_B", 1)],
    "20 ms apart": [(0, "SWITCH_A", 1), (20_000, "SWITCH_B", 1)],
    "chatter": [
        *((at_us, "SWITCH_A", 1 - at_us // 100 % 2) for at_us in range(0, 3_000, 100)),
        (3_000, "SWITCH_A", 1),
        (1_000, "SWITCH_B", 1),
    ],
    # Shorter than rearm_debounce_ms: what is longer is two presses.
    "bounces back for 3 ms": [
        (0, "SWITCH_B", 1),
        (200, "SWITCH_B", 0),
        (3_200, "SWITCH_B", 1),
        (3_300, "SWITCH_A", 1),
    ],
    "glitch of 1 ms on one contact": [(0, "SWITCH_A", 1), (1_000, "SWITCH_A", 0)],
    "glitch of 100 us on both": [
        (0, "SWITCH_A", 1),
        (0, "SWITCH_B", 1),
        (100, "SWITCH_A", 0),
        (100, "SWITCH_B", 0),
    ],
}


@pytest.mark.parametrize("name", PATTERNS)
def test_one_press_is_one_halt(bench: Bench, name: str, record_property: Record) -> None:
    begun_ns = bench.wires.stimulate(PATTERNS[name])
    bench.halted(begun_ns, record_property)
    assert len(bench.edges("HALT", 0, begun_ns)) == 1
    assert len(bench.edges("ACK", 1, begun_ns)) == 1
    trips = [
        record
        for record in bench.audit()
        if record["mono_ns"] >= begun_ns and record["data"].get("what") == "TRIP"
    ]
    assert len(trips) == 1


def test_chatter_after_the_halt_changes_nothing(bench: Bench) -> None:
    begun_ns = bench.press()
    bench.wires.stimulate(PATTERNS["chatter"])
    time.sleep(0.1)
    assert bench.edges("HALT", 1, begun_ns) == []
    assert len(bench.edges("HALT", 0, begun_ns)) == 1
