"""Why the controller trips: one table, shared by firmware, host and documents."""

REASONS = (
    # code, name, what happened
    (0, "NONE", "not tripped"),
    (1, "SWITCH_A", "contact A of the kill switch opened"),
    (2, "SWITCH_B", "contact B of the kill switch opened"),
    (3, "DISCREPANCY", "the two contacts disagreed for longer than allowed: latched fault"),
    (4, "ENCLOSURE", "the enclosure was opened"),
    (5, "WATCHDOG_MISSED", "too many answers in a row were missing, late or wrong"),
    (6, "WATCHDOG_REPLAY", "an answer to a challenge that was never asked, or a second answer"),
    (7, "BAD_MAC", "a frame with a good CRC and a bad MAC"),
    (8, "OLD_SEQUENCE", "a frame with an old sequence number"),
    (9, "UNKNOWN_MESSAGE", "an authentic frame of unknown type or wrong length"),
    (10, "HOST_EMERGENCY", "the host says EMERGENCY"),
    (11, "HOST_RESTART", "the host opened a new session while armed"),
    (12, "ACK_WHILE_RUN", "ACK was high while HALT was high"),
    (13, "SELF_TEST", "the self-test at power-up failed"),
    (14, "FAULT", "the firmware caught an error of its own"),
    (15, "HOST_DISAGREES", "MODE and the wires said different things for longer than allowed"),
    (16, "RESETS", "too many resets since power-up"),
    (17, "ACK_MISSING", "no ACK after HALT fell: an alarm, the trip has already happened"),
    (18, "WITNESS_BACK", "the host asked to vouch for a log that goes back"),
    (19, "STORE", "epoch and head could not be read or written"),
)

NAMES = tuple([row[1] for row in REASONS])
CODES = {row[1]: row[0] for row in REASONS}

(
    NONE,
    SWITCH_A,
    SWITCH_B,
    DISCREPANCY,
    ENCLOSURE,
    WATCHDOG_MISSED,
    WATCHDOG_REPLAY,
    BAD_MAC,
    OLD_SEQUENCE,
    UNKNOWN_MESSAGE,
    HOST_EMERGENCY,
    HOST_RESTART,
    ACK_WHILE_RUN,
    SELF_TEST,
    FAULT,
    HOST_DISAGREES,
    RESETS,
    ACK_MISSING,
    WITNESS_BACK,
    STORE,
) = [row[0] for row in REASONS]
