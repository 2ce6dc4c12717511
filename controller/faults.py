"""What is wrong with the box: one table, and the register that counts it.

A fault is known by its trip reason (controller.reasons), and that code is its bit in
STATUS.faults. A RECOVERABLE one stays in the register until the box is armed again: then a
person has been there. A PERMANENT one stays until power-up, and nothing is armed meanwhile.
"""

from controller import reasons

PERMANENT, RECOVERABLE = range(2)
KIND_NAMES = ("PERMANENT", "RECOVERABLE")

# When a fault trips: in every state, only in ARMED (otherwise it is refused and counted), or
# not at all (an alarm).
ALWAYS, ARMED, NEVER = range(3)
TRIPS_NAMES = ("always", "while armed", "never: alarm")

FAULTS = (
    # reason, kind, trips
    (reasons.DISCREPANCY, RECOVERABLE, ALWAYS),
    (reasons.ENCLOSURE, RECOVERABLE, ALWAYS),
    (reasons.WATCHDOG_REPLAY, RECOVERABLE, ARMED),
    (reasons.BAD_MAC, RECOVERABLE, ARMED),
    (reasons.OLD_SEQUENCE, RECOVERABLE, ARMED),
    (reasons.UNKNOWN_MESSAGE, RECOVERABLE, ARMED),
    (reasons.HOST_RESTART, RECOVERABLE, ARMED),
    (reasons.ACK_WHILE_RUN, RECOVERABLE, ARMED),
    (reasons.SELF_TEST, PERMANENT, ALWAYS),
    (reasons.FAULT, PERMANENT, ALWAYS),
    (reasons.HOST_DISAGREES, RECOVERABLE, ALWAYS),
    (reasons.RESETS, PERMANENT, ALWAYS),
    (reasons.ACK_MISSING, RECOVERABLE, NEVER),
    (reasons.WITNESS_BACK, RECOVERABLE, NEVER),
    (reasons.STORE, PERMANENT, ALWAYS),
)

REASON, KIND, TRIPS = range(3)
BY_REASON = {row[REASON]: row for row in FAULTS}


class Faults:
    """The register: which faults stand, and how often each has happened since power-up."""

    def __init__(self):
        self.bits = 0
        self.counts = {row[REASON]: 0 for row in FAULTS}
        self.blocked = False  # True once a permanent fault stands
        self._present = 0

    def report(self, reason):
        """Count a fault; return True when it is worth telling: the 1st, 2nd, 4th, 8th ... time.

        So a flood of one fault cannot push others out of the ring of events.
        """
        self.bits |= 1 << reason
        count = self.counts[reason] + 1
        self.counts[reason] = count
        if BY_REASON[reason][KIND] == PERMANENT:
            self.blocked = True
        return count & (count - 1) == 0

    def began(self, reason, present):
        """Follow a fault that lasts; return True when it has just begun."""
        bit = 1 << reason
        was = self._present & bit
        if present:
            self._present |= bit
        elif was:
            self._present ^= bit
        return bool(present) and not was

    def trips(self, reason, armed):
        """Return True when this fault trips now."""
        trips = BY_REASON[reason][TRIPS]
        return trips == ALWAYS or (trips == ARMED and armed)

    def settle(self):
        """A person has armed the box: forget the recoverable ones. Counts stay."""
        for row in FAULTS:
            if row[KIND] == RECOVERABLE:
                self.bits &= ~(1 << row[REASON])
