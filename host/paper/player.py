"""When a row is played: by the clock against absolute deadlines, or when a test says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from host.paper.market import Row
from host.paper.tape import Tape, packet_of

# Per turn of the loop, so that neither a flood of packets nor late rows starve the other.
ROWS_A_TURN = 64


class Player:
    """Plays a tape: `on_row` takes each row and its packet, `on_end` follows the last one.

    next_row -- the number of the row that is played next
    """

    def __init__(
        self, tape: Tape, on_row: Callable[[Row, bytes], None], on_end: Callable[[], None]
    ) -> None:
        self.tape = tape
        self.next_row = tape.start_row
        self._on_row = on_row
        self._on_end = on_end
        self._start_ns = 0
        self._time_ns = 0  # of the data

    @property
    def ended(self) -> bool:
        """Whether the last row has been played."""
        return self.tape.over(self.next_row)

    @property
    def played(self) -> int:
        """How many rows of the tape have been played."""
        return self.next_row - self.tape.start_row

    def start(self, now_ns: int) -> None:
        """The first row is due now."""
        self._start_ns = now_ns

    def due_ns(self) -> int | None:
        """When the next row is due; None when none plays by itself."""
        if self.ended or not self.tape.rows_per_s:
            return None
        return self.tape.due_ns(self.next_row, self._start_ns)

    def play_due(self) -> None:
        """Play what is due, some of it if that is too much for one turn."""
        for _ in range(ROWS_A_TURN):
            due_ns = self.due_ns()
            if due_ns is None or time.monotonic_ns() < due_ns:
                return
            self.step(1)

    def step(self, rows: int) -> None:
        """Play the next rows, as far as there are any."""
        for _ in range(rows):
            if self.ended:
                return
            number = self.next_row
            self.next_row += 1
            row = self.tape.row(number)
            self._time_ns = row.time_ns
            self._on_row(row, self.tape.packet(number))
            if self.ended:
                self._on_end()

    def play(self, row: Row, after_ns: int) -> None:
        """Play a row that is not on the tape, so much later than the last one."""
        self._time_ns += after_ns
        row = replace(row, time_ns=self._time_ns)
        self._on_row(row, packet_of(row))
