"""Wrong hosts, noise, a stuck button, a chattering switch: HALT stays or goes low, and says why."""

import random

import pytest

from controller import protocol, reasons, states
from tests.emulated.kit import PIN, Box, Host, firmware, needs_emulator

pytestmark = needs_emulator

PROFILE = "bench"


def never_high(box: Box) -> bool:
    """Return True when HALT has never been high."""
    return (PIN["HALT"], 1) not in [edge[:2] for edge in box.edges]


def try_to_arm(box: Box) -> None:
    """Hold the button for longer than needed."""
    box.run_ms(800)
    box.pico.set_pin(PIN["REARM"], 0)
    box.run_ms(300)
    box.pico.set_pin(PIN["REARM"], 1)
    box.run_ms(100)


def test_a_host_with_the_wrong_key_cannot_be_armed_with() -> None:
    box = Box(PROFILE, host=Host(key=bytes(32)))
    try_to_arm(box)
    assert never_high(box)
    assert box.link.seen.sessions == 0
    assert box.link.seen.refused > 0


def test_a_host_of_another_protocol_cannot_be_armed_with(monkeypatch: pytest.MonkeyPatch) -> None:
    files = firmware(PROFILE)
    monkeypatch.setattr(protocol, "SCHEMA", protocol.SCHEMA ^ 1)
    box = Box(PROFILE, files)
    try_to_arm(box)
    assert never_high(box)
    assert "protocol" in box.link.mismatch


def test_another_profile_cannot_be_armed_with() -> None:
    box = Box("production", firmware(PROFILE))
    try_to_arm(box)
    assert never_high(box)
    assert "profile" in box.link.mismatch


def test_a_flood_of_garbage_at_line_rate_trips_and_nothing_crashes() -> None:
    box = Box(PROFILE)
    box.arm()
    box.pico.uart.write(random.Random(1).randbytes(60_000))
    box.run_ms(700)
    assert not box.halt_high()
    # The controller may have had to open a new session before it could say so.
    assert box.wait(lambda: bool(box.told()), 2_000)
    assert reasons.WATCHDOG_MISSED in box.told()
    assert box.faults() == ""
    assert box.resets == []


def test_a_flood_of_zero_bytes_changes_nothing_while_disarmed() -> None:
    box = Box(PROFILE)
    box.pico.uart.write(bytes(60_000))
    box.run_ms(700)
    box.arm()
    assert box.halt_high()
    assert box.resets == []


def test_a_stuck_button_never_arms() -> None:
    box = Box(PROFILE)
    box.run_ms(200)
    box.pico.set_pin(PIN["REARM"], 0)
    box.run_ms(3000)
    assert never_high(box)
    assert box.state() in (states.SAFE, states.WAITING)


def test_a_chattering_switch_trips_once_and_stays_tripped() -> None:
    rng = random.Random(2)
    box = Box(PROFILE)
    box.arm()
    for _ in range(300):
        box.open("SWITCH_A")
        box.pico.run_for(rng.randrange(1_000, 200_000))
        box.close("SWITCH_A")
        box.pico.run_for(rng.randrange(1_000, 400_000))
    box.run_ms(50)
    assert len(box.falls(box.armed_ns)) == 1
    assert box.told() == [reasons.SWITCH_A]


@pytest.mark.parametrize("seed", range(3))
def test_a_reset_at_any_moment_leaves_halt_low(seed: int) -> None:
    rng = random.Random(seed)
    box = Box(PROFILE)
    for _ in range(3):
        box.run_ms(rng.uniform(1, 900))
        box.pico.press_reset()
        box.link.drop()
    box.run_ms(100)
    assert not box.halt_high()
    assert box.faults() == ""


def test_a_firmware_with_a_changed_file_does_not_run() -> None:
    files = dict(firmware(PROFILE))
    path = "a/controller/core.mpy"
    files[path] = files[path][:-1] + bytes([files[path][-1] ^ 1])
    box = Box(PROFILE, files)
    try_to_arm(box)
    assert never_high(box)
    assert box.link.seen.sessions == 0
    assert "Altered" in box.faults()


def test_a_pico_without_a_link_key_does_not_run() -> None:
    files = {name: data for name, data in firmware(PROFILE).items() if name != "link.key"}
    box = Box(PROFILE, files)
    try_to_arm(box)
    assert never_high(box)
    assert "no link key" in box.faults()
