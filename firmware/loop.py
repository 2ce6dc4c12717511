"""The main loop: the same for every board."""

import gc

from controller.core import Controller

# ms. The longest sleep between passes: shorter than any time of controller.times that is
# watched by polling, long enough to leave the processor idle most of the time.
PASS_MS = 4


class Loop:
    """Runs a controller on a board until the board loses power or an error trips it."""

    def __init__(self, board, times, link_key, build):
        self._board = board
        self.controller = Controller(times, link_key, board.entropy, build)
        self._fell = False

    def run(self):
        """Run for ever; outputs are released on the way out, whatever the reason."""
        board = self._board
        try:
            self._begin()
            while True:
                board.wait(PASS_MS)
                self._pass()
        finally:
            self.controller.fault()
            board.release()

    def _begin(self):
        board = self._board
        # Collect early and often: a collection of a small heap is short.
        gc.threshold(16384)
        self.controller.advance(board.now_ms(), board.uptime_us)
        self.controller.start()
        board.on_change(self._look)
        self._pass()

    def _pass(self):
        board = self._board
        controller = self.controller
        self._look()
        if self._fell:
            # HALT has just fallen: to say so over the serial line, signed, is for the next pass.
            self._fell = False
            return
        data = board.read()
        if data:
            controller.receive(data)
            self._obey()
        controller.poll()
        self._obey()
        board.lamps(controller.lamps())
        frames = controller.take_tx()
        if frames:
            board.write(frames)
        if controller.halt_high:
            board.feed()

    def _look(self):
        controller = self.controller
        was_high = controller.halt_high
        controller.advance(self._board.now_ms(), self._board.uptime_us)
        controller.inputs(*self._board.inputs())
        self._obey()
        self._fell = self._fell or (was_high and not controller.halt_high)

    def _obey(self):
        if not self.controller.halt_high:
            self._board.drop()
