"""What the LEDs show: a table from state and mode to a pattern.

A pattern has one letter for each of red, yellow, green: "1" lit, "0" dark, "s" slow blink
(1 Hz), "f" fast blink (4 Hz). Green never lights unless the host may trade. The controller
tells in STATUS what it drives, and the host compares that with what it reads back.
"""

from controller import states

NORMAL, REDUCED, PAUSED, EMERGENCY = range(4)
MODE_NAMES = ("NORMAL", "REDUCED", "PAUSED", "EMERGENCY")

STATE_PATTERNS = {
    states.BOOT: "f00",
    # The lamp test drives them instead; to STATUS all of them blink.
    states.SELF_TEST: "fff",
    states.SAFE: "s00",
    states.WAITING: "0s0",
    states.TRIPPED: "100",
}
ARMED_PATTERNS = {
    NORMAL: "001",
    REDUCED: "011",
    PAUSED: "010",
    # Armed and the host still says EMERGENCY: between the re-arm and the host's step to PAUSED.
    EMERGENCY: "0f0",
}
# Tripped, and no release will help: a permanent fault (controller.faults).
BLOCKED_PATTERN = "f00"
HALF_PERIOD_MS = {"s": 500, "f": 125}

# Lamp test at power-up, one LED after the other: its pulses have known widths, so a capture
# bounds the analyser's clock error and shows swapped channels.
LAMP_TEST_MS = (10, 20, 30)


def lamp_test(since_ms):
    """Return (red, yellow, green) at `since_ms` of the lamp test, or None when it is over."""
    begin = 0
    for place in range(3):
        end = begin + LAMP_TEST_MS[place]
        if since_ms < end:
            return tuple([1 if place == led else 0 for led in range(3)])
        begin = end
    return None


def pattern(state, mode, blocked=False):
    """Return the pattern of `state`; in ARMED the host's `mode` decides."""
    if state == states.ARMED:
        return ARMED_PATTERNS[mode]
    if state == states.TRIPPED and blocked:
        return BLOCKED_PATTERN
    return STATE_PATTERNS[state]


def told(pattern_text):
    """Return STATUS.leds and STATUS.blinking of a pattern: bit 0 is red, 1 yellow, 2 green."""
    lit = blinking = 0
    for place in range(3):
        if pattern_text[place] == "1":
            lit |= 1 << place
        elif pattern_text[place] != "0":
            blinking |= 1 << place
    return (lit, blinking)


def mismatch(read_back, leds, blinking):
    """Return the bits of `read_back` that contradict STATUS; for how long is the caller's to judge."""
    return (read_back ^ leds) & ~blinking & 7


def levels(pattern_text, now_ms):
    """Return the (red, yellow, green) levels of a pattern at `now_ms`."""
    return tuple([_level(letter, now_ms) for letter in pattern_text])


def _level(letter, now_ms):
    if letter in HALF_PERIOD_MS:
        return 1 - (now_ms // HALF_PERIOD_MS[letter]) % 2
    return int(letter)
