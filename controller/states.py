"""The trip and arm state machine as a table.

A pair that is not listed is refused and counted; it never changes the state. Outputs follow
from the state alone, so one line can be checked against the HALT wire: `halt_high(state)`.
"""

BOOT, SELF_TEST, SAFE, WAITING, ARMED, TRIPPED = range(6)
STATE_NAMES = ("BOOT", "SELF_TEST", "SAFE", "WAITING", "ARMED", "TRIPPED")

START, PASSED, FAILED, READY, NOT_READY, HELD, TRIP, RELEASED = range(8)
EVENT_NAMES = (
    "START",
    "PASSED",
    "FAILED",
    "READY",
    "NOT_READY",
    "HELD",
    "TRIP",
    "RELEASED",
)

NEXT = {
    # BOOT ends by START alone: no way leads around the self-test, and HALT is low anyway.
    (BOOT, START): SELF_TEST,
    (SELF_TEST, PASSED): SAFE,
    (SELF_TEST, FAILED): TRIPPED,
    (SELF_TEST, TRIP): TRIPPED,
    (SAFE, READY): WAITING,
    # An open contact or a fault is latched also while nothing could have run: the person
    # sees why, and must release before re-arming.
    (SAFE, TRIP): TRIPPED,
    (WAITING, NOT_READY): SAFE,
    (WAITING, HELD): ARMED,
    (WAITING, TRIP): TRIPPED,
    (ARMED, TRIP): TRIPPED,
    # A release never arms: it leads to SAFE, and from there a live host and a held button
    # are still needed.
    (TRIPPED, RELEASED): SAFE,
}


def next_state(state, event):
    """Return the state after `event`, or None when the table has no such pair."""
    return NEXT.get((state, event))


def halt_high(state):
    """Return True in ARMED alone; every other state pulls HALT low."""
    return state == ARMED
