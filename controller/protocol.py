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
    (0x12, "STATUS", CONTROLLER, "<BBBBHH", ("state", "reason", "inputs", "leds", "bad", "noise")),
    (0x13, "TRIP", CONTROLLER, "<BQ", ("reason", "at_us")),
    (0x14, "ACK_SEEN", CONTROLLER, "<QI", ("at_us", "halt_to_ack_us")),
    (0x15, "TAMPER", CONTROLLER, "<BI", ("reason", "count")),
    (0x20, "MODE", HOST, "<BBI", ("mode", "reason", "epoch")),
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
