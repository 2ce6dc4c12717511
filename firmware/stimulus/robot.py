"""The robot itself: takes lines, moves contacts, lets go when the host falls silent.

A board has: name, play(steps) -> (began us, worst lateness us), show() -> bits read back, now_ms(),
read(timeout_ms) -> bytes or None, write(bytes), watch(ms), alive(), release().
"""

import json
import time
from binascii import crc32

from firmware.stimulus.lines import pack, unpack

IDLE_MS = 20
# us. Long enough for a pin to be read back, too short for a relay to move or a button to count.
TEST_US = 20


class Refused(Exception):
    """The host asks for something that is not done; the text says why."""


class Robot:
    """One session after the other, for ever."""

    def __init__(self, board, source):
        table = json.loads(source)
        self._board = board
        self._table = table
        self._digest = "%08x" % (crc32(source) & 0xFFFFFFFF)
        self._names = [row[0] for row in table["outputs"]]
        self._verbs = [row[0] for row in table["verbs"]]
        self._rest = b""
        self._bits = 0
        self._live = False
        self._heard_ms = 0
        self._hold = None
        self.dropped = 0

    def serve(self):
        """Run until the board's serial line ends."""
        try:
            while True:
                data = self._board.read(IDLE_MS)
                if data == b"":
                    return
                if data:
                    self._take(data)
                self._watch()
        finally:
            self._board.release()

    def _take(self, data):
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self._table["most_line_bytes"]:
            self._rest = b""
            self.dropped += 1
        for line in lines:
            try:
                number, words = unpack(line)
            except ValueError:
                self.dropped += 1
                continue
            self._answer(number, words)

    def _answer(self, number, words):
        verb, _space, rest = words.partition(" ")
        try:
            said = self._do(number, verb, rest)
        except Refused as why:
            self._say(number, "NO %s" % why)
            return
        if said is not None:
            self._say(number, ("OK " + said).strip())

    def _say(self, number, words):
        if number:
            self._board.write(pack(number, words))

    def _do(self, number, verb, rest):
        if verb not in self._verbs:
            raise Refused("unknown verb " + verb)
        if verb == "HELLO":
            return self._hello(rest)
        if not self._live:
            raise Refused("no session, all is open: HELLO was not said or the host fell silent")
        self._heard_ms = self._board.now_ms()
        self._board.alive()
        if verb == "PLAY":
            return self._play(rest)
        if verb == "HOLD":
            return self._begin_hold(number, rest)
        if verb == "DROP":
            self._drop()
        return ""

    def _hello(self, digest):
        if digest != self._digest:
            raise Refused("the table here is %s, not %s" % (self._digest, digest))
        self._drop()
        failed = self._test()
        if failed:
            raise Refused("self-test: output of %s does not follow" % failed)
        self._board.watch(self._table["watchdog_ms"])
        self._live = True
        self._heard_ms = self._board.now_ms()
        return "%d %s %d" % (self._table["version"], self._board.name, self.dropped)

    def _test(self):
        """Return the name of the first output that cannot be moved, or nothing."""
        for place, name in enumerate(self._names):
            for bits in (1 << place, 0):
                self._board.play([(0, bits)])
                time.sleep_us(TEST_US)
                if self._board.show() != bits:
                    return name
        return ""

    def _play(self, text):
        if self._hold is not None:
            raise Refused("the button is being held")
        steps = self._steps(text)
        began_us, late_us = self._board.play(steps)
        self._bits = steps[-1][1]
        self._check()
        return "%d %d" % (began_us, late_us)

    def _steps(self, text):
        """Return [(us, bits of all outputs from then on), ...] of `us:output:closed,...`."""
        bits = self._bits
        try:
            moves = [[int(part) for part in move.split(":")] for move in text.split(",")]
            steps = [(moves[0][0], bits)]
            for at_us, output, closed in moves:
                if not 0 <= output < len(self._names) or closed not in (0, 1):
                    raise ValueError
                bits = bits | 1 << output if closed else bits & ~(1 << output)
                if steps[-1][0] == at_us:
                    steps.pop()
                steps.append((at_us, bits))
        except ValueError:
            raise Refused("a move is us:output:closed") from None
        if len(moves) > self._table["most_moves"]:
            raise Refused("more than %d moves" % self._table["most_moves"])
        gaps = [steps[place + 1][0] - steps[place][0] for place in range(len(steps) - 1)]
        if steps[0][0] < 0 or steps[-1][0] > self._table["most_us"]:
            raise Refused("moves lie in 0..%d us" % self._table["most_us"])
        if gaps and min(gaps) < self._table["least_gap_us"]:
            raise Refused("moves are at least %d us apart" % self._table["least_gap_us"])
        return steps

    def _begin_hold(self, number, text):
        most_ms = self._table["most_hold_ms"]
        if not text.isdigit() or not 0 < int(text) <= most_ms:
            raise Refused("hold for 1..%d ms" % most_ms)
        if self._hold is not None:
            raise Refused("the button is being held")
        self._set(self._bits | self._button())
        self._hold = (number, self._board.now_ms(), int(text))

    def _watch(self):
        now_ms = self._board.now_ms()
        if self._hold is not None and time.ticks_diff(now_ms, self._hold[1]) >= self._hold[2]:
            number, began_ms, _ms = self._hold
            self._hold = None
            try:
                self._set(self._bits & ~self._button())
                self._say(number, "OK %d" % time.ticks_diff(now_ms, began_ms))
            except Refused as why:
                self._say(number, "NO %s" % why)
        silent_ms = time.ticks_diff(now_ms, self._heard_ms)
        if self._live and silent_ms > self._table["silence_ms"]:
            self._live = False
            self._drop()
        if not self._live:
            self._board.alive()  # nothing is closed that a reset would have to open

    def _button(self):
        return 1 << self._names.index("REARM")

    def _drop(self):
        self._hold = None
        self._set(0)

    def _set(self, bits):
        self._bits = bits
        self._board.play([(0, bits)])
        time.sleep_us(TEST_US)
        self._check()

    def _check(self):
        shown = self._board.show()
        if shown != self._bits:
            raise Refused("outputs read back as %d, not %d" % (shown, self._bits))
