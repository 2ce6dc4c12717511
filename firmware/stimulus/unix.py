"""The robot on MicroPython's Unix port: `micropython unix.py TABLE RECORD`, its serial line on stdin.

It has no pins: each change of its outputs is a line `us bits` of RECORD.
"""

import os
import select
import sys
import time

from firmware.stimulus.robot import Robot

CHUNK_BYTES = 256


class Board:
    """What a Pico is to the robot, without contacts."""

    name = "unix"

    def __init__(self, record):
        self._record = record
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._bits = 0
        # For tests of the self-test: this output never moves.
        self._stuck = int(os.getenv("BOT4_ROBOT_STUCK") or "-1")

    def play(self, steps):
        """Play [(us, bits), ...] in a tight loop; return (began us, worst lateness us)."""
        began_us = time.ticks_us()
        worst_us = 0
        for at_us, bits in steps:
            while time.ticks_diff(time.ticks_us(), began_us) < at_us - steps[0][0]:
                pass
            late_us = time.ticks_diff(time.ticks_us(), began_us) - (at_us - steps[0][0])
            worst_us = max(worst_us, late_us)
            if self._stuck >= 0:
                bits &= ~(1 << self._stuck)
            self._bits = bits
            self._record.write("%d %d\n" % (time.ticks_us(), bits))
        self._record.flush()
        return began_us, worst_us

    def show(self):
        """Return the outputs, as bits."""
        return self._bits

    @staticmethod
    def now_ms():
        """Return milliseconds."""
        return time.ticks_ms()

    def read(self, timeout_ms):
        """Return what has come, None after the time, nothing when the line has ended."""
        for _stream, event in self._poll.poll(timeout_ms):
            if event & select.POLLIN:
                return self._taken()
            return b""
        return None

    def _taken(self):
        data = b""
        while len(data) < CHUNK_BYTES and self._poll.poll(0):
            byte = sys.stdin.buffer.read(1)
            if not byte:
                break
            data += byte
        return data

    @staticmethod
    def write(data):
        """Send bytes."""
        sys.stdout.buffer.write(data)

    @staticmethod
    def watch(timeout_ms):
        """There is no hardware watchdog."""

    @staticmethod
    def alive():
        """Nor anything to feed."""

    def release(self):
        """Open everything."""
        self.play([(0, 0)])


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as table:
        source = table.read()
    with open(sys.argv[2], "w") as file:
        Robot(Board(file), source).serve()
