"""The factory against a real GPIO character device."""

import errno
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import gpiod
import pytest
from gpiozero import DigitalInputDevice, DigitalOutputDevice

from controller import wiring
from host.guard.lines import Lines, LinesError, open_factory
from host.pins import chips
from host.pins.chips import EVENT_BUFFER, LineGone, PinsError
from host.pins.gpiod_factory import GpiodFactory
from tests.gpio.simulated import ACK, HALT, RED, SPARE_LABEL, Header, SpareChip

# ms. A debouncer would hold the first edge back for its whole period; an emulated machine is slow.
AT_ONCE_MS = 250


class Seen:
    """HALT and ACK as the guard has them, and what was called."""

    def __init__(self, factory: GpiodFactory) -> None:
        self.calls: list[str] = []
        self.factory = factory
        self.lines = Lines(factory, self.fell, self.rose)

    def fell(self) -> None:
        self.calls.append("fell")

    def rose(self) -> None:
        self.calls.append("rose")

    def dispatch(self) -> list[str]:
        """Take what has arrived; return the calls since the last time."""
        self.factory.dispatch(time.monotonic_ns())
        calls, self.calls = self.calls, []
        return calls


@pytest.fixture
def seen(factory: GpiodFactory) -> Iterator[Seen]:
    made = Seen(factory)
    yield made
    made.lines.close()


def readable(factory: GpiodFactory, timeout_ms: int = AT_ONCE_MS) -> bool:
    """Wait for the one descriptor that the guard polls."""
    poller = select.poll()
    poller.register(factory.fileno(), select.POLLIN)
    return bool(poller.poll(timeout_ms))


def move(header: Header, seen: Seen, level: int) -> list[str]:
    """Drive HALT and return what the callbacks said."""
    header.pull(HALT, level)
    assert readable(seen.factory)
    return seen.dispatch()


def test_the_header_is_not_the_first_chip(factory: GpiodFactory) -> None:
    assert factory.chip.path == os.environ["VM_GPIO_CHIP"] != "/dev/gpiochip0"
    with gpiod.Chip("/dev/gpiochip0") as first:
        assert first.get_line_info("GPIO17").name == "GPIO17"
        assert first.get_info().label not in chips.HEADERS


def test_edges_both_ways_arrive_in_order_with_the_level(header: Header, seen: Seen) -> None:
    for _ in range(5):
        assert move(header, seen, 1) == ["rose"]
        assert seen.lines.halt_is_high()
        assert move(header, seen, 0) == ["fell"]
        assert not seen.lines.halt_is_high()
    assert seen.lines.lost_edges() == 0
    assert not readable(seen.factory, 0)


def test_edges_carry_the_kernels_time_stamp(header: Header, factory: GpiodFactory) -> None:
    stamps: list[float] = []
    device = DigitalInputDevice(HALT, pull_up=False, pin_factory=factory)
    handler = lambda ticks, _state: stamps.append(ticks)  # noqa: E731  kept here: see the next test
    device.pin.when_changed = handler
    before = time.monotonic()
    header.pull(HALT, 1)
    after = time.monotonic()
    time.sleep(0.3)
    factory.dispatch(time.monotonic_ns())
    (stamp,) = stamps
    assert before <= stamp <= after < time.monotonic() - 0.25
    device.close()


def test_gpiozero_forgets_a_callback_that_nobody_keeps(
    header: Header, factory: GpiodFactory
) -> None:
    calls: list[int] = []
    device = DigitalInputDevice(HALT, pull_up=False, pin_factory=factory)
    device.pin.when_changed = lambda _ticks, state: calls.append(state)
    header.pull(HALT, 1)
    assert readable(factory)
    factory.dispatch(time.monotonic_ns())
    assert calls == []
    device.close()


def test_the_lines_of_the_guard_keep_their_callbacks(header: Header, factory: GpiodFactory) -> None:
    calls: list[str] = []
    lines = Lines(factory, lambda: calls.append("fell"), lambda: calls.append("rose"))
    for level in (1, 0):
        header.pull(HALT, level)
        assert readable(factory)
        factory.dispatch(time.monotonic_ns())
    assert calls == ["rose", "fell"]
    lines.close()


def test_all_lines_share_one_descriptor(header: Header, seen: Seen) -> None:
    header.pull(RED, 1)
    assert readable(seen.factory)
    assert seen.dispatch() == []
    assert seen.lines.lamps() == [1, 0, 0]
    header.pull(RED, 0)
    header.pull(HALT, 1)
    assert readable(seen.factory)
    assert seen.dispatch() == ["rose"]
    assert not readable(seen.factory, 0)


def test_an_overflow_of_the_kernels_buffer_is_found_as_lost_edges(
    header: Header, seen: Seen
) -> None:
    flood = 10 * EVENT_BUFFER
    for number in range(flood):
        header.pull(HALT, (number + 1) & 1)
        time.sleep(0.002)  # time for the kernel's interrupt thread to take each edge by itself
    calls = seen.dispatch()
    lost = seen.lines.lost_edges()
    print(f"{flood} edges, {len(calls)} arrived, {lost} known to be lost")
    assert flood // 2 < lost <= flood - EVENT_BUFFER
    assert 0 < len(calls) <= EVENT_BUFFER
    assert calls[-1] == "fell"
    assert move(header, seen, 1) == ["rose"]
    assert seen.lines.lost_edges() == lost


def test_a_flood_too_fast_for_the_kernel_never_leaves_a_wrong_level(
    header: Header, seen: Seen
) -> None:
    for number in range(2001):
        header.pull(HALT, (number + 1) & 1)
        if number % 100 == 0:
            seen.dispatch()
    while readable(seen.factory, 50):
        seen.dispatch()
    assert seen.lines.lost_edges() > 0
    assert seen.lines.halt_is_high()
    assert move(header, seen, 0) == ["fell"]


def test_halt_is_not_debounced_by_the_kernel(header: Header, seen: Seen) -> None:
    info = seen.factory.chip.get_line_info("GPIO17")
    assert info.debounced is False
    assert info.debounce_period.total_seconds() == 0
    assert info.event_clock is gpiod.line.Clock.MONOTONIC
    assert info.bias is gpiod.line.Bias.PULL_DOWN
    move(header, seen, 1)
    header.pull(HALT, 0)
    header.pull(HALT, 1)  # a pulse of microseconds: shorter than any debounce period
    time.sleep(0.01)
    calls = seen.dispatch()
    assert calls == ["fell", "rose"] or seen.lines.lost_edges() > 0


def test_the_bias_holds_a_broken_wire_low(header: Header, factory: GpiodFactory) -> None:
    header.pull(HALT, 1)
    _kind, _fd, bit = factory.level_source("HALT")
    # gpio-sim has one pull for both: requesting the line with a bias sets it, as on a loose wire.
    assert header.level(HALT) == 0
    assert bit == 0


def test_ack_is_driven_from_its_first_moment(header: Header, factory: GpiodFactory) -> None:
    header.pull(ACK, 1)
    ack = DigitalOutputDevice(wiring.bcm("ACK"), initial_value=False, pin_factory=factory)
    assert header.level(ACK) == 0
    ack.on()
    assert header.level(ACK) == 1
    ack.off()
    assert header.level(ACK) == 0
    ack.close()


def test_a_line_is_ours_alone(seen: Seen) -> None:
    taken = seen.factory.chip.get_line_info("GPIO17")
    assert (taken.used, taken.consumer) == (True, chips.CONSUMER)
    with gpiod.Chip(os.environ["VM_GPIO_CHIP"]) as chip:
        with pytest.raises(PinsError) as raised:
            chips.request(chip, HALT, gpiod.LineSettings(), patience_s=0.1)
    assert str(raised.value) == f"GPIO17 of {os.environ['VM_GPIO_CHIP']} is in use by 'bot4'"


def test_a_line_of_somebody_else_is_refused_with_his_name(factory: GpiodFactory) -> None:
    with gpiod.Chip(os.environ["VM_GPIO_CHIP"]) as chip:
        with chip.request_lines({HALT: None}, consumer="w1-gpio"):
            begun = time.monotonic()
            with pytest.raises(PinsError, match="is in use by 'w1-gpio'"):
                factory.level_source("HALT")
    assert time.monotonic() - begun < chips.PATIENCE_S


def test_without_permission_it_says_so(header: Header) -> None:
    code = (
        "import os\n"
        "from host.guard.lines import open_factory\n"
        "from host.pins import gpiod_factory\n"
        "os.setgid(65534), os.setuid(65534)\n"
        "open_factory('bot4gpiod')"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "LinesError: pin factory bot4gpiod: /dev/gpiochip" in ended.stderr
    assert "Permission denied: may this user open it? (group gpio" in ended.stderr


def test_no_header_names_what_is_there(header: Header, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chips, "HEADERS", {"pinctrl-of-tomorrow": "Pi 6"})
    with pytest.raises(LinesError, match="no GPIO chip is labelled pinctrl-of-tomorrow .found: "):
        open_factory("bot4gpiod")


def test_a_callback_that_raises_reaches_the_guard_and_the_next_edge_arrives(
    header: Header, factory: GpiodFactory
) -> None:
    calls: list[str] = []

    def fell() -> None:
        calls.append("fell")
        raise RuntimeError("planted")

    lines = Lines(factory, fell, lambda: calls.append("rose"))
    for level in (1, 0, 1):
        header.pull(HALT, level)
        time.sleep(0.01)
    with pytest.raises(RuntimeError, match="planted"):
        factory.dispatch(time.monotonic_ns())
    assert calls == ["rose", "fell", "rose"]
    header.pull(HALT, 0)
    assert readable(factory)
    with pytest.raises(RuntimeError, match="planted"):
        factory.dispatch(time.monotonic_ns())
    assert calls == ["rose", "fell", "rose", "fell"]
    lines.close()


def test_an_edge_that_another_holder_has_read_does_not_stop_the_guard(
    header: Header, seen: Seen
) -> None:
    stolen = os.dup(seen.factory.level_source("HALT")[1])
    header.pull(HALT, 1)
    assert readable(seen.factory)
    os.read(stolen, 4096)
    failures: list[Exception] = []
    seen.factory.pin(HALT).take(select.EPOLLIN, failures)  # as when it was woken a moment before
    assert failures == []
    assert seen.lines.halt_is_high()
    assert move(header, seen, 0) == []  # gpiozero never saw it rise
    assert seen.lines.lost_edges() == 1
    os.close(stolen)


def test_the_descriptor_of_a_request_stays_in_this_process(factory: GpiodFactory) -> None:
    assert not os.get_inheritable(factory.level_source("HALT")[1])
    assert not os.get_inheritable(factory.fileno())


def test_closing_releases_lines_and_descriptors(header: Header) -> None:
    before = sorted(path.name for path in Path("/proc/self/fd").iterdir())
    for _ in range(20):
        factory = open_factory("bot4gpiod")
        lines = Lines(factory, lambda: None, lambda: None)
        lines.raise_ack()
        lines.close()
    assert sorted(path.name for path in Path("/proc/self/fd").iterdir()) == before
    assert header.level(ACK) == 0
    with gpiod.Chip(os.environ["VM_GPIO_CHIP"]) as chip:
        assert not any(chip.get_line_info(number).used for number in range(28))


def test_a_chip_that_is_taken_away_is_a_lost_connection(
    spare: SpareChip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chips, "HEADERS", {SPARE_LABEL: "for this test"})
    factory = GpiodFactory()
    halt = DigitalInputDevice(HALT, pull_up=False, pin_factory=factory)
    ack = DigitalOutputDevice(ACK, pin_factory=factory)
    spare.header.pull(HALT, 1)
    factory.dispatch(0)
    spare.take_away()
    with pytest.raises(LineGone, match="HALT"):
        _ = halt.value
    with pytest.raises(LineGone, match="ACK"):
        ack.on()
    fd = factory.level_source("HALT")[1]
    with pytest.raises(OSError, match="No such device") as raised:
        os.read(fd, 64)
    assert raised.value.errno == errno.ENODEV
    assert readable(factory, 0)
    with pytest.raises(LineGone, match="HALT"):
        factory.dispatch(0)
    halt.close()
    ack.close()
    factory.close()
