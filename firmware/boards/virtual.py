"""The board of the virtual bench: MicroPython's Unix port on the hub's wires.

It has no PIO and no hardware watchdog, and does not pretend to: HALT is dropped by this code as
soon as the record of the open contact is read, and a hung process is found by the guard.
"""

import os
import time

import machine

from controller import wiring
from controller.times import TICK_MASK

NAME = "virtual"


def _input(name):
    return machine.Pin(wiring.pico_pin(name), machine.Pin.IN)


def _output(name):
    return machine.Pin(wiring.pico_pin(name), machine.Pin.OUT, value=0)


class Board:
    """Pins, serial line and time of the virtual controller."""

    # ms. The longest sleep between passes: shorter than any time of controller.times that is watched
    # by polling, long enough to leave the processor idle most of the time.
    PASS_MS, FULL_MS, LAMPS_MS = 4, 4, 0
    fell = False  # no PIO that could drop HALT by itself

    def __init__(self):
        self._halt = _output("HALT")
        self._leds = [_output(name) for name in ("LED_RED", "LED_YELLOW", "LED_GREEN")]
        self._a = _input("SWITCH_A")
        self._b = _input("SWITCH_B")
        self._rearm = _input("REARM")
        self._enclosure = _input("ENCLOSURE")
        self._ack = _input("ACK")
        self._uart = machine.UART(0, wiring.UART_BAUD)
        self._last_us = time.ticks_us()
        self.uptime_us = 0
        machine.bench.changed = self._latch
        self._on_change = None

    @staticmethod
    def past():
        """Return (reset cause, resets since power-up, failed self-tests): this board has none."""
        return (0, 0, 0)

    @staticmethod
    def halt_to_ack_us():
        """Return None: there is no stopwatch here."""

    def lamp_test(self):
        """Leave the lamp test to the controller's own timing."""

    def on_change(self, handler):
        """Call `handler()` after every single pin change, so that no pulse is merged away."""
        self._on_change = handler

    def _latch(self):
        # Stands where PIO stands on the Pico: before any other code of this pass.
        if self._a.value() or self._b.value():
            self._halt.value(0)
        if self._on_change is not None:
            self._on_change()

    def wait(self, timeout_ms):
        """Sleep until a pin changes, a byte arrives or the time is up."""
        machine.bench.wait(timeout_ms)

    def now_ms(self):
        """Advance the uptime; return milliseconds, wrapping at controller.times.TICK_MASK."""
        now = time.ticks_us()
        self.uptime_us += time.ticks_diff(now, self._last_us)
        self._last_us = now
        return (self.uptime_us // 1000) & TICK_MASK

    def inputs(self):
        """Return (a_open, b_open, pressed, enclosure_open, ack_high)."""
        return (
            self._a.value(),
            self._b.value(),
            1 - self._rearm.value(),
            self._enclosure.value(),
            self._ack.value(),
        )

    def drop(self):
        """HALT low, now."""
        self._halt.value(0)

    def feed(self):
        """A healthy pass has ended in ARMED: HALT may be high."""
        self._halt.value(1)

    def lamps(self, levels):
        """Drive (red, yellow, green)."""
        for place in range(3):
            self._leds[place].value(levels[place])

    def read(self):
        """Return received bytes or None."""
        return self._uart.read()

    def write(self, data):
        """Send bytes."""
        self._uart.write(data)

    def release(self):
        """Leave every output at its safe level."""
        self.drop()
        self.lamps((0, 0, 0))

    @staticmethod
    def entropy(count):
        """Return unpredictable bytes."""
        return os.urandom(count)
