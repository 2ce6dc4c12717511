"""The measuring method itself: PIO loops of known timing, and the fast engine against plain stepping."""

import random
import sys
from typing import Any

import pytest

from tests.emulated.kit import CONTACTS, IMAGE, PIN, Box, needs_emulator

pytestmark = needs_emulator

PROGRAMS = """
import machine, rp2, time, gc
from machine import Pin
@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW)
def wave():
    wrap_target()
    set(pins, 1) [31]
    nop() [31]
    nop() [31]
    nop() [3]
    set(pins, 0) [31]
    nop() [31]
    nop() [31]
    nop() [3]
    wrap()
@rp2.asm_pio(set_init=rp2.PIO.OUT_LOW)
def copy():
    label("low")
    jmp(pin, "rise") [2]
    jmp("low") [2]
    label("rise")
    set(pins, 1) [9]
    label("high")
    jmp(pin, "high") [5]
    set(pins, 0)
    jmp("low")
Pin(2, Pin.IN, Pin.PULL_UP)
sm = rp2.StateMachine(0, PROGRAM, freq=machine.freq(), set_base=Pin(15), jmp_pin=Pin(2))
sm.active(1)
Pin(18, Pin.OUT, value=1)
"""
LOADS = {
    "busy": "x = 0\nwhile True:\n    x += 1",
    "sleeping": "while True:\n    time.sleep_ms(5)",
    "collecting": "l = [bytearray(16) for _ in range(2000)]\nwhile True:\n    gc.collect()",
    "hung": "machine.disable_irq()\nwhile True:\n    pass",
}


def started(program: str, load: str) -> tuple[Any, list[tuple[int, int, int]]]:
    """Return a Pico whose PIO runs `program` while Python does `load`, and its edges."""
    from rig.emulated.chip import EmulatedPico

    main = PROGRAMS.replace("PROGRAM", program) + LOADS[load]
    pico = EmulatedPico(IMAGE.path, {"main.py": main.encode()}, watch=(15, 18))
    edges: list[tuple[int, int, int]] = []
    pico.on_edge(lambda pin, level, t_ns: edges.append((pin, level, t_ns)))
    pico.set_pin(2, 0)
    pico.run_until(300_000_000)
    assert (18, 1) in [edge[:2] for edge in edges]
    edges.clear()
    return pico, edges


@pytest.mark.parametrize("load", LOADS)
def test_a_square_wave_of_known_period_is_stamped_exactly(load: str) -> None:
    pico, edges = started("wave", load)
    pico.run_for(5_000_000)
    stamps = [t for pin, _level, t in edges if pin == 15]
    assert {later - earlier for earlier, later in zip(stamps, stamps[1:], strict=False)} == {800}
    assert len(stamps) in (6249, 6250, 6251)


@pytest.mark.parametrize("load", LOADS)
def test_a_pin_copier_of_known_delay_reads_that_delay(load: str) -> None:
    """Sampled every six cycles; the pin moves three (rise) or six (fall) after the sample that saw it."""
    pico, edges = started("copy", load)
    rng = random.Random(4)
    for _ in range(100):
        for level, least_ns, most_ns in ((1, 24, 72), (0, 48, 96)):
            pico.run_for(rng.randrange(2_000, 60_000))
            edges.clear()
            moved_ns = pico.set_pin(2, level)
            pico.run_for(1_000)
            assert least_ns <= edges[0][2] - moved_ns <= most_ns


def scenario(skip: bool, lag: int) -> tuple[list[tuple], int]:
    """Arm, press, acknowledge, chatter; return what happened, and the instructions it took."""
    box = Box("bench")
    box.pico.skip_loops(skip)
    box.pico.pio_lag(lag)
    log: list[tuple] = []
    box.pico.on_uart(lambda data, t_ns: log.append((t_ns, "uart", data)))
    box.pico.on_edge(lambda pin, level, t_ns: log.append((t_ns, "edge", pin, level)))
    rng = random.Random(9)
    for number in range(4):
        contact = CONTACTS[number % 2]
        box.arm()
        box.pico.run_for(rng.randrange(50_000, 9_000_000))
        log.append((box.open(contact), "open"))
        box.pico.run_for(rng.randrange(4_000, 900_000))
        log.append((box.set_ack(1), "ack"))
        for _ in range(5):
            box.pico.run_for(rng.randrange(100, 90_000))
            log.append((box.close(contact), "close"))
            box.pico.run_for(rng.randrange(40, 90_000))
            log.append((box.open(contact), "open"))
        box.run_ms(20)
        box.set_ack(0)
        box.close(contact)
    return sorted(log, key=repr), box.pico.counts()["instructions"]


@pytest.mark.timeout(600)
def test_the_fast_engine_does_exactly_what_plain_stepping_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The host's nonce is all that differs from run to run.
    monkeypatch.setattr("host.guard.link.os.urandom", lambda count: bytes(range(count)))
    plain = scenario(False, 1)
    print(f"{len(plain[0])} events, {plain[1]} instructions", file=sys.stderr)
    assert [entry[1:] for entry in plain[0]].count(("edge", PIN["HALT"], 1)) == 4
    for skip, lag in ((True, 256), (True, 2000), (False, 256)):
        assert scenario(skip, lag) == plain
