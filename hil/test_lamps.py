"""What the lamps show is seen on their wires, state by state."""

import time

import pytest

from controller import leds, states
from controller.leds import LAMP_TEST_MS
from hil.kit import LAMPS, Bench, Record

pytestmark = pytest.mark.needs("edge-clock")

# s. A whole period of the slow blink and a little more.
WATCH_S = 2 * leds.HALF_PERIOD_MS["s"] / 1000 + 0.2
CHANGING = "?"
FASTEST_SLOW_NS = int(0.8e6 * leds.HALF_PERIOD_MS["s"])


def seen(bench: Bench, watch_s: float = WATCH_S) -> str:
    """Watch the lamp wires; return what they show in the letters of controller.leds.

    STATUS may come before the lamps have changed: one that moves but once is watched again.
    """
    for _ in range(3):
        since_ns = bench.wires.mark()
        time.sleep(watch_s)
        shown = "".join(letter(bench, lamp, since_ns) for lamp in LAMPS)
        if CHANGING not in shown:
            break
    return shown


def letter(bench: Bench, lamp: str, since_ns: int) -> str:
    """Return 1 lit, 0 dark, s slow or f fast blink, ? for a single move."""
    moves = sorted(bench.edges(lamp, 0, since_ns) + bench.edges(lamp, 1, since_ns))
    if not moves:
        return str(bench.wires.levels()[lamp])
    if len(moves) == 1:
        return CHANGING
    gaps = [later - sooner for sooner, later in zip(moves, moves[1:], strict=False)]
    return "s" if all(gap > FASTEST_SLOW_NS for gap in gaps) else "f"


def test_armed_and_trading(bench: Bench) -> None:
    bench.wait_status(mode="NORMAL")
    assert seen(bench) == leds.ARMED_PATTERNS[leds.NORMAL]


def test_pressed(bench: Bench) -> None:
    bench.press()
    bench.open_contacts()
    bench.wait_status(controller="TRIPPED")
    assert seen(bench) == leds.STATE_PATTERNS[states.TRIPPED]


def test_waiting_for_the_button(bench: Bench) -> None:
    bench.press()
    bench.close_contacts()
    bench.wait_status(controller="WAITING")
    assert seen(bench) == leds.STATE_PATTERNS[states.WAITING]


@pytest.mark.faults("ACK_MISSING")
def test_safe_without_a_host(bench: Bench) -> None:
    bench.press()
    bench.close_contacts()
    bench.parts.end("host")
    time.sleep(0.5)
    assert seen(bench) == leds.STATE_PATTERNS[states.SAFE]


@pytest.mark.needs("controller-power", "timed-contacts")
def test_lamp_test_at_power_up(bench: Bench, record_property: Record) -> None:
    # A virtual controller that a busy machine holds up lights a lamp late, and its pulse is short.
    for _ in range(3):
        widths_ms = lamp_test_ms(bench)
        # Never shorter than asked for by more than the firmware's whole milliseconds.
        pairs = zip(LAMP_TEST_MS, widths_ms, strict=True)
        whole = all(width_ms > wanted_ms - 3 for wanted_ms, width_ms in pairs)
        if whole and widths_ms == sorted(widths_ms):
            break
    for lamp, width_ms in zip(LAMPS, widths_ms, strict=True):
        record_property(f"{lamp.lower()}_ms", round(width_ms, 3))
    assert whole, widths_ms
    assert widths_ms == sorted(widths_ms)


def lamp_test_ms(bench: Bench) -> list[float]:
    """Power the controller up; return how long each lamp is lit, one after the other."""
    bench.parts.end("pico")
    begun_ns = bench.wires.mark()
    bench.parts.start_controller()
    ends = [bench.wait_edge(lamp, 0, begun_ns) for lamp in LAMPS]
    begins = [bench.edges(lamp, 1, begun_ns)[0] for lamp in LAMPS]
    widths_ms = [(end - begin) / 1e6 for begin, end in zip(begins, ends, strict=True)]
    assert begins == sorted(begins)
    return widths_ms
