"""Whatever ends the firmware, HALT is low in time, the reason is on record and nobody gets a REPL."""

import sys

import pytest

from controller import reasons
from tests.emulated.kit import GO, MS, PIN, SPARE, Box, Host, needs_emulator
from tests.emulated.plants import event, planted

pytestmark = needs_emulator

LIMIT_MS = 150
LINK_LOSS_MS = 90
PROFILE = "bench"
REPL = b">>>"


def fell_after_ms(box: Box, since_ns: int, what: str) -> float:
    """Return, and print, the time until HALT was no longer high."""
    box.run_ms(LIMIT_MS + 50)
    falls = box.falls(since_ns)
    assert falls, f"{what}: HALT stayed high"
    took_ms = (falls[0] - since_ns) / MS
    print(f"{what} -> HALT: {took_ms:.3f} ms", file=sys.stderr)
    return took_ms


def happen(box: Box) -> int:
    """Let the planted event happen; return when, ns."""
    before = len(box.edges)
    box.pico.set_pin(GO, 1)
    assert box.wait(lambda: any(edge[:2] == (SPARE, 1) for edge in box.edges[before:]), 60)
    box.pico.set_pin(GO, 0)
    return next(t for pin, level, t in box.edges[before:] if (pin, level) == (SPARE, 1))


def armed(code: str, before: str = "", usb: bool = False) -> Box:
    """Return an armed box in which `code` can be made to happen."""
    box = Box(PROFILE, planted(PROFILE, event(code), before), usb=usb)
    box.arm()
    box.run_ms(50)
    return box


def test_an_exception_in_the_main_loop_drops_halt_at_once_and_is_kept() -> None:
    box = armed("1 / 0", usb=True)
    assert fell_after_ms(box, happen(box), "exception") <= 25
    assert reasons.FAULT in box.reasons()
    assert "ZeroDivisionError" in box.faults()
    assert box.resets, "the watchdog must start the chip anew"
    box.pico.usb.write(b"\r\n")
    box.run_ms(100)
    assert REPL not in box.usb_said


@pytest.mark.parametrize("code", ["machine.soft_reset()", "machine.reset()"])
def test_a_reset_in_the_main_loop_drops_halt(code: str) -> None:
    box = armed(code, usb=True)
    assert fell_after_ms(box, happen(box), code) <= LIMIT_MS
    box.run_ms(500)
    assert not box.halt_high(), "after a reset a person is needed"
    assert REPL not in box.usb_said


def test_a_memory_that_runs_out_drops_halt() -> None:
    box = armed("bytearray(300000)")
    assert fell_after_ms(box, happen(box), "out of memory") <= 25
    assert "MemoryError" in box.faults()


@pytest.mark.parametrize(
    "keys", [b"\x03", b"\x03\x03\x01", b"\x04", b"\r\n\x03\x04\x01print(1)\x04"]
)
def test_keys_on_usb_do_nothing_outside_service_mode(keys: bytes) -> None:
    box = Box(PROFILE, usb=True)
    box.arm()
    box.pico.usb.write(keys)
    box.run_ms(LIMIT_MS)
    assert box.halt_high()
    assert REPL not in box.usb_said
    assert b"raw REPL" not in box.usb_said


def test_ctrl_c_where_it_still_works_drops_halt() -> None:
    box = armed("import micropython; micropython.kbd_intr(3)", usb=True)
    happen(box)
    box.run_ms(30)
    assert box.halt_high()
    began_ns = box.pico.now_ns
    box.pico.usb.write(b"\x03")
    assert fell_after_ms(box, began_ns, "Ctrl-C on USB") <= LIMIT_MS
    assert "KeyboardInterrupt" in box.faults()
    assert REPL not in box.usb_said


@pytest.mark.parametrize("how", ["press_reset", "power_cycle"])
def test_a_chip_reset_drops_halt_and_needs_a_person(how: str) -> None:
    box = Box(PROFILE)
    box.arm()
    began_ns = box.pico.now_ns
    getattr(box.pico, how)()
    assert fell_after_ms(box, began_ns, how) <= 1
    box.run_ms(1500)
    assert not box.halt_high()


def test_a_hang_that_ends_in_a_watchdog_reset_is_told_after_it() -> None:
    box = armed("machine.disable_irq()\n        while True: pass")
    assert fell_after_ms(box, happen(box), "hang") <= 25
    box.link.drop()
    box.run_ms(1500)
    assert len(box.resets) == 1
    started = [f for _t, name, f in box.host.messages if name == "EVENT" and f["what"] == 1]
    assert [(f["detail"], f["value"]) for f in started][-1] == (2, 1), "WATCHDOG, one reset"


@pytest.mark.parametrize("when", ["answered", "asked"])
def test_a_lost_link_drops_halt(when: str) -> None:
    host = Host()
    box = Box("production", host=host)
    box.arm()
    box.run_ms(100)
    asked = box.link.seen.challenge_ns
    assert box.wait(lambda: box.link.seen.challenge_ns != asked, 50)
    host.answers = when == "asked"
    box.run_ms(0 if when == "asked" else 10)
    box.link.receive = lambda data, now_ns: None  # the cable is out
    began_ns = box.pico.now_ns
    assert fell_after_ms(box, began_ns, f"link lost, {when}") <= LINK_LOSS_MS


def test_service_mode_needs_the_button_at_power_up() -> None:
    box = Box(PROFILE, usb=True)
    box.pico.set_pin(PIN["REARM"], 0)
    box.run_ms(300)
    box.pico.usb.write(b"\r\n")
    box.run_ms(100)
    assert REPL in box.usb_said
    assert not [edge for edge in box.edges if edge[:2] == (PIN["HALT"], 1)]
    assert box.link.seen.sessions == 0, "no firmware runs in service mode"
