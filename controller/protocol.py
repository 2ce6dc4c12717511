"""The messages between controller and host: declared once.

Encoder, decoder, documents and fuzz tests come from `MESSAGES`; both ends compare `SCHEMA`
in HELLO. There is no message that un-trips, arms or silences anything.
"""

import struct
from binascii import crc32

VERSION = 1

CONTROLLER, HOST = "controller", "host"
BOTH = "both"

MESSAGES = (
    # id, name, sent by, layout (little-endian), fields with units
    # `peer_nonce` is zero in the controller's HELLO and echoes it in the host's, so that an
    # old HELLO of the host cannot be played back. `times` is the digest of the profile.
    (0x01, "HELLO", BOTH, "<8s8sIII", ("nonce", "peer_nonce", "schema", "times", "build")),
    (0x10, "CHALLENGE", CONTROLLER, "<8s", ("challenge",)),
    (0x11, "ANSWER", HOST, "<8s8s", ("challenge", "digest")),
    # `leds` are the lit ones, `blinking` those that a read-back must not be compared for
    # (controller.leds.mismatch); `faults` has one bit for each reason (controller.faults).
    (
        0x12,
        "STATUS",
        CONTROLLER,
        "<BBBBBHHI",
        ("state", "reason", "inputs", "leds", "blinking", "bad", "noise", "faults"),
    ),
    (0x13, "TRIP", CONTROLLER, "<BQ", ("reason", "at_us")),
    (0x14, "ACK_SEEN", CONTROLLER, "<QI", ("at_us", "halt_to_ack_us")),
    (0x15, "TAMPER", CONTROLLER, "<BI", ("reason", "count")),
    # TRIP, ACK_SEEN and TAMPER are the news, lost without a session; EVENT is the record: in
    # order, again until EVENT_SEEN, also in the next session (controller.events).
    (
        0x16,
        "EVENT",
        CONTROLLER,
        "<IIIBBIQ",
        ("boot", "number", "lost", "what", "detail", "value", "at_us"),
    ),
    (0x17, "EVENT_SEEN", HOST, "<II", ("boot", "number")),
    (0x20, "MODE", HOST, "<BBI", ("mode", "reason", "epoch")),
    (0x30, "WITNESS", HOST, "<Q32s", ("count", "head")),
    # `mac` is made with the witness key, which the host does not have (controller.witness).
    (0x31, "RECEIPT", CONTROLLER, "<IIQ32s32s", ("epoch", "number", "count", "head", "mac")),
    (0x32, "ATTEST", HOST, "<16s", ("nonce",)),
    (
        0x33,
        "ATTESTATION",
        CONTROLLER,
        "<16sI32s32s32s",
        ("nonce", "epoch", "firmware", "configuration", "mac"),
    ),
)  # type: tuple

SCHEMA = crc32(repr((VERSION, MESSAGES)).encode()) & 0xFFFFFFFF

ID, NAME, SENDER, LAYOUT, FIELDS = range(5)
BY_ID = {row[ID]: row for row in MESSAGES}
BY_NAME = {row[NAME]: row for row in MESSAGES}

# Bits of STATUS.inputs, in this order.
INPUT_BITS = ("SWITCH_A", "SWITCH_B", "REARM", "ENCLOSURE", "ACK")


def pack(name, values):
    """Return the payload of message `name` from its field values, in table order."""
    return struct.pack(BY_NAME[name][LAYOUT], *values)


def unpack(row, payload):
    """Return the field values of a payload, or None when its length is wrong."""
    if struct.calcsize(row[LAYOUT]) != len(payload):
        return None
    return struct.unpack(row[LAYOUT], payload)
