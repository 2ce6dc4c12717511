"""The wiring table: the only place with pin numbers.

Firmware, host, analyser channels, the wiring picture and `bot4 bench wiring` come from it.
A row's place is also the line's number in the records of the virtual bench.
"""

# Pico side and Pi side: "in-up" is an input with pull-up, "in-down" with pull-down, "out"
# an output, "-" not connected. `broken` is the level that the reader sees when the wire breaks.
LINES = (
    # name,       Pico, Pico side, BCM, Pi side,  channel, high means,           broken wire reads as
    ("SWITCH_A", 2, "in-up", None, "-", "D0", "contact A open: trip", "open = trip"),
    ("SWITCH_B", 3, "in-up", None, "-", "D1", "contact B open: trip", "open = trip"),
    ("HALT", 15, "out", 17, "in-down", "D2", "run; falling edge = halt", "low = halt"),
    ("ACK", 14, "in-down", 27, "out", "D3", "gate is closed", "no acknowledgement: alarm"),
    ("LED_RED", 18, "out", 22, "in-down", "D4", "lamp lit", "mismatch = tamper"),
    ("LED_YELLOW", 19, "out", 23, "in-down", "D5", "lamp lit", "mismatch = tamper"),
    ("LED_GREEN", 20, "out", 24, "in-down", "D6", "lamp lit", "mismatch = tamper"),
    ("PICO_TX", 0, "uart", 15, "uart", "D7", "line idle", "watchdog trips"),
    ("PI_TX", 1, "uart", 14, "uart", "-", "line idle", "watchdog trips"),
    ("REARM", 4, "in-up", None, "-", "-", "button released", "cannot re-arm"),
    ("ENCLOSURE", 5, "in-up", None, "-", "-", "open: tamper", "open = tamper"),
)

NAMES = tuple([row[0] for row in LINES])
INDEX = {name: place for place, name in enumerate(NAMES)}

UART_BAUD = 921600

# Level of every line before anybody drives it: what the pulls of the two boards make of it.
# The bench closes the contacts to ground when it comes up.
UNDRIVEN = tuple([1 if row[2] == "in-up" or row[2] == "uart" else 0 for row in LINES])

# Lines that only the Pico, only the Pi, or only the person at the box may drive.
PICO_DRIVES = tuple([row[0] for row in LINES if row[2] == "out"])
PI_DRIVES = tuple([row[0] for row in LINES if row[4] == "out"])
PERSON_DRIVES = ("SWITCH_A", "SWITCH_B", "REARM", "ENCLOSURE")


def pico_pin(name):
    """Return the GPIO number of line `name` on the Pico."""
    return LINES[INDEX[name]][1]


def bcm(name):
    """Return the BCM number of line `name` on the Pi, or None where the Pi has no such wire."""
    return LINES[INDEX[name]][3]


def by_bcm(number):
    """Return the name of the line on BCM `number`; KeyError when nothing is wired there."""
    for row in LINES:
        if row[3] == number:
            return row[0]
    raise KeyError(number)


def by_pico_pin(number):
    """Return the name of the line on GPIO `number` of the Pico; KeyError when nothing is there."""
    for row in LINES:
        if row[1] == number:
            return row[0]
    raise KeyError(number)


def analysed():
    """Return (channel, name) of every line that an analyser watches, in channel order."""
    return tuple([(row[5], row[0]) for row in LINES if row[5] != "-"])
