"""HALT and ACK as gpiozero devices on a pin factory asked for by name.

There is no fall-back from one factory to another, and none has a thread: the guard's loop polls
the factory and dispatches its edges, so a callback runs nowhere else.
"""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from gpiozero import Device, DigitalInputDevice, DigitalOutputDevice

from controller import wiring
from host import shm
from host.hotpath.level import Drive, Level

# What the halt path needs of a factory beyond gpiozero: edges without a thread, lines for compiled code.
NEEDED = ("fileno", "dispatch", "level_source", "drive_source", "driven", "after_edge")


class LinesError(OSError):
    """The pin factory is not there or does not give what the guard needs."""


def open_factory(name: str) -> Any:
    """Return the pin factory registered as `name`. Raises LinesError with one line."""
    found = entry_points(group="gpiozero_pin_factories", name=name)
    if not found:
        raise LinesError(f"no gpiozero pin factory is called {name!r}")
    try:
        factory = next(iter(found)).load()()
    except (OSError, KeyError, ImportError) as error:
        raise LinesError(f"pin factory {name}: {error}") from None
    for needed in NEEDED:
        if not hasattr(factory, needed):
            raise LinesError(f"pin factory {name} has no {needed}: it cannot serve the halt path")
    Device.pin_factory = factory
    return factory


def halt_level(source: tuple[str, int, int]) -> Level:
    """The level of HALT for compiled code, from a factory's `level_source`."""
    kind, fd, word = source
    return Level(fd) if kind == "ioctl" else Level(words=shm.level_words(fd), index=word)


class Lines:
    """The wires between guard and controller, serial link apart.

    fell() is called inside `dispatch` on the falling edge of HALT, rose() on the rising one.
    """

    def __init__(self, factory: Any, fell: Callable[[], None], rose: Callable[[], None]) -> None:
        self.factory = factory
        self._halt = DigitalInputDevice(wiring.bcm("HALT"), pull_up=False)
        self._ack = DigitalOutputDevice(wiring.bcm("ACK"), initial_value=False)
        self._lamps = [
            DigitalInputDevice(wiring.bcm(name), pull_up=False)
            for name in ("LED_RED", "LED_YELLOW", "LED_GREEN")
        ]
        # gpiozero keeps only weak references to pin callbacks: hold our own.
        self._kept = (fell, rose)
        self._halt.when_deactivated = fell
        self._halt.when_activated = rose

    def halt_is_high(self) -> bool:
        """Level of HALT as the factory last saw or reads it."""
        return bool(self._halt.value)

    def ack_is_high(self) -> bool:
        """Level that ACK is driven to."""
        return bool(self._ack.value)

    def raise_ack(self) -> None:
        """Say that the gate is closed."""
        self._ack.on()

    def ack_drive(self) -> Drive:
        """What compiled code raises ACK with, once; `ack_was_raised` says that it has."""
        return Drive(*self.factory.drive_source("ACK"))

    def ack_was_raised(self) -> None:
        """Compiled code has raised ACK: let gpiozero see it so."""
        self.factory.driven("ACK")

    def lower_ack(self) -> None:
        """Say that the host is ready to be re-armed."""
        self._ack.off()

    def lamps(self) -> list[int]:
        """Read back (red, yellow, green)."""
        return [int(lamp.value) for lamp in self._lamps]

    def lost_edges(self) -> int:
        """Number of edges that the factory knows to have missed."""
        return self.factory.lost_edges

    def close(self) -> None:
        """Release the lines; ACK falls."""
        self._ack.off()
        self.factory.close()
