"""Byte-level fuzzing of the controller's receiving end: a fast loop without a framework.

    python -m tools.fuzz [--inputs N] [--seed N] [--seconds N]

Each input is one piece of a byte stream to a controller in the middle of a session: frames of
the host, whole, cut, bent, joined, replayed, from another session or under another key,
forged with a good CRC, mixed with noise and cut into chunks at random. The fuzzer knows
which frames are genuine and in order, so it knows exactly what must be accepted; it demands
that nothing else is, that nothing raises, and that every frame ends up in one counter.
"""

import argparse
import random
import struct
import sys
import time
from binascii import crc32

from controller import frames, mac, protocol
from controller.link import Link
from controller.times import Times

KEY = bytes(range(32))
FOREIGN = mac.Mac(b"\xaa" * 32)
# Inputs per session: a session is dear to open, and its state should not grow old.
SESSION_INPUTS = 2000


class Found(AssertionError):
    """The code under test did what it must not do."""


class Target:
    """A controller's link in a session, a host that knows the key, and the books of both."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.times = Times("production")
        self.now_ms = rng.randrange(1 << 30)
        self.link = Link(self.times, KEY, rng.randbytes, 0)
        self.link.poll(self.now_ms, 0)
        hello = frames.FrameReader().feed(bytes(self.link.tx))[0]
        nonce = hello[frames.HEADER_BYTES : frames.HEADER_BYTES + 8]
        self.link.tx = bytearray()
        mine = rng.randbytes(8)
        key = mac.Mac(KEY)
        values = (mine, nonce, protocol.SCHEMA, self.times.digest(), 0)
        self.link.receive(frames.Channel(protocol.HOST, key).encode("HELLO", values, 0), 0)
        if not self.link.established():
            raise Found("the session did not open")
        self.session = mac.Mac(mac.session_key(key, nonce, mine))
        self.host = frames.Channel(protocol.HOST, self.session)
        self.sent: list[bytes] = []
        self.tail_open = False  # bytes without an end mark stand in the receiver's buffer
        self.expected: list[tuple] = []  # messages that must be accepted, in order
        self.ended = 0  # frames that have ended: each must be in one counter

    def books(self) -> int:
        counts = self.link.counts
        return counts["noise"] + counts["refused"] + counts["repeated"] + counts["mismatched"]


def genuine(target: Target) -> tuple[bytes, tuple]:
    """Return a frame of the host that must be accepted, and what it says."""
    rng = target.rng
    name, values = rng.choice(
        (
            ("MODE", (rng.randrange(256), rng.randrange(256), rng.randrange(1 << 32))),
            ("EVENT_SEEN", (rng.randrange(1 << 32), rng.randrange(1 << 32))),
            ("WITNESS", (rng.randrange(1 << 64), rng.randbytes(32))),
            ("ATTEST", (rng.randbytes(16),)),
        )
    )
    return target.host.encode(name, values, rng.randrange(1 << 64)), (None, name, values)


def forged(rng: random.Random) -> bytes:
    """Return a frame with a good CRC whose MAC nobody made."""
    kind = rng.choice(protocol.MESSAGES)[protocol.ID] if rng.random() < 0.8 else rng.randrange(256)
    body = struct.pack(frames.HEADER, protocol.VERSION, kind, rng.randrange(1 << 32), 0)
    body += rng.randbytes(rng.randrange(60))
    body += struct.pack("<I", crc32(body))
    body += FOREIGN.tag(body) if rng.random() < 0.5 else rng.randbytes(8)
    return frames.cobs_encode(body) + b"\0"


def bent(rng: random.Random, frame: bytes) -> bytes:
    """Return a frame with some bytes changed, lost, doubled or added; its end mark stays."""
    data = bytearray(frame[:-1])
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(data)) if data else 0
        how = rng.randrange(4)
        if how == 0 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1 and data:
            del data[at : at + rng.randrange(1, 9)]
        elif how == 2:
            data[at:at] = data[at : at + rng.randrange(1, 9)]
        else:
            data[at:at] = rng.randbytes(rng.randrange(1, 5))
    return bytes(data) + b"\0"


def piece(target: Target) -> bytes:
    """Return the next input, and enter what it must do into the books."""
    rng = target.rng
    how = rng.random()
    if how < 0.25:
        frame, said = genuine(target)
        if not target.tail_open:  # else the rest before it has spoilt it: it was never heard
            target.expected.append(said)
            target.sent.append(frame)
            del target.sent[:-8]
        target.tail_open = False
        return frame
    target_was_open, target.tail_open = target.tail_open, False
    if how < 0.40:
        data = rng.choice(target.sent) if target.sent else b"\0"
    elif how < 0.60:
        frame = target.host.encode("MODE", (0, 0, 0), 0)
        data = bent(rng, frame)
        if b"\0" + frame in b"\0" + data:  # bent there and back, or only something put before it
            data = b"\0"
    elif how < 0.75:
        data = forged(rng)
    elif how < 0.80:
        data = frames.cobs_encode(rng.randbytes(rng.randrange(1, 400))) + b"\0"
    elif how < 0.90:
        data = rng.randbytes(rng.randrange(1, 80))
    else:
        frame = rng.choice(target.sent) if target.sent else b"\1\0"
        data = frame[: rng.randrange(1, len(frame))]
    if data.endswith(b"\0"):
        return data
    target.tail_open = bool(data.rpartition(b"\0")[2]) or (target_was_open and b"\0" not in data)
    return data


def count_frames(reader: bytearray, data: bytes) -> int:
    """Count the frames that end in `data`, told by nothing but zeros; empty ones do not count."""
    parts = (bytes(reader) + data).split(b"\0")
    reader[:] = parts.pop()[-1:]
    return sum(1 for part in parts if part)


def run(inputs: int, seed: int, seconds: float = 0.0) -> dict[str, int]:
    """Fuzz; return what was counted. Raises Found, or whatever the code under test raises."""
    rng = random.Random(seed)
    begun = time.monotonic()
    total = {"inputs": 0, "bytes": 0, "sessions": 0, "frames": 0, "accepted": 0, "refused": 0}
    while total["inputs"] < inputs:
        _session(rng, min(SESSION_INPUTS, inputs - total["inputs"]), total)
        if seconds and time.monotonic() - begun > seconds:
            break
    return total


def _session(rng: random.Random, inputs: int, total: dict[str, int]) -> None:
    target = Target(rng)
    before = target.books()
    reader = bytearray()
    ended = accepted = 0
    for _ in range(inputs):
        data = piece(target)
        ended += count_frames(reader, data)
        found = []
        at = 0
        while at < len(data):
            size = rng.choice((1, 3, 17, 64, 256))
            found += target.link.receive(data[at : at + size], target.now_ms)
            at += size
        passed = [finding for finding in found if finding[0] is None]
        if passed != target.expected:
            raise Found(f"accepted {passed}, not {target.expected}, from {data.hex()}")
        accepted += len(passed)
        target.expected.clear()
        total["bytes"] += len(data)
    refused = target.books() - before
    if ended != accepted + refused:
        raise Found(f"{ended} frames, {accepted} accepted and {refused} refused: some uncounted")
    if not target.link.established():
        raise Found("a session ended by bytes alone")
    for name, count in (("inputs", inputs), ("sessions", 1), ("frames", ended)):
        total[name] += count
    total["accepted"] += accepted
    total["refused"] += refused


def main() -> int:
    parser = argparse.ArgumentParser(description="fuzz the receiving end of controller/")
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.0)
    options = parser.parse_args()
    begun = time.monotonic()
    try:
        total = run(options.inputs, options.seed, options.seconds)
    except Found as error:
        print(f"found (seed {options.seed}): {error}")
        return 1
    told = ", ".join(f"{count} {name}" for name, count in total.items())
    print(f"{told}; no exception, no false accept, every refusal counted")
    print(f"seed {options.seed}, {time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
