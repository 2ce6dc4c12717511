"""Every time limit of the system, in one table with its two profiles.

`production` is for trading. `bench` is for measuring on a shared machine: re-arm in
milliseconds so that a run fits hundreds of presses, and watchdog times wide enough that
the scheduler of a virtual machine does not trip it. The profile is part of the HELLO digest
and live trading refuses `bench`.
"""

from binascii import crc32

TIMES = (
    # name, production, bench, what
    ("challenge_period_ms", 20, 20, "the controller asks this often"),
    ("answer_deadline_ms", 15, 60, "an answer after this is late and counts as missing"),
    ("bad_answers_trip", 3, 4, "missing or wrong answers in a row that trip"),
    ("good_answers_live", 3, 3, "good answers in a row that make a live host"),
    ("controller_silence_ms", 60, 250, "no valid CHALLENGE for so long: the guard halts by itself"),
    ("dead_man_ms", 20, 20, "HALT falls this long after the last healthy pass of the firmware"),
    ("hardware_wdt_ms", 100, 100, "the chip resets when the main loop hangs"),
    ("guard_lease_ms", 20, 100, "the gate refuses when the guard has not renewed for so long"),
    ("guard_refresh_ms", 5, 5, "the guard renews its lease this often"),
    ("engine_heartbeat_ms", 50, 250, "an older heartbeat of the engine stops the answers"),
    ("recorder_heartbeat_ms", 500, 1500, "an older heartbeat of the recorder is EMERGENCY"),
    ("discrepancy_ms", 50, 50, "contacts that differ for longer are a latched fault"),
    ("led_mismatch_ms", 200, 200, "LED read-back may differ from STATUS for so long"),
    ("rearm_hold_ms", 2000, 20, "hold the button this long to arm"),
    ("rearm_debounce_ms", 50, 5, "inputs must be quiet for so long before a re-arm may begin"),
    ("hello_period_ms", 100, 20, "the controller repeats HELLO until the host answers"),
    ("status_period_ms", 100, 100, "STATUS is sent this often and on every change"),
    ("ack_missing_ms", 10, 100, "no ACK so long after HALT fell raises the alarm"),
    ("mode_follows_ms", 1000, 2000, "MODE and the wires may disagree for so long"),
    ("event_retry_ms", 50, 50, "an event that the host has not confirmed is sent again"),
    ("persist_after_trip_ms", 100, 100, "epoch and head are written so long after a trip"),
    ("persist_period_ms", 60000, 60000, "and at most this often while disarmed (flash wears)"),
    ("resets_trip", 3, 3, "resets since power-up that keep the box from arming"),
    ("slot_busy_us", 500, 500, "a send still in flight after this gets its engine killed"),
    ("step_up_hold_ms", 30000, 15, "conditions hold so long before PAUSED -> REDUCED -> NORMAL"),
)

PROFILES = ("production", "bench")


class Times:
    """The limits of one profile as attributes, named as in the table."""

    def __init__(self, profile):
        if profile not in PROFILES:
            raise ValueError("unknown profile %r: production or bench" % (profile,))
        self.profile = profile
        column = 1 + PROFILES.index(profile)
        for row in TIMES:
            setattr(self, row[0], row[column])

    def __getattr__(self, name):
        raise AttributeError("no time limit is called " + name)

    def digest(self):
        """Return the CRC-32 of the profile's name and limits; both ends compare it in HELLO."""
        column = 1 + PROFILES.index(self.profile)
        text = repr((self.profile, tuple([(row[0], row[column]) for row in TIMES])))
        return crc32(text.encode()) & 0xFFFFFFFF


# MicroPython's ticks_ms() wraps at 2**30, after about 12.4 days.
TICK_MASK = 0x3FFFFFFF


def elapsed_ms(now_ms, then_ms):
    """Milliseconds from then to now over one wrap; a `then` ahead of `now` reads huge, and so trips."""
    return (now_ms - then_ms) & TICK_MASK
