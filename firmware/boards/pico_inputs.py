"""The inputs of the Pico: levels, and the latches that remember which contact opened."""

from machine import Pin, mem32

from controller import wiring
from firmware.boards import registers


def _level(name):
    """Return a line's bit in a register of all pins."""
    return 1 << wiring.pico_pin(name)


def _rose(name):
    """Return a line's rising-edge bit in IO_INTR0."""
    return registers.EDGE_HIGH << (4 * wiring.pico_pin(name))


class Inputs:
    """Reads all inputs at once, and is quick about it while nothing has changed.

    fell -- PIO has dropped HALT: a contact, or the dead man; of the last `read`
    """

    def __init__(self):
        for name in wiring.PERSON_DRIVES:
            Pin(wiring.pico_pin(name), Pin.IN, Pin.PULL_UP)
        Pin(wiring.pico_pin("ACK"), Pin.IN, Pin.PULL_DOWN)
        self._a, self._b = _level("SWITCH_A"), _level("SWITCH_B")
        self._rearm, self._enclosure = _level("REARM"), _level("ENCLOSURE")
        self._ack = _level("ACK")
        self._all = self._a | self._b | self._rearm | self._enclosure | self._ack
        self._a_rose, self._b_rose = _rose("SWITCH_A"), _rose("SWITCH_B")
        self._rises = self._a_rose | self._b_rose
        self._halt_status = registers.status(wiring.pico_pin("HALT"))
        self._raw = None
        self._told = None
        self.fell = False

    def read(self, armed):
        """Return (a_open, b_open, pressed, enclosure_open, ack_high).

        A contact is open when two looks a few microseconds apart say so (the PIO's glitch filter is
        shorter), or when it opened at all since the last look; while HALT is high that counts only if
        PIO has dropped it, for the filter may have ignored a spike. `fell` then is True until `drop`.
        """
        raw = mem32[registers.SIO_GPIO_IN] & self._all
        rises = self.take_rises()
        self.fell = armed and not mem32[self._halt_status] & registers.OUTTOPAD
        if raw == self._raw and not rises and not self.fell:
            return self._told
        opened = raw & mem32[registers.SIO_GPIO_IN]
        if self.fell:
            rises |= self.take_rises()
        elif armed:
            rises = 0
        self._told = (
            1 if opened & self._a or rises & self._a_rose else 0,
            1 if opened & self._b or rises & self._b_rose else 0,
            0 if raw & self._rearm else 1,
            1 if raw & self._enclosure else 0,
            1 if raw & self._ack else 0,
        )
        # What two looks or a latch have told is not in `raw`: the next look is a full one again.
        self._raw = raw if opened == raw and not rises else None
        return self._told

    def take_rises(self):
        """Return and clear the rising edges of the contacts; one that comes meanwhile stays."""
        rises = mem32[registers.IO_INTR0] & self._rises
        if rises:
            mem32[registers.IO_INTR0] = rises
        return rises
