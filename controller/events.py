"""What has happened, kept until the host has confirmed it: a ring that outlives the link.

Events are numbered from 1 since power-up and `boot` names the power-up, so (boot, number) is
an event's name for ever. One is under way at a time, the oldest; it is sent again until the
host confirms that number, and the host takes each number once: nothing is doubled and the
order stays. A full ring gives up its oldest event, and every EVENT tells how many it lost.
"""

import struct

from controller.times import elapsed_ms

KINDS = (
    # code, name, detail, value
    (1, "STARTED", "reset cause (RESET_CAUSES)", "resets since power-up"),
    (2, "SELF_TEST_PASSED", "always 0", "always 0"),
    (3, "SESSION", "always 0", "sessions since power-up"),
    (4, "LINK_LOST", "always 0", "noise counted so far"),
    (5, "FAULT", "the reason", "count of this fault"),
    (6, "TRIP", "the reason", "trips since power-up"),
    (7, "RELEASED", "reason of the trip before", "always 0"),
    (8, "ARMED", "always 0", "epoch of the host's mode"),
    (9, "ACK_SEEN", "always 0", "HALT to ACK in us"),
    (10, "ALARM", "the reason", "count of this fault"),
)
KIND_NAMES = {row[0]: row[1] for row in KINDS}
(
    STARTED,
    SELF_TEST_PASSED,
    SESSION,
    LINK_LOST,
    FAULT,
    TRIP,
    RELEASED,
    ARMED,
    ACK_SEEN,
    ALARM,
) = [row[0] for row in KINDS]

RESET_CAUSES = ("UNKNOWN", "POWER_ON", "WATCHDOG", "SOFT")

# 32 presses without a link, at four events each, are more than a person does.
CAPACITY = 128
RECORD = "<BBIQ"
RECORD_BYTES = struct.calcsize(RECORD)


class Events:
    """The ring. It is allocated once: noting an event makes no garbage worth a collection."""

    def __init__(self, times, boot):
        self._times = times
        self._boot = boot
        self._ring = bytearray(CAPACITY * RECORD_BYTES)
        self._noted = 0
        self._seen = 0
        self._sent_ms = None
        self.lost = 0
        self.unexpected = 0

    def note(self, kind, detail, value, at_us):
        """Keep one event; never fails, so that it may stand in the trip path."""
        if self._noted - self._seen == CAPACITY:
            self._take_next()
            self.lost += 1
        at = self._noted % CAPACITY * RECORD_BYTES
        struct.pack_into(RECORD, self._ring, at, kind, detail, value & 0xFFFFFFFF, at_us)
        self._noted += 1

    def waiting(self):
        """Return how many events the host has not confirmed."""
        return self._noted - self._seen

    def due(self, now_ms):
        """Return the values of the EVENT to send now, or None."""
        if self._noted == self._seen:
            return None
        sent_ms = self._sent_ms
        if sent_ms is not None and elapsed_ms(now_ms, sent_ms) < self._times.event_retry_ms:
            return None
        self._sent_ms = now_ms
        at = self._seen % CAPACITY * RECORD_BYTES
        record = struct.unpack_from(RECORD, self._ring, at)
        return (self._boot, self._seen + 1, self.lost) + record

    def seen(self, boot, number):
        """Take the host's confirmation; one that is not of the event under way is counted.

        That is nothing bad: an event that was sent twice is confirmed twice.
        """
        if boot != self._boot or self._sent_ms is None or number != self._seen + 1:
            self.unexpected += 1
            return
        self._take_next()

    def resend(self):
        """A new session: what was under way may be lost."""
        self._sent_ms = None

    def _take_next(self):
        self._seen += 1
        self._sent_ms = None
