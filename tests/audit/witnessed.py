"""Logs with receipts, made by a model of the witness, and attackers who own the host."""

import hashlib
import hmac
import random
import struct
from dataclasses import dataclass, field
from pathlib import Path

from host.audit.record import FORMAT_VERSION, ZERO_HASH, encode_data, seal, segment_name

KEY = bytes(range(32))


@dataclass
class Witness:
    """What controller/witness.py does, written once more from its description."""

    epoch: int = 1
    number: int = 0
    count: int = 0
    head: str = ZERO_HASH
    kept: tuple[int, int, str] = (0, 0, ZERO_HASH)

    def show(self, count: int, head: str) -> dict | None:
        """Return the receipt, or None when the head contradicts what stands."""
        if count < self.count or (count == self.count and head != self.head):
            return None
        if count > self.count:
            self.number, self.count, self.head = self.number + 1, count, head
        return self.receipt()

    def receipt(self, key: bytes = KEY) -> dict:
        """Return the receipt that stands."""
        signed = struct.pack(
            "<IIQ32s", self.epoch, self.number, self.count, bytes.fromhex(self.head)
        )
        mac = hmac.new(key, b"bot4 receipt" + signed, hashlib.sha256).hexdigest()
        told = {"epoch": self.epoch, "number": self.number, "count": self.count, "head": self.head}
        return {"n": 0, **told, "mac": mac}

    def keep(self) -> None:
        """HALT has fallen: to flash."""
        self.kept = (self.number, self.count, self.head)

    def power_cycle(self) -> None:
        """Back to what was kept, in the next epoch."""
        self.epoch += 1
        self.number, self.count, self.head = self.kept


@dataclass
class Log:
    """Records in memory, sealed as the writer seals them; `write` makes a directory of them."""

    hashes: list[str] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)

    def append(self, kind: str, data: dict, origin: str = "guard") -> None:
        """Seal one more record onto the chain."""
        prev = self.hashes[-1] if self.hashes else ZERO_HASH
        seq = len(self.lines) + 1
        line, digest = seal(seq, 10**18 + seq, seq, kind, origin, encode_data(data), prev)
        self.lines.append(line)
        self.hashes.append(digest)

    def open(self) -> None:
        """Begin a session of the recorder."""
        told = {"host_id": "h", "boot_id": "b", "format": FORMAT_VERSION}
        self.append("open", told, origin="recorder")

    def show(self, witness: Witness) -> None:
        """Show the head and record the receipt."""
        receipt = witness.show(len(self.lines), self.hashes[-1])
        if receipt is not None:
            self.append("receipt", receipt)

    def cut(self, length: int) -> "Log":
        """Return a copy of the first `length` records."""
        return Log(self.hashes[:length], self.lines[:length])

    def write(self, directory: Path, per_segment: int = 40) -> Path:
        """Write segments; return the directory."""
        directory.mkdir()
        for number, start in enumerate(range(0, len(self.lines), per_segment), start=1):
            part = b"".join(self.lines[start : start + per_segment])
            (directory / segment_name(number)).write_bytes(part)
        return directory


def honest(rng: random.Random, steps: int, log: Log, witness: Witness) -> None:
    """Trade, halt, show, and now and then lose power, as an honest host and a real box do."""
    if not log.lines:
        log.open()
        log.append("receipt", witness.receipt())
    for _ in range(steps):
        for _ in range(rng.randint(1, 4)):
            log.append("order", {"n": rng.getrandbits(30)}, origin="engine")
        if rng.random() < 0.2:
            log.append("mode", {"mode": "EMERGENCY"})
            witness.keep()
        if rng.random() < 0.1:
            witness.power_cycle()
            log.append("receipt", witness.receipt())
        if rng.random() < 0.5:
            log.show(witness)
    log.show(witness)
    witness.keep()
