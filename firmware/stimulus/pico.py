# ruff: noqa: F821
# mypy: disable-error-code="name-defined,call-overload"
"""The robot's Pico: contacts moved by PIO, to a tenth of a microsecond; the serial line is USB."""

import select
import sys
import time
from array import array

import machine
import rp2

# Hz. A tick of 0.1 us; a step takes four of them beside its wait.
TICK_HZ = 10_000_000
TICKS_PER_US = 10
STEP_TICKS = 4
WAIT_BITS = 29
CHUNK_BYTES = 256
# us. After the last step: the words that still wait in the queue when `put` returns are over then.
AFTER_US = 50


@rp2.asm_pio(out_init=[rp2.PIO.OUT_LOW] * 3, out_shiftdir=rp2.PIO.SHIFT_RIGHT)
def player():
    """Take words: 29 bits of wait, then the levels of the three outputs."""
    pull(block)
    out(x, 29)
    label("wait")
    jmp(x_dec, "wait")
    out(pins, 3)


class Board:
    """Three outputs in a row of GPIOs, from `first` on."""

    name = "pico"

    def __init__(self, first):
        self._pins = [machine.Pin(first + place) for place in range(3)]
        for pin in self._pins:
            pin.init(machine.Pin.OUT, value=0)
        self._player = rp2.StateMachine(0, player, freq=TICK_HZ, out_base=self._pins[0])
        self._player.active(1)
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._watchdog = None

    def play(self, steps):
        """Play [(us, bits), ...]; return (began us, worst lateness us), which PIO keeps at nothing."""
        words = array("I")
        before_us = steps[0][0]
        for at_us, bits in steps:
            wait = (at_us - before_us) * TICKS_PER_US
            words.append(max(wait - STEP_TICKS, 0) | bits << WAIT_BITS)
            before_us = at_us
        began_us = time.ticks_us()
        self._player.put(words)
        end_us = time.ticks_add(began_us, before_us - steps[0][0] + AFTER_US)
        while self._player.tx_fifo() or time.ticks_diff(end_us, time.ticks_us()) > 0:
            pass
        return began_us, 0

    def show(self):
        """Return the levels at the pins, as bits."""
        return sum([pin.value() << place for place, pin in enumerate(self._pins)])

    @staticmethod
    def now_ms():
        """Return milliseconds, wrapping as time.ticks_ms does."""
        return time.ticks_ms()

    def read(self, timeout_ms):
        """Return what has come, or None after the time."""
        if not self._poll.poll(timeout_ms):
            return None
        data = b""
        while len(data) < CHUNK_BYTES and self._poll.poll(0):
            data += sys.stdin.buffer.read(1)
        return data

    @staticmethod
    def write(data):
        """Send bytes."""
        sys.stdout.buffer.write(data)

    def watch(self, timeout_ms):
        """Start the hardware watchdog, once: from now on a hung program resets the chip."""
        if self._watchdog is None:
            self._watchdog = machine.WDT(timeout=timeout_ms)

    def alive(self):
        """Feed it."""
        if self._watchdog is not None:
            self._watchdog.feed()

    def release(self):
        """Open everything, and take the pins from PIO, so that nothing closes them again."""
        self._player.active(0)
        for pin in self._pins:
            pin.init(machine.Pin.OUT, value=0)
