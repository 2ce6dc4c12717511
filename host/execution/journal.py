"""The write-ahead journal of orders: what may be on its way is known whenever this process is killed.

A file of fixed size, mapped shared. The gate writes an entry before each order (host.hotpath.wal), the
engine what became of it. What must survive decides how it is written:

    kill -9        A store to a shared mapping is in the page cache at once and needs nobody to write it
                   out: every order that left has its entry. A torn entry is the last one, and its order
                   has not left, because the entry is completed first.
    a power cut    What the kernel had not written is gone, and no fsync before each send could be
                   afforded. Whoever starts then asks the venue: open orders and executions carry ids
                   that say strategy, run and number (host.engine.provenance).

So nothing waits for a disk here. It belongs into memory (tmpfs): on a disk the kernel may hold a store
back while it writes the same page out.

Entries are numbered and checksummed. They are needed from `floor` on; when half of the slots are used,
what still counts is written again, from BEGIN to FLOOR, and the floor moves up to it. Without its FLOOR
such a block was cut off and counts for nothing.
"""

import fcntl
import mmap
import os
import struct
import zlib
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from host.hotpath.wal import HEAD_BYTES, INTENT, MOST_BYTES, SLOT_BYTES, Wal
from host.hotpath.words import Words

MAGIC, VERSION = 0x314C_4E52_4A34_5442, 1
SLOTS = 4096
ENDED, ACCOUNT, RUN, BEGIN, FLOOR = range(INTENT + 1, INTENT + 6)
_HEADER, _SLOT = struct.Struct("<QQQ"), struct.Struct("<QQQ")


class JournalBusy(OSError):
    """Another process writes this journal."""


class Account(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the executions before `cursor` have made of the account (see host.execution.position).

    cursor -- of the venue's list of executions: whoever comes after us asks for what follows it
    basis -- a fraction, as text
    """

    cursor: str
    qty: Decimal
    cash: Decimal
    fees_quote: Decimal = Decimal(0)
    basis: str = "0"
    fees: dict[str, Decimal] = {}


@dataclass
class Left:
    """What earlier runs have left.

    pending -- orders whose end is not known, id -> request as it was sent
    run -- the highest number of a run
    faults -- why not all of it can be read; then `account` is not to be trusted, and is None
    """

    pending: dict[str, dict[str, Any]] = field(default_factory=dict)
    account: Account | None = None
    run: int = 0
    faults: list[str] = field(default_factory=list)

    def take(self, kind: int, data: bytes) -> None:
        """Take one entry, oldest first."""
        if kind == INTENT:
            note(self.pending, msgspec.json.decode(data, type=dict))
        elif kind == ENDED:
            self.pending.pop(data.decode(), None)
        elif kind == ACCOUNT:
            self.account = msgspec.json.decode(data, type=Account)
        elif kind == RUN:
            self.run = max(self.run, int(data))


def note(pending: dict[str, dict[str, Any]], request: dict[str, Any]) -> None:
    """Add the orders that a request makes; `asked` is the most that a change has asked for."""
    if request["op"] == "amend":
        order = pending.get(request["id"])
        if order is not None and request["qty"] is not None:
            known = order.get("asked", order["qty"])
            order["asked"] = max(known, request["qty"], key=Decimal)
    else:
        for name in ("id", "stop_id"):
            if name in request:
                pending[request[name]] = dict(request)


class Found(NamedTuple):
    """What a journal's memory holds.

    entries -- (kind, bytes) of all that is still needed, oldest first
    floor, head -- number of the first entry that is needed, and of the next one
    """

    entries: list[tuple[int, bytes]]
    floor: int
    head: int
    faults: list[str]


def read(memory: bytes) -> Found:
    """Return what is there. A torn last entry is no fault: what it is of has not left."""
    slots = (len(memory) - HEAD_BYTES) // SLOT_BYTES
    found: dict[int, tuple[int, bytes]] = {}
    damaged = 0
    for slot in range(slots):
        at = HEAD_BYTES + slot * SLOT_BYTES
        number, word, checksum = _SLOT.unpack_from(memory, at)
        if not number:
            continue
        length = min(word & 0xFFFFFFFF, MOST_BYTES)
        data = memory[at + _SLOT.size : at + _SLOT.size + length]
        if checksum != zlib.crc32(struct.pack("<QQ", number - 1, word) + data):
            damaged += 1
        elif (number - 1) % slots == slot:
            found[number - 1] = (word >> 32, data)
    faults = [f"{damaged} entries do not fit their checksums"] if damaged else []
    head = max(found, default=-1) + 1
    floor = max((int(data) for kind, data in found.values() if kind == FLOOR), default=0)
    missing = sum(number not in found for number in range(floor, head))
    if missing:
        faults.append(f"{missing} entries are missing")
    # A block that was cut off is the last thing there is: what it repeats stands before it.
    cut = [n for n, (kind, _data) in found.items() if kind == BEGIN and n > floor]
    end = min(cut, default=head)
    needed = [found[number] for number in sorted(found) if floor <= number < end]
    return Found(needed, floor, head, faults)


class Journal:
    """The journal of one engine at one venue. Raises JournalBusy, or OSError when it cannot be had.

    left -- what earlier runs have left, as it was found
    wal -- its writing end, for the gate
    """

    def __init__(self, path: Path, slots: int = SLOTS) -> None:
        self.path = path
        size = HEAD_BYTES + slots * SLOT_BYTES
        faults = _set_aside_what_is_none(path, slots)
        if not path.exists():
            _make(path, size, slots)
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise JournalBusy(f"{path}: another engine writes it") from None
        flags = mmap.MAP_SHARED | mmap.MAP_POPULATE
        self._memory = mmap.mmap(self._fd, size, flags)
        self.left = self._read(faults)
        found = self.left
        self._pending = {order_id: dict(request) for order_id, request in found.pending.items()}
        self._run, self._account = found.run, found.account
        self.tend(now=True)

    def begin(self, run: int) -> None:
        """Note the number of the run that begins."""
        self._run = run
        self.wal.append(RUN, b"%d" % run)

    def sent(self, request: dict[str, Any]) -> None:
        """Take note of what the gate has written down and sent."""
        note(self._pending, request)

    def pending(self) -> list[str]:
        """Return the orders whose end is not known."""
        return list(self._pending)

    def stops(self, order_id: str) -> bool:
        """Return True for an order that was sent as a stop, whatever the venue has made of it."""
        request = self._pending.get(order_id, {})
        return request.get("type") == "stop" or request.get("stop_id") == order_id

    def ended(self, order_id: str) -> None:
        """Note that an order is filled, cancelled, refused, or was never known to the venue."""
        if self._pending.pop(order_id, None) is not None:
            self._append(ENDED, order_id.encode())

    def account(self, account: Account) -> None:
        """Note what the account has become, and up to where. Raises ValueError when it is too long."""
        data = msgspec.json.encode(account)
        if len(data) > MOST_BYTES:
            raise ValueError(f"an account of {len(data)} bytes, at most {MOST_BYTES} fit")
        self._account = account
        self._append(ACCOUNT, data)

    @property
    def full(self) -> bool:
        """True while what is needed does not fit: the gate lets nothing by that opens."""
        return self.wal.head - self.wal.floor > self.wal.slots * 3 // 4

    def tend(self, now: bool = False) -> None:
        """Make room when it is time; call every pass, outside of the hot path."""
        wal = self.wal
        used = wal.head - wal.floor
        if not now and used <= wal.slots // 2:
            return
        kept = [(BEGIN, b""), (RUN, b"%d" % self._run)]
        if self._account is not None:
            kept.append((ACCOUNT, msgspec.json.encode(self._account)))
        kept += [(INTENT, msgspec.json.encode(request)) for request in self._pending.values()]
        if used + len(kept) < wal.slots:
            first = wal.head
            for kind, data in [*kept, (FLOOR, b"%d" % first)]:
                wal.append(kind, data)
            wal.floor = first

    def close(self) -> None:
        """Let go of the file, for whoever opens it next; the mapping goes with its last reference."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        os.close(self._fd)

    def _append(self, kind: int, data: bytes) -> None:
        if not self.wal.append(kind, data):
            self.tend(now=True)
            self.wal.append(kind, data)  # or `full`, which an alert tells

    def _read(self, faults: list[str]) -> Left:
        found = read(self._memory[:])
        left = Left(faults=[*faults, *found.faults])
        for kind, data in found.entries:
            try:
                left.take(kind, data)
            except (msgspec.MsgspecError, ValueError, KeyError, TypeError) as error:
                left.faults.append(f"an entry of kind {kind}: {error}"[:200])
        if left.faults:
            left.account = None
        # All that could be read is written again: where there are holes, over what is there.
        floor = found.head if left.faults else found.floor
        slots = (len(self._memory) - HEAD_BYTES) // SLOT_BYTES
        self.wal = Wal(Words(self._memory, True), slots, found.head, floor)
        return left


def next_run(journals: list[Journal], now_ms: int) -> int:
    """Return the number of a run that begins: the time, but above every run before."""
    return max([now_ms, *(journal.left.run + 1 for journal in journals)])


def _make(path: Path, size: int, slots: int) -> None:
    fresh = path.with_name(path.name + ".new")
    fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(fd, 0, size)  # a store must not find the file system full
        os.pwrite(fd, _HEADER.pack(MAGIC, VERSION, slots), 0)
    finally:
        os.close(fd)
    fresh.replace(path)


def unusable(path: Path, slots: int = SLOTS) -> str:
    """Return why a file cannot be gone on with; empty when it can, or is not there."""
    try:
        with path.open("rb") as file:
            header, size = file.read(_HEADER.size), os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return ""
    if len(header) == _HEADER.size:
        magic, version, found = _HEADER.unpack(header)
        if magic == MAGIC and version != VERSION:
            return f"a journal of format {version}, this is {VERSION}"
        if (magic, found, size) == (MAGIC, slots, HEAD_BYTES + slots * SLOT_BYTES):
            return ""
    return f"no journal ({size} bytes)"


def _set_aside_what_is_none(path: Path, slots: int) -> list[str]:
    """Rename a file that is no journal of ours, for people to look at; return what it was."""
    why = unusable(path, slots)
    if not why:
        return []
    aside = path.with_name(path.name + ".damaged")
    path.replace(aside)
    return [f"{path.name} was {why}: set aside as {aside.name}"]
