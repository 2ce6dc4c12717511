"""The main loop: the same for every board.

Every pass looks at the inputs and feeds the dead man; in between it takes what has arrived or, in a full
pass, does what is due by time and talks. A board says how often it wants each (`PASS_MS`, `FULL_MS`, and
`LAMPS_MS`); where time is no matter every pass does all of it (0).
"""

import gc

from controller.core import Controller
from controller.times import TICK_MASK, elapsed_ms

# Bytes. A backstop only: the Pico collects by itself, between passes. In the middle of one it would
# make that pass too long for the dead man.
COLLECT_BYTES = 98304


class Loop:
    """Runs a controller on a board until the board loses power or an error trips it.

    identity -- what else the Controller is told: build, witness_key, store, stored, firmware
    """

    def __init__(self, board, times, link_key, **identity):
        self._board = board
        self.controller = Controller(times, link_key, board.entropy, **identity)
        self.controller.measured_ack_us = board.halt_to_ack_us
        self._fell = False
        self._levels = None
        self._full_ms = None
        self._now_ms = self._lamps_ms = 0

    def run(self):
        """Run for ever; outputs are released on the way out, whatever the reason."""
        board = self._board
        try:
            self._begin()
            while True:
                board.wait(self._pause_ms())
                self._pass()
        except Exception:
            self._tell_fault()
            raise
        finally:
            self.controller.fault()
            board.release()

    def _begin(self):
        board = self._board
        gc.threshold(COLLECT_BYTES)
        self.controller.advance(board.now_ms(), board.uptime_us)
        self.controller.start(*board.past())
        board.lamp_test()
        board.on_change(self._changed)
        self._pass()

    def _pause_ms(self):
        """Return how long after this pass began the next one should: not past the next full one."""
        if self._full_ms is None:
            return 0
        left_ms = self._board.FULL_MS - elapsed_ms(self._now_ms, self._full_ms)
        return min(self._board.PASS_MS, max(left_ms, 1))

    def _pass(self):
        board = self._board
        controller = self.controller
        now_ms = self._now_ms = board.now_ms()
        full = self._full_ms is None or elapsed_ms(now_ms, self._full_ms) >= board.FULL_MS
        levels = board.inputs()
        if full or levels != self._levels:
            self._look(levels, now_ms)
        if self._fell:
            # HALT has just fallen: to say so over the serial line, signed, is for a pass 1 ms later.
            self._fell = False
            self._full_ms = (now_ms + 1 - board.FULL_MS) & TICK_MASK
            return
        if not full or board.FULL_MS == 0:
            self._listen(now_ms)
        if full:
            self._full_ms = now_ms
            self._talk()
        if controller.halt_high:
            board.feed()

    def _listen(self, now_ms):
        data = self._board.read()
        if data:
            self.controller.advance(now_ms, self._board.uptime_us)
            self.controller.receive(data)
            self._obey()

    def _talk(self):
        controller = self.controller
        controller.poll()
        self._obey()
        if elapsed_ms(self._now_ms, self._lamps_ms) >= self._board.LAMPS_MS:
            self._lamps_ms = self._now_ms
            self._board.lamps(controller.lamps())
        frames = controller.take_tx()
        if frames:
            self._board.write(frames)

    def _changed(self):
        self._look(self._board.inputs(), self._board.now_ms())

    def _look(self, levels, now_ms):
        controller = self.controller
        board = self._board
        was_high = controller.halt_high
        # The time of the whole pass: with a later one here, the next full pass might come a moment
        # before the next challenge is due, and ask a whole period late.
        controller.advance(now_ms, board.uptime_us)
        self._levels = levels
        if board.fell and controller.halt_high and not (levels[0] or levels[1]):
            controller.fault()  # PIO dropped HALT and no contact has opened: it was the dead man
        controller.inputs(*levels)
        self._obey()
        self._fell = self._fell or (was_high and not controller.halt_high)

    def _obey(self):
        if not self.controller.halt_high:
            self._board.drop()

    def _tell_fault(self):
        """Say FAULT on the line; HALT falls first, and what fails here changes nothing any more."""
        self._board.drop()
        self.controller.fault()
        self._board.write(self.controller.take_tx())
