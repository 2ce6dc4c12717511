"""Frames on the serial line: COBS, CRC-32, and a truncated HMAC.

    frame = COBS(body) 0x00
    body  = version u8, type u8, sequence u32, controller uptime u64 us, payload,
            CRC-32 u32 of all before it, MAC (8 bytes) of all before it

A bad CRC is line noise. A good CRC with a bad MAC, an old sequence number or an unknown
type is tampering. The receiver takes any chunking; every refusal has a code and a counter.

`cobs_encode` and `cobs_decode` are called through this module's names: a board may put native
versions in their place (`frames.cobs_encode = ...`). Those here stay the oracle of the tests.
"""

import struct
from binascii import crc32

from controller import mac, protocol

HEADER = "<BBIQ"
HEADER_BYTES = struct.calcsize(HEADER)
TAIL_BYTES = 4 + mac.MAC_BYTES
MAX_BODY_BYTES = 160

OK, NOISE, BAD_MAC, OLD_SEQUENCE, UNKNOWN_MESSAGE = range(5)
CODE_NAMES = ("OK", "NOISE", "BAD_MAC", "OLD_SEQUENCE", "UNKNOWN_MESSAGE")


def cobs_encode(body):
    """Return `body` without zero bytes (consistent overhead byte stuffing), without the end mark."""
    out = bytearray(1)
    code_at = 0
    code = 1
    for byte in body:
        if byte:
            out.append(byte)
            code += 1
        if not byte or code == 0xFF:
            out[code_at] = code
            code_at = len(out)
            out.append(0)
            code = 1
    out[code_at] = code
    return bytes(out)


def cobs_decode(data):
    """Return the bytes that `cobs_encode` got, or None when `data` is not such an encoding."""
    out = bytearray()
    at = 0
    end = len(data)
    while at < end:
        code = data[at]
        if code == 0 or at + code > end:
            return None
        out.extend(data[at + 1 : at + code])
        at += code
        if code != 0xFF and at < end:
            out.append(0)
    return bytes(out)


class FrameReader:
    """Cuts a byte stream into bodies, whatever its chunking."""

    def __init__(self):
        self._buffer = bytearray()
        self._overlong = False
        self.noise = 0

    def feed(self, data):
        """Take received bytes; return the list of decoded bodies (still unchecked)."""
        bodies = []
        at = 0
        end = data.find(b"\0")
        while end >= 0:
            self._keep(data[at:end])
            body = self._finish()
            if body:
                bodies.append(body)
            at = end + 1
            end = data.find(b"\0", at)
        self._keep(data[at:])
        return bodies

    def _keep(self, piece):
        """Append to the frame under way; one that is too long is dropped up to its end mark."""
        if len(self._buffer) + len(piece) > MAX_BODY_BYTES + 2:
            self._overlong = True
        else:
            self._buffer.extend(piece)

    def _finish(self):
        """Return the body of the frame that has just ended; None, and counted, when it is none."""
        held = self._buffer
        body = None if self._overlong else cobs_decode(held)
        if not body and (self._overlong or held):
            self.noise += 1
        if held:
            self._buffer = bytearray()
        self._overlong = False
        return body


class Channel:
    """One end of a session: makes frames under a key, checks those of the peer.

    sender -- which end this is (protocol.CONTROLLER or protocol.HOST)
    key -- a controller.mac.Mac
    """

    def __init__(self, sender, key):
        self._sender = sender
        self._key = key
        self._sent = 0
        self._seen = 0

    def encode(self, name, values, uptime_us):
        """Return the complete frame of one message, end mark included."""
        self._sent += 1
        row = protocol.BY_NAME[name]
        body = struct.pack(HEADER, protocol.VERSION, row[0], self._sent, uptime_us)
        body += protocol.pack(name, values)
        body += struct.pack("<I", crc32(body) & 0xFFFFFFFF)
        body += self._key.tag(body)
        return cobs_encode(body) + b"\0"

    def decode(self, body):
        """Check one body; return (code, name, values, uptime_us). Only OK carries the last three."""
        code = check_crc(body)
        if code != OK:
            return (code, None, None, 0)
        signed = body[: -mac.MAC_BYTES]
        if not mac.same(self._key.tag(signed), body[-mac.MAC_BYTES :]):
            return (BAD_MAC, None, None, 0)
        _version, kind, sequence, uptime_us = struct.unpack(HEADER, body[:HEADER_BYTES])
        if sequence <= self._seen:
            return (OLD_SEQUENCE, None, None, 0)
        self._seen = sequence
        row = protocol.BY_ID.get(kind)
        if row is None or row[2] == self._sender:
            return (UNKNOWN_MESSAGE, None, None, 0)
        values = protocol.unpack(row, body[HEADER_BYTES:-TAIL_BYTES])
        if values is None:
            return (UNKNOWN_MESSAGE, None, None, 0)
        return (OK, row[1], values, uptime_us)


def check_crc(body):
    """Return OK when length, CRC and version say that this is a frame of ours, else NOISE."""
    if not HEADER_BYTES + TAIL_BYTES <= len(body) <= MAX_BODY_BYTES:
        return NOISE
    checked = body[:-TAIL_BYTES]
    crc = struct.unpack("<I", body[-TAIL_BYTES : -mac.MAC_BYTES])[0]
    if crc != crc32(checked) & 0xFFFFFFFF or body[0] != protocol.VERSION:
        return NOISE
    return OK


def kind_of(body):
    """Return the message id of a body that passed `check_crc`."""
    return body[1]
