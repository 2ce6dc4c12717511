"""The factory's rules, on made-up requests: no kernel needed."""

import errno
import os
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import gpiod
import pytest
from gpiod.line import Bias, Clock, Direction, Edge, Value
from gpiozero import DigitalInputDevice, DigitalOutputDevice
from gpiozero.exc import PinFixedPull, PinInvalidBounce, PinInvalidFunction, PinInvalidPin

from controller import wiring
from host.pins import gpiod_factory
from host.pins.chips import LineGone, PinsError
from host.pins.gpiod_factory import WIRED, GpiodFactory

PI_4B = 0xC03112
RISING, FALLING = gpiod.EdgeEvent.Type.RISING_EDGE, gpiod.EdgeEvent.Type.FALLING_EDGE


class FakeRequest:
    """A request whose descriptor is a pipe; `edge` makes an edge arrive."""

    def __init__(self, number: int, settings: gpiod.LineSettings) -> None:
        self.number, self.settings = number, settings
        self.offsets = [number]
        self.fd, self._write = os.pipe()
        self.level = int(settings.output_value is Value.ACTIVE)
        self.broken: OSError | None = None
        self.events: list[Any] = []
        self._sequence = 0

    def edge(self, level: int, skip: int = 0) -> None:
        self._sequence += 1 + skip
        self.level = level
        event = RISING if level else FALLING
        stamp_ns = 1_000_000 * self._sequence
        edge = SimpleNamespace(event_type=event, line_seqno=self._sequence, timestamp_ns=stamp_ns)
        self.events.append(edge)
        os.write(self._write, b"x")

    def read_edge_events(self) -> list[Any]:
        if self.broken:
            raise self.broken
        os.read(self.fd, 64)
        events, self.events = self.events, []
        return events

    def get_value(self, _offset: int) -> Value:
        if self.broken:
            raise self.broken
        return Value.ACTIVE if self.level else Value.INACTIVE

    def set_value(self, _offset: int, value: Value) -> None:
        self.level = int(value is Value.ACTIVE)

    def break_off(self) -> None:
        self.broken = OSError(errno.ENODEV, "No such device")
        os.close(self._write)

    def release(self) -> None:
        os.close(self.fd)


Requests = dict[int, FakeRequest]


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    """Requests that have been made, by BCM number."""
    made: Requests = {}

    def take(_chip: object, number: int, settings: gpiod.LineSettings) -> FakeRequest:
        made[number] = FakeRequest(number, settings)
        return made[number]

    monkeypatch.setattr(gpiod_factory, "request", take)
    monkeypatch.setattr(gpiod_factory, "find_chip", lambda: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(GpiodFactory, "_get_revision", lambda _self: PI_4B)
    return made


@pytest.fixture
def factory(requests: Requests) -> Iterator[GpiodFactory]:
    made = GpiodFactory()
    yield made
    made.close()


def halt_device(factory: GpiodFactory, fell: Callable[[], None]) -> DigitalInputDevice:
    """HALT as the guard builds it."""
    device = DigitalInputDevice(wiring.bcm("HALT"), pull_up=False, pin_factory=factory)
    device.when_deactivated = fell
    return device


def test_every_line_of_the_pi_gets_direction_and_bias_of_the_wiring_table() -> None:
    found = {name: gpiod_factory.SIDES[side][::2] for name, side in WIRED.values()}
    lamps = dict.fromkeys(("LED_RED", "LED_YELLOW", "LED_GREEN"), ("input", Bias.PULL_DOWN))
    assert found == {
        "HALT": ("input", Bias.PULL_DOWN),
        "ACK": ("output", Bias.AS_IS),
        **lamps,
    }


def test_halt_is_requested_without_debounce_and_with_the_monotonic_clock(
    factory: GpiodFactory, requests: Requests
) -> None:
    kind, fd, bit = factory.level_source("HALT")
    settings = requests[17].settings
    assert (kind, fd, bit) == ("ioctl", requests[17].fd, 0)
    assert settings.debounce_period.total_seconds() == 0
    assert settings.event_clock is Clock.MONOTONIC
    assert settings.edge_detection is Edge.BOTH
    assert (settings.direction, settings.bias) == (Direction.INPUT, Bias.PULL_DOWN)


def test_the_request_that_was_handed_out_is_the_one_that_the_device_uses(
    factory: GpiodFactory, requests: Requests
) -> None:
    fd = factory.level_source("HALT")[1]
    device = halt_device(factory, lambda: None)
    assert factory.level_source("HALT")[1] == fd
    assert len(requests) == 1
    device.close()


@pytest.mark.parametrize("level", [False, True])
def test_ack_starts_at_its_initial_level(
    factory: GpiodFactory, requests: Requests, level: bool
) -> None:
    ack = DigitalOutputDevice(wiring.bcm("ACK"), initial_value=level, pin_factory=factory)
    settings = requests[27].settings
    assert settings.direction is Direction.OUTPUT
    assert settings.output_value is (Value.ACTIVE if level else Value.INACTIVE)
    ack.toggle()
    assert requests[27].level == (not level)
    ack.close()


def test_what_the_wiring_table_does_not_say_is_refused(factory: GpiodFactory) -> None:
    with pytest.raises(PinInvalidPin, match="GPIO4 is not a GPIO line of the wiring table"):
        factory.pin(4)
    with pytest.raises(PinInvalidPin, match="GPIO15"):
        factory.pin(15)
    with pytest.raises(PinInvalidFunction, match="HALT .* is an input"):
        DigitalOutputDevice(17, pin_factory=factory)
    with pytest.raises(PinInvalidFunction, match="ACK .* is an output"):
        DigitalInputDevice(27, pin_factory=factory)
    with pytest.raises(PinFixedPull, match="HALT .* is pulled down"):
        DigitalInputDevice(17, pull_up=True, pin_factory=factory)
    with pytest.raises(PinInvalidBounce, match="would delay the first edge"):
        DigitalInputDevice(17, bounce_time=0.01, pin_factory=factory)


def test_halt_goes_first_whatever_was_opened_first(
    factory: GpiodFactory, requests: Requests
) -> None:
    seen: list[str] = []
    lamp = DigitalInputDevice(wiring.bcm("LED_RED"), pull_up=False, pin_factory=factory)
    lamp.when_activated = lambda: seen.append("lamp")
    halt = halt_device(factory, lambda: None)
    halt.when_activated = lambda: seen.append("halt")
    requests[22].edge(1)
    requests[17].edge(1)
    factory.dispatch(0)
    assert seen == ["halt", "lamp"]
    lamp.close()
    halt.close()


def test_a_raising_callback_loses_no_other_edge(factory: GpiodFactory, requests: Requests) -> None:
    seen: list[int] = []

    def fell() -> None:
        seen.append(0)
        raise RuntimeError(f"number {len(seen)}")

    halt = halt_device(factory, fell)
    halt.when_activated = lambda: seen.append(1)
    lamp = DigitalInputDevice(wiring.bcm("LED_RED"), pull_up=False, pin_factory=factory)
    lamp.when_activated = lambda: seen.append(2)
    for level in (1, 0, 1, 0):
        requests[17].edge(level)
    requests[22].edge(1)
    with pytest.raises(RuntimeError, match="number 2") as raised:
        factory.dispatch(0)
    assert seen == [1, 0, 1, 0, 2]
    assert raised.value.__notes__ == ["and RuntimeError('number 4')"]
    factory.dispatch(0)
    halt.close()
    lamp.close()


def test_missing_edges_are_counted_for_the_whole_factory(
    factory: GpiodFactory, requests: Requests
) -> None:
    halt = halt_device(factory, lambda: None)
    requests[17].edge(1, skip=3)
    factory.dispatch(0)
    requests[17].edge(1)
    factory.dispatch(0)
    assert factory.lost_edges == 4
    halt.close()


def test_a_chip_that_goes_away_is_a_lost_connection_before_any_other_error(
    factory: GpiodFactory, requests: Requests
) -> None:
    def fell() -> None:
        raise RuntimeError("a callback")

    halt = halt_device(factory, fell)
    lamp = DigitalInputDevice(wiring.bcm("LED_RED"), pull_up=False, pin_factory=factory)
    requests[17].edge(1)
    requests[17].edge(0)
    requests[22].break_off()
    with pytest.raises(LineGone, match="LED_RED .*No such device") as raised:
        factory.dispatch(0)
    assert isinstance(raised.value, ConnectionError)
    requests[17].broken = OSError(errno.ENODEV, "No such device")
    with pytest.raises(LineGone, match="HALT"):
        _ = halt.value
    halt.close()
    lamp.close()


def test_a_device_closed_by_a_callback_is_not_called_again(
    factory: GpiodFactory, requests: Requests
) -> None:
    seen: list[int] = []
    halt = halt_device(factory, lambda: None)
    lamp = DigitalInputDevice(wiring.bcm("LED_RED"), pull_up=False, pin_factory=factory)
    lamp.when_activated = lambda: seen.append(1)
    halt.when_activated = lamp.close
    requests[22].edge(1)
    requests[17].edge(1)
    factory.dispatch(0)
    assert seen == []
    halt.close()


def test_closing_gives_every_descriptor_back(factory: GpiodFactory, requests: Requests) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    halt = halt_device(factory, lambda: None)
    fd = requests[17].fd
    factory.close()
    factory.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    os.close(requests[17]._write)
    assert len(os.listdir("/proc/self/fd")) == before - 1  # noqa: PTH208  its epoll
    halt.close()


def test_a_machine_that_is_no_pi_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpiozero.pins.local.io.open", _no_such_file)
    with pytest.raises(PinsError, match="this is no Raspberry Pi"):
        GpiodFactory()


def _no_such_file(path: str, *_mode: str) -> Any:
    if path == "/proc/cpuinfo":
        return open(os.devnull)  # noqa: PTH123, SIM115  gpiozero closes it
    raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
