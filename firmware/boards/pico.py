"""The board of the Pico: trip path and stopwatch in PIO, UART0, hardware watchdog.

There is no interrupt handler: PIO drops HALT, the edge latches of the pins remember which contact it
was, and this code looks at both on its next pass.
"""

import gc
import os
import select
from hashlib import sha256
from time import sleep_us, ticks_diff, ticks_ms, ticks_us

import machine
import rp2
from machine import Pin, mem32

from controller import events, leds, wiring
from firmware.boards import pico_pio, registers
from firmware.boards.pico_inputs import Inputs

NAME = "pico"

TRIP, STOPWATCH, LAMPS = 0, 4, 5  # state machines; four and up are in PIO1
RECORD = "witness.record"
LAMP_LINES = ("LED_RED", "LED_YELLOW", "LED_GREEN")
# Bytes. A pass takes no more than this from the line, one frame or two, so that a flood cannot make it
# long: a frame costs about 3 ms.
MOST_BYTES = 64
BUFFER_BYTES = 512
# ms. How much later than planned the lamp test may end before its pins are taken back.
LAMP_SLACK_MS = 10
# us. From the first bytes of a frame until the rest of it is here, at 10.8 us a byte.
FRAME_US = 400
# ms. Collect so often, so that there is never much to sweep, and after a pass as short as this, so that
# the two together stay within the longest pass allowed. A long overdue collection does not wait.
COLLECT_MS, COLLECT_LATEST_MS, SHORT_PASS_MS = 200, 400, 2


class Board:
    """Pins, serial line, time and watchdog of the Pico.

    times -- controller.times.Times
    """

    # ms. Half the dead man's time, so that HALT lives through one late pass; the challenge period; and
    # half of what the fastest blink needs.
    PASS_MS, FULL_MS, LAMPS_MS = 10, 20, 60

    def __init__(self, times):
        self._inputs = Inputs()
        self._halt = wiring.pico_pin("HALT")
        self._armed = False
        self._token = machine.freq() // 1000 * times.dead_man_ms // pico_pio.TRIP_PASS_CYCLES
        self._trip = rp2.StateMachine(TRIP)
        self._stopwatch = rp2.StateMachine(STOPWATCH)
        self._lamps = [Pin(wiring.pico_pin(name), Pin.OUT, value=0) for name in LAMP_LINES]
        self._shown = (0, 0, 0)
        self._tested_us = None
        self._uart = machine.UART(
            0, wiring.UART_BAUD, rxbuf=BUFFER_BYTES, txbuf=BUFFER_BYTES, timeout=0
        )
        self._poll = select.poll()
        self._poll.register(self._uart, select.POLLIN)
        self._pool = sha256(os.urandom(64) + machine.unique_id()).digest()
        self._collected_ms = self._pass_ms = ticks_ms()
        self._last_us = ticks_us()
        self.uptime_us = 0
        # From here on every pass must end in time; nothing can stop it again.
        self._watchdog = machine.WDT(timeout=times.hardware_wdt_ms)

    @staticmethod
    def past():
        """Return (reset cause, resets since power-up, failed self-tests) for Controller.start."""
        resets = mem32[registers.BOOTS] - 1
        if machine.reset_cause() == machine.WDT_RESET:
            cause = "WATCHDOG"
        else:
            cause = "SOFT" if resets else "POWER_ON"
        return (events.RESET_CAUSES.index(cause), resets, 0)

    def keep(self, record):
        """Put the witness's record into flash, whole or not at all. Raises OSError."""
        self._watchdog.feed()
        with open(RECORD + ".new", "wb") as file:
            file.write(record)
        self._watchdog.feed()
        os.rename(RECORD + ".new", RECORD)
        self._watchdog.feed()

    @staticmethod
    def kept():
        """Return what `keep` was last given, or None. Raises OSError when it cannot be read."""
        if RECORD not in os.listdir():
            return None
        with open(RECORD, "rb") as file:
            return file.read()

    def on_change(self, handler):
        """Take no handler: the edge latches lose no pulse (see `inputs`)."""

    def wait(self, timeout_ms):
        """End a pass: feed the watchdog, collect, sleep until a byte comes or the pass is over.

        timeout_ms -- the time that the pass may take together with the sleep after it
        """
        self._watchdog.feed()
        now_ms = ticks_ms()
        since_ms = ticks_diff(now_ms, self._collected_ms)
        if since_ms >= COLLECT_MS:
            pass_ms = ticks_diff(now_ms, self._pass_ms)
            if pass_ms < SHORT_PASS_MS or since_ms >= COLLECT_LATEST_MS:
                self._collected_ms = now_ms
                gc.collect()
        self.sleep(max(0, timeout_ms - ticks_diff(ticks_ms(), self._pass_ms)))

    def sleep(self, timeout_ms):
        """Sleep until the first frame is here or the time is up."""
        for _ready in self._poll.ipoll(timeout_ms):
            sleep_us(FRAME_US)

    def now_ms(self):
        """Begin a pass: advance the uptime; return milliseconds, wrapping at times.TICK_MASK."""
        now = ticks_us()
        self.uptime_us += ticks_diff(now, self._last_us)
        self._last_us = now
        self._pass_ms = now_ms = ticks_ms()
        return now_ms

    @property
    def fell(self):
        """Return True when PIO has dropped HALT since it was armed, at the last `inputs`."""
        return self._inputs.fell

    def inputs(self):
        """Return (a_open, b_open, pressed, enclosure_open, ack_high); see Inputs.read."""
        return self._inputs.read(self._armed)

    def drop(self):
        """HALT low, now, whatever the PIO does: the pin is taken from it."""
        if self._armed:
            mem32[registers.SIO_GPIO_OUT_CLR] = 1 << self._halt
            mem32[registers.control(self._halt)] = registers.FUNCTION_SIO
            self._trip.active(0)
            self._armed = False

    def feed(self):
        """A healthy pass has ended in ARMED: one more dead-man time for HALT."""
        if not self._armed:
            self._arm()
        if not self._trip.tx_fifo():
            self._trip.put(self._token)

    def halt_to_ack_us(self):
        """Return the time from HALT's fall to ACK's rise as PIO counted it, or None."""
        if not self._stopwatch.rx_fifo():
            return None
        steps = 0xFFFFFFFF - self._stopwatch.get()
        return steps * 2 * 1_000_000 // machine.freq()

    def lamp_test(self):
        """Light one lamp after the other for the times of controller.leds, by PIO."""
        cycles_per_ms = machine.freq() // 1000
        before_ms = 0
        for place in range(3):
            lamp = rp2.StateMachine(
                LAMPS + place, pico_pio.pulse, freq=machine.freq(), set_base=self._lamps[place]
            )
            lamp.active(1)
            lamp.put(before_ms * cycles_per_ms)
            lamp.put(leds.LAMP_TEST_MS[place] * cycles_per_ms - 2)
            before_ms += leds.LAMP_TEST_MS[place]
        self._tested_us = self.uptime_us + (before_ms + LAMP_SLACK_MS) * 1000

    def lamps(self, levels):
        """Drive (red, yellow, green); during the lamp test PIO has the pins."""
        if self._tested_us is not None:
            if self.uptime_us < self._tested_us:
                return
            self._end_lamp_test()
        if levels != self._shown:
            self._shown = levels
            for place in range(3):
                self._lamps[place].value(levels[place])

    def read(self):
        """Return received bytes or None."""
        waiting = self._uart.any()
        return self._uart.read(min(waiting, MOST_BYTES)) if waiting else None

    def write(self, data):
        """Send bytes; what a full buffer cannot take is lost, as on a wire."""
        self._uart.write(data)

    def release(self):
        """Leave every output at its safe level."""
        self.drop()
        if self._tested_us is not None:
            self._end_lamp_test()
        self.lamps((0, 0, 0))

    def entropy(self, count):
        """Return at most 16 unpredictable bytes: the ring oscillator's bits, mixed by SHA-256.

        What is told is never more than half of the pool that goes on.
        """
        self._pool = sha256(self._pool + os.urandom(8)).digest()
        return self._pool[:count]

    def _arm(self):
        rate = machine.freq()
        halt = Pin(self._halt)
        self._inputs.take_rises()
        self._stopwatch.init(
            pico_pio.stopwatch, freq=rate, in_base=halt, jmp_pin=Pin(wiring.pico_pin("ACK"))
        )
        self._stopwatch.active(1)
        # This clears the FIFO of old tokens and hands the pin, low, to PIO.
        self._trip.init(
            pico_pio.trip,
            freq=rate,
            in_base=Pin(wiring.pico_pin("SWITCH_A")),
            set_base=halt,
        )
        self._trip.active(1)
        self._armed = True

    def _end_lamp_test(self):
        self._tested_us = None
        for lamp in self._lamps:
            lamp.init(Pin.OUT, value=0)
